"""Triggers that make the database refuse to change or delete a line of the audit trail.

They are created after every `migrate`, not by one migration. On SQLite, a later change of the table makes a new table,
and the triggers of the old one are gone. PostgreSQL's TRUNCATE is allowed, because `flush` needs it. On SQLite `flush`
deletes line by line and is refused.
"""

from django.db import connections

TABLE = "turing_auditline"
MESSAGE = "the audit trail is only added to"
NAMES = {"UPDATE": "audit_lines_are_not_changed", "DELETE": "audit_lines_are_not_removed"}


def statements(vendor: str) -> list[str]:
    """SQL that creates missing triggers; none for other databases."""
    if vendor == "sqlite":
        return [
            f"CREATE TRIGGER IF NOT EXISTS {name} BEFORE {act} ON {TABLE} BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
            for act, name in NAMES.items()
        ]
    if vendor == "postgresql":
        return [
            "CREATE OR REPLACE FUNCTION refuse_to_change_audit_lines() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{MESSAGE}'; END $$",
            *(
                f"CREATE OR REPLACE TRIGGER {name} BEFORE {act} ON {TABLE} "
                "FOR EACH ROW EXECUTE FUNCTION refuse_to_change_audit_lines()"
                for act, name in NAMES.items()
            ),
        ]
    return []


def make_triggers(using: str = "default", **kwargs) -> None:
    """A receiver of `post_migrate`. Does nothing if a backward migration has removed the table."""
    connection = connections[using]
    with connection.cursor() as cursor:
        if TABLE in connection.introspection.table_names(cursor):
            for statement in statements(connection.vendor):
                cursor.execute(statement)
