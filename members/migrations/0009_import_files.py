import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0008_help_line"),
    ]

    operations = [
        migrations.AddField(
            model_name="importrun",
            name="gone_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.CreateModel(
            name="Receipt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("language", models.TextField()),
                ("asked_at", models.DateTimeField()),
                ("made_at", models.DateTimeField(null=True)),
                ("pdf_sealed", models.BinaryField(null=True)),
                (
                    "member",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="receipts",
                        to="members.member",
                    ),
                ),
                (
                    "membership",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="receipts",
                        to="members.membership",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("made_at__isnull", True)),
                        fields=["asked_at", "id"],
                        name="receipt_waiting",
                    ),
                    models.Index(
                        condition=models.Q(("made_at__isnull", False)),
                        fields=["made_at"],
                        name="receipt_old",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("membership", "language"), name="receipt_once_a_language"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("made_at__isnull", True), ("pdf_sealed__isnull", True)),
                            models.Q(("made_at__isnull", False), ("pdf_sealed__isnull", False)),
                            _connector="OR",
                        ),
                        name="receipt_made_whole",
                    ),
                ],
            },
        ),
    ]
