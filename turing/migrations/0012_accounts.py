from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import migrations, models

OLD, NEW = "django.contrib.auth.backends.ModelBackend", "turing.people.backends.EmailBackend"


def keep_sessions(apps, schema_editor):
    """Whoever is logged in stays so: a session names the class that logged its user in, which is another one now."""
    for session in apps.get_model("sessions", "Session").objects.iterator():
        data = SessionStore().decode(session.session_data)
        if data.get(BACKEND_SESSION_KEY) == OLD:
            session.session_data = SessionStore().encode(data | {BACKEND_SESSION_KEY: NEW})
            session.save(update_fields=["session_data"])


class Migration(migrations.Migration):

    dependencies = [
        ('turing', '0010_study_language'),
        ('sessions', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='claimed_email',
            field=models.EmailField(blank=True, db_index=True, default='', editable=False, help_text='Given at registration, held by another account.', max_length=254),
        ),
        migrations.AddField(
            model_name='user',
            name='email_confirmed_at',
            field=models.DateTimeField(editable=False, help_text='When its owner followed the link sent to it.', null=True),
        ),
        migrations.AddField(
            model_name='user',
            name='times_logged_out',
            field=models.PositiveIntegerField(default=0, editable=False, help_text='Everywhere at once: sessions of before are no longer good.'),
        ),
        migrations.RunPython(keep_sessions, migrations.RunPython.noop),
    ]
