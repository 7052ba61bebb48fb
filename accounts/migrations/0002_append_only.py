"""The audit trail refuses change: rows are added, never updated or deleted."""

from typing import ClassVar

from django.db import migrations

REFUSE = """
CREATE FUNCTION accounts_loginevent_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_loginevent
    FOR EACH ROW EXECUTE FUNCTION accounts_loginevent_append_only();
"""
ALLOW = """
DROP TRIGGER append_only ON accounts_loginevent;
DROP FUNCTION accounts_loginevent_append_only();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accounts", "0001_initial")]
    operations: ClassVar = [migrations.RunSQL(REFUSE, ALLOW)]
