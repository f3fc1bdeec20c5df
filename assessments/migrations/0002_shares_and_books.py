"""What Django cannot say: the partitioned shares, the balance of a journal, and the missing rights.

`assessments_share` has no foreign keys: 71 million checks a period; `check_books` anti-joins instead.
Partitions are made by the application through one SECURITY DEFINER function of the owner.
"""

from django.db import migrations

from mutualaid.history import revoke_changes

SHARES = """
CREATE TABLE assessments_share (
    period_id bigint NOT NULL,
    membership_id bigint NOT NULL,
    member_id bigint NOT NULL,
    amount_fen bigint NOT NULL CONSTRAINT share_not_negative CHECK (amount_fen >= 0),
    PRIMARY KEY (period_id, membership_id)
) PARTITION BY LIST (period_id);
CREATE INDEX share_of_membership ON assessments_share (membership_id, period_id);

CREATE FUNCTION assessments_share_is_history() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'pgtrigger: a share is inserted once and never changed'; END $$;
CREATE TRIGGER rows_never_change BEFORE UPDATE OR DELETE ON assessments_share
    FOR EACH ROW EXECUTE FUNCTION assessments_share_is_history();
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON assessments_share
    FOR EACH STATEMENT EXECUTE FUNCTION assessments_share_is_history();

CREATE FUNCTION assessments_make_partition(period bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS
$$
DECLARE
    part text := format('assessments_share_p%s', period);
BEGIN
    IF to_regclass(part) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format(
        'CREATE TABLE %I PARTITION OF assessments_share FOR VALUES IN (%s)', part, period);
    -- TRUNCATE of a partition does not fire the parent's statement trigger.
    EXECUTE format(
        'CREATE TRIGGER never_truncated BEFORE TRUNCATE ON %I'
        ' FOR EACH STATEMENT EXECUTE FUNCTION assessments_share_is_history()', part);
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %I FROM mutualaid_app', part);
END
$$;
"""

BALANCE = """
CREATE FUNCTION assessments_entry_balances() RETURNS trigger LANGUAGE plpgsql AS
$$
DECLARE
    total numeric;
    legs bigint;
BEGIN
    SELECT coalesce(sum(amount_fen), 0), count(*) INTO total, legs
      FROM assessments_posting WHERE entry_id = NEW.entry_id;
    IF total <> 0 OR legs < 2 THEN
        RAISE EXCEPTION 'Journal entry % does not balance: % postings, sum % fen.',
            NEW.entry_id, legs, total USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER entry_balances AFTER INSERT ON assessments_posting
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION assessments_entry_balances();
"""


class Migration(migrations.Migration):
    dependencies = [("assessments", "0001_initial"), ("mutualaid", "0001_clock_and_roles")]
    operations = [
        migrations.RunSQL(
            SHARES,
            "DROP TABLE assessments_share; DROP FUNCTION assessments_make_partition;"
            " DROP FUNCTION assessments_share_is_history;",
        ),
        migrations.RunSQL(
            BALANCE,
            "DROP TRIGGER entry_balances ON assessments_posting;"
            " DROP FUNCTION assessments_entry_balances;",
        ),
        revoke_changes("assessments_journalentry", "assessments_posting", "assessments_share"),
    ]
