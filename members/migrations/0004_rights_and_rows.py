"""Rights of the new history tables, and what the rows from before need to go on.

Rules that were in force are published; who was added to a family had agreed in the way of that
time; who paid had agreed to pay.
"""

from django.db import migrations

from mutualaid.history import revoke_changes

PUBLISHED = "UPDATE members_rules SET published_at = mutualaid_now() WHERE published_at IS NULL"
CONSENTED = """
UPDATE members_householdlink
   SET consented_at = made_at,
       consent_way = CASE relation WHEN 'self' THEN 'self' WHEN 'child' THEN 'guardian'
                     ELSE 'paper' END
 WHERE consented_at IS NULL
"""
MANDATES = """
INSERT INTO members_mandate (account_id, given_at, expires_on)
SELECT payer_id, min(joined_at), (max(joined_at) AT TIME ZONE 'Asia/Shanghai')::date + 730
  FROM members_membership WHERE ended_at IS NULL GROUP BY payer_id
"""


class Migration(migrations.Migration):
    dependencies = [("members", "0003_register")]
    operations = [
        revoke_changes("members_erasure", "members_helprecord"),
        migrations.RunSQL(PUBLISHED, migrations.RunSQL.noop),
        migrations.RunSQL(CONSENTED, migrations.RunSQL.noop),
        migrations.RunSQL(MANDATES, migrations.RunSQL.noop),
    ]
