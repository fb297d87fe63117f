"""A training run becomes one kind of generator: rows, ids and links stay, images of other generators can join them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gan", "0002_curation_and_audit"),
        # A study's link to its runs follows the new name, so it must be there before.
        ("turing", "0014_preregistration"),
    ]

    operations = [
        migrations.RemoveConstraint("generatedimage", "one_image_per_latent_seed"),
        migrations.RemoveConstraint("trainingevaluation", "one_evaluation_per_step"),
        migrations.RenameModel("TrainingRun", "Generator"),
        migrations.RenameModel("TrainingEvaluation", "Evaluation"),
        migrations.RenameField("generatedimage", "run", "generator"),
        migrations.RenameField("evaluation", "run", "generator"),
        migrations.CreateModel(
            name="TrainingRun",
            fields=[],
            options={
                "ordering": ["-pk"],
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("gan.generator",),
        ),
        migrations.AddField(
            model_name="generatedimage",
            name="name",
            field=models.CharField(blank=True, help_text="Of an imported image, its file as it came.", max_length=200),
        ),
        migrations.AddField(
            model_name="generator",
            name="kind",
            field=models.CharField(
                choices=[("run", "training run"), ("external", "external generator")], default="run", max_length=10
            ),
        ),
        migrations.AddField(
            model_name="generator",
            name="licence",
            field=models.CharField(blank=True, max_length=60),
        ),
        migrations.AddField(
            model_name="generator",
            name="made_by",
            field=models.CharField(blank=True, max_length=120),
        ),
        migrations.AddField(
            model_name="generator",
            name="source",
            field=models.CharField(blank=True, max_length=300, verbose_name="paper or address"),
        ),
        migrations.AddField(
            model_name="generator",
            name="trained_on",
            field=models.CharField(
                choices=[("known", "known"), ("not_told", "not told")], default="known", max_length=10
            ),
        ),
        migrations.AddField(
            model_name="generator",
            name="training_data",
            field=models.JSONField(default=dict, help_text="How they were told, as gan.importing.trained_on."),
        ),
        migrations.AddField(
            model_name="generator",
            name="version",
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AlterField(
            model_name="evaluation",
            name="step",
            field=models.PositiveIntegerField(default=0, help_text="Of the training; 0 for an external generator."),
        ),
        migrations.AlterField(
            model_name="generatedimage",
            name="audited_at",
            field=models.DateTimeField(blank=True, help_text="When it was looked up for copying.", null=True),
        ),
        migrations.AlterField(
            model_name="generatedimage",
            name="latent_seed",
            field=models.PositiveBigIntegerField(help_text="Of a training run's sample.", null=True),
        ),
        migrations.AlterField(
            model_name="generatedimage",
            name="nearest_name",
            field=models.CharField(blank=True, help_text="The nearest of the images compared with.", max_length=200),
        ),
        migrations.AlterField(
            model_name="generator",
            name="data_count",
            field=models.PositiveIntegerField(default=0, help_text="Training images; 0 where not told."),
        ),
        migrations.AlterField(
            model_name="generator",
            name="data_fingerprint",
            field=models.CharField(
                blank=True, help_text="SHA-256 over the training images, in order; empty where not told.", max_length=64
            ),
        ),
        migrations.AlterField(
            model_name="generator",
            name="device",
            field=models.CharField(blank=True, max_length=60),
        ),
        migrations.AlterField(
            model_name="generator",
            name="model",
            field=models.CharField(blank=True, max_length=20),
        ),
        migrations.AlterField(
            model_name="generator",
            name="seed",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="generator",
            name="settings",
            field=models.JSONField(default=dict, help_text="The training's settings, as gan.training.Settings."),
        ),
        migrations.AlterField(
            model_name="generator",
            name="size",
            field=models.PositiveIntegerField(
                help_text="Pixels on each side; of images of several sizes the smallest."
            ),
        ),
        migrations.AlterField(
            model_name="generator",
            name="training_images",
            field=models.ManyToManyField(blank=True, related_name="generators", to="gan.lesionimage"),
        ),
        migrations.AddConstraint(
            model_name="evaluation",
            constraint=models.UniqueConstraint(
                fields=("generator", "diagnosis", "step"), name="one_evaluation_per_step"
            ),
        ),
        migrations.AddConstraint(
            model_name="generatedimage",
            constraint=models.UniqueConstraint(
                fields=("generator", "diagnosis", "latent_seed", "truncation"), name="one_image_per_latent_seed"
            ),
        ),
        migrations.AddConstraint(
            model_name="generatedimage",
            constraint=models.UniqueConstraint(
                condition=models.Q(("latent_seed", None)),
                fields=("generator", "sha256"),
                name="one_imported_image_per_content",
            ),
        ),
        migrations.AddConstraint(
            model_name="generator",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "external")),
                fields=("name", "version"),
                name="one_external_generator_of_a_name_and_version",
            ),
        ),
    ]
