"""Drop the column `is_staff` that users of the very first version have: nobody fills it, and it may not be empty.

0001_initial was changed in place on its first day. A database made before that has the column still, and every
registration failed there.
"""

from django.db import migrations


def drop_is_staff(apps, schema_editor):
    connection = schema_editor.connection
    table = apps.get_model("turing", "User")._meta.db_table
    with connection.cursor() as cursor:
        columns = [column.name for column in connection.introspection.get_table_description(cursor, table)]
    if "is_staff" in columns:
        quote = connection.ops.quote_name
        schema_editor.execute(f"ALTER TABLE {quote(table)} DROP COLUMN {quote('is_staff')}")


class Migration(migrations.Migration):

    dependencies = [
        ("turing", "0012_accounts"),
    ]

    operations = [
        migrations.RunPython(drop_is_staff, migrations.RunPython.noop),
    ]
