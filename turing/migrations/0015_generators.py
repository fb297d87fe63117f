"""A study takes its generated images from generators, of which training runs are one kind."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gan", "0003_generators"),
        ("turing", "0014_preregistration"),
    ]

    operations = [
        migrations.RenameField("study", "runs", "generators"),
        migrations.AddField(
            model_name='study',
            name='generated_counts',
            field=models.JSONField(blank=True, default=dict, help_text="Number of images per diagnosis for a "
                "generator, by its id. The other generators share the rest equally."),
        ),
        migrations.AddField(
            model_name='study',
            name='image_type',
            field=models.CharField(default='dermoscopic', help_text='The real images are of this one type.', max_length=40),
        ),
        migrations.AddField(
            model_name='study',
            name='scaling',
            field=models.CharField(choices=[('pixels', 'pixel by pixel, with hard edges'), ('smooth', 'smoothly')], default='pixels', help_text='How the browser enlarges an image that is smaller than its place on the page.', max_length=10),
        ),
        migrations.AddField(
            model_name='study',
            name='through',
            field=models.PositiveIntegerField(editable=False, help_text='Pixels on a side by way of which the stimuli were made; null: see sizes.', null=True),
        ),
        migrations.AddField(
            model_name='study',
            name='untold',
            field=models.JSONField(editable=False, help_text='Generators whose training images were not known when it opened.', null=True),
        ),
        migrations.AlterField(
            model_name='study',
            name='generators',
            field=models.ManyToManyField(related_name='studies', to='gan.generator'),
        ),
    ]
