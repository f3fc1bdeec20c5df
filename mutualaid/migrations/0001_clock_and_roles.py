"""The first migration: the clock, and what the application's role may do.

The owner (who runs this) owns every table. The application reads and writes rows; it may not
truncate, and history tables take UPDATE and DELETE away from it again (mutualaid/history.py).
"""

from django.db import migrations

CLOCK = """
CREATE TABLE mutualaid_clock (
    only_row boolean PRIMARY KEY DEFAULT true CONSTRAINT clock_only_row CHECK (only_row),
    "offset" interval NOT NULL DEFAULT interval '0',
    frozen_at timestamptz,
    movable boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE mutualaid_clock IS 'The offset of the clock; movable only in demo and tests.';
INSERT INTO mutualaid_clock DEFAULT VALUES;

CREATE FUNCTION mutualaid_now() RETURNS timestamptz LANGUAGE sql VOLATILE AS
$$ SELECT coalesce(frozen_at, clock_timestamp() + "offset") FROM mutualaid_clock $$;

CREATE FUNCTION mutualaid_set_clock(instant timestamptz, frozen boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS
$$
BEGIN
    UPDATE mutualaid_clock
       SET "offset" = coalesce(instant - clock_timestamp(), interval '0'),
           frozen_at = CASE WHEN frozen THEN instant END
     WHERE movable;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'The clock of this database does not move: it is not a demo.';
    END IF;
END
$$;
"""

RIGHTS = """
GRANT USAGE ON SCHEMA public TO mutualaid_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO mutualaid_app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO mutualaid_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO mutualaid_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO mutualaid_app;
REVOKE INSERT, UPDATE, DELETE ON mutualaid_clock, django_migrations FROM mutualaid_app;
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.RunSQL(
            CLOCK,
            "DROP FUNCTION mutualaid_set_clock; DROP FUNCTION mutualaid_now;"
            " DROP TABLE mutualaid_clock;",
        ),
        migrations.RunSQL(RIGHTS, migrations.RunSQL.noop),
    ]
