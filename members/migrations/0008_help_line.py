"""The help line's calls, and accounts asked back that survive an objection.

Whoever had asked before was told at that instant.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

TOLD = "UPDATE members_recovery SET told_at = asked_at WHERE told_at IS NULL"


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0007_drafts"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="helpcall",
            options={"verbose_name": "help call", "verbose_name_plural": "help calls"},
        ),
        migrations.RemoveConstraint(
            model_name="recovery",
            name="recovery_one_open",
        ),
        migrations.AddField(
            model_name="recovery",
            name="objected_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="recovery",
            name="told_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="recovery",
            name="upheld_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="recovery",
            name="upheld_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="helpcall",
            index=models.Index(fields=["-asked_at", "-id"], name="help_call_newest"),
        ),
        migrations.AddIndex(
            model_name="helpcall",
            index=models.Index(fields=["by", "-asked_at", "-id"], name="help_call_by_newest"),
        ),
        migrations.AddIndex(
            model_name="helprecord",
            index=models.Index(fields=["member", "-at"], name="help_record_of_member"),
        ),
        migrations.RunSQL(TOLD, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="helpcall",
            constraint=models.CheckConstraint(
                condition=models.Q(("tries__lte", 5)), name="help_call_few_tries"
            ),
        ),
        migrations.AddConstraint(
            model_name="helpcall",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("consented_at__isnull", True),
                    models.Q(
                        ("consented_at__gte", models.F("asked_at")),
                        ("consented_at__lt", models.F("until_at")),
                    ),
                    _connector="OR",
                ),
                name="help_call_consented_in_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="helpcall",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("closed_at__isnull", True),
                    ("closed_at__gte", models.F("asked_at")),
                    _connector="OR",
                ),
                name="help_call_closed_in_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="recovery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("done_at__isnull", True), ("told_at__isnull", False), _connector="OR"
                ),
                name="recovery_done_only_told",
            ),
        ),
        migrations.AddConstraint(
            model_name="recovery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("done_at__isnull", True),
                    ("objected_at__isnull", True),
                    ("upheld_at__isnull", False),
                    _connector="OR",
                ),
                name="recovery_done_against_objection_only_upheld",
            ),
        ),
        migrations.AddConstraint(
            model_name="recovery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("upheld_at__isnull", True), ("upheld_by__isnull", True)),
                    models.Q(
                        ("upheld_at__isnull", False),
                        ("upheld_by__isnull", False),
                        ("confirmed_by__isnull", False),
                        ("objected_at__isnull", False),
                        models.Q(("upheld_by", models.F("confirmed_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="recovery_upheld_by_another",
            ),
        ),
        migrations.AddConstraint(
            model_name="recovery",
            constraint=models.UniqueConstraint(
                condition=models.Q(("done_at__isnull", True), ("stopped_at__isnull", True)),
                fields=("account", "number_hash"),
                name="recovery_one_open_for_a_number",
            ),
        ),
        migrations.AddConstraint(
            model_name="recovery",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("confirmed_at__isnull", False),
                    ("done_at__isnull", True),
                    ("stopped_at__isnull", True),
                ),
                fields=("account",),
                name="recovery_one_confirmed",
            ),
        ),
    ]
