"""History tables: the application may read and add, never change (mutualaid/history.py)."""

from django.db import migrations

from mutualaid.history import revoke_changes


class Migration(migrations.Migration):
    dependencies = [("disclosures", "0001_initial"), ("mutualaid", "0001_clock_and_roles")]
    operations = [
        revoke_changes(
            "disclosures_disclosure",
            "disclosures_publishedfile",
        ),
    ]
