import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def move_drafts_off_fixed_addresses(apps, schema_editor):
    """A draft called 'new' has the address of the page that makes studies; its own page could not be reached.

    One that was opened keeps its address, which readers hold: commands reach it.
    """
    studies = apps.get_model("turing", "Study").objects
    for study in studies.filter(slug="new", state="draft"):
        taken = set(studies.values_list("slug", flat=True))
        study.slug = next(slug for slug in (f"new-{number}" for number in range(2, len(taken) + 3)) if slug not in taken)
        study.save(update_fields=["slug"])


class Migration(migrations.Migration):

    dependencies = [
        ("turing", "0010_study_language"),
    ]

    operations = [
        migrations.RenameField("study", "created_by", "owner"),
        migrations.AlterField(
            "study",
            "owner",
            models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="studies",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            "study",
            "visible_to_researchers",
            models.BooleanField(default=False, verbose_name="every researcher may see it"),
        ),
        migrations.CreateModel(
            name="Collaborator",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "email",
                    models.EmailField(
                        blank=True, help_text="Empty once the researcher has come.", max_length=254,
                        verbose_name="e-mail address",
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[("view", "see it"), ("edit", "see and change it")], default="view", max_length=10
                    ),
                ),
                (
                    "study",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="collaborators", to="turing.study"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.CASCADE, related_name="collaborations",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"ordering": ["pk"]},
        ),
        migrations.AddConstraint(
            "collaborator", models.UniqueConstraint(fields=("study", "user"), name="one_collaborator_per_user")
        ),
        migrations.AddConstraint(
            "collaborator",
            models.UniqueConstraint(
                condition=models.Q(("email", ""), _negated=True), fields=("study", "email"),
                name="one_collaborator_per_address",
            ),
        ),
        migrations.AddConstraint(
            "collaborator",
            models.CheckConstraint(
                condition=models.Q(
                    models.Q(("user__isnull", True), models.Q(("email", ""), _negated=True)),
                    models.Q(("email", ""), ("user__isnull", False)),
                    _connector="OR",
                ),
                name="collaborator_has_user_or_address",
            ),
        ),
        # Every line of before is a reader's: they alone were recorded.
        migrations.AddField(
            "auditline",
            "by",
            models.CharField(
                choices=[("researcher", "researcher"), ("reader", "reader"), ("command", "command line")],
                default="reader", max_length=10,
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            "auditline",
            "account",
            models.PositiveBigIntegerField(help_text="Number of the researcher's account.", null=True),
        ),
        migrations.AddField("auditline", "detail", models.JSONField(default=dict)),
        migrations.AddField(
            "auditline",
            "once",
            models.CharField(
                editable=False, help_text="What is recorded once an hour.", max_length=120, null=True, unique=True
            ),
        ),
        migrations.AlterField(
            "auditline",
            "pseudonym",
            models.CharField(blank=True, help_text="Of the reader who acted, or was reminded.", max_length=20),
        ),
        migrations.AlterField(
            "auditline",
            "study",
            models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="audit_lines", to="turing.study"
            ),
        ),
        migrations.AlterField(
            "auditline",
            "what",
            models.CharField(
                choices=[
                    ("created", "created the study"),
                    ("edited", "edited the draft"),
                    ("opened", "opened the study"),
                    ("paused", "paused the study"),
                    ("resumed", "resumed the study"),
                    ("closed", "closed the study"),
                    ("archived", "archived the study"),
                    ("restored", "restored the study from the archive"),
                    ("cloned", "cloned the study"),
                    ("viewed", "saw results before the study was closed"),
                    ("exported", "exported results"),
                    ("invited", "invited readers"),
                    ("reminded", "sent a reminder"),
                    ("shared", "let a collaborator in"),
                    ("joined", "came as a collaborator"),
                    ("unshared", "removed a collaborator"),
                    ("owned", "gave the study an owner"),
                    ("visible", "changed whether every researcher sees it"),
                    ("overruled", "overruled a verdict of curation"),
                    ("withdrew", "withdrew consent"),
                    ("erased", "had personal data erased"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddConstraint(
            "auditline",
            models.CheckConstraint(
                condition=models.Q(
                    models.Q(("account__isnull", False), ("by", "researcher")),
                    models.Q(
                        models.Q(("by", "reader")),
                        models.Q(("pseudonym", ""), _negated=True),
                        ("account__isnull", True),
                    ),
                    models.Q(("account__isnull", True), ("by", "command")),
                    _connector="OR",
                ),
                name="audit_line_has_an_actor",
            ),
        ),
        migrations.RunPython(move_drafts_off_fixed_addresses, migrations.RunPython.noop),
    ]
