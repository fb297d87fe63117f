"""Where each image comes from, whose it is and how it was taken, as columns of their own."""

from django.db import migrations, models
from django.db.models.functions import Length

PHANTOM_PREFIX = "PHANTOM_"
BATCH = 500
COLUMNS = {
    "patient_id": ("patient_id",),
    "image_type": ("image_type",),
    "age": ("age_approx", "age_approximate", "age"),
    "sex": ("sex", "gender"),
    "site": ("anatom_site_general_challenge", "anatom_site_general", "anatom_site", "localization", "region", "site"),
    "fitzpatrick_skin_type": ("fitzpatrick_skin_type", "fitspatrick", "fitzpatrick", "skin_type"),
}
NOTHING = {"", "unknown", "unk", "n/a", "na", "nan", "none", "null"}
SKIN_TYPES = dict(zip("123456", ("I", "II", "III", "IV", "V", "VI"), strict=True))


def fill(apps, schema_editor):
    """What the exports said stands in `metadata` already."""
    LesionImage = apps.get_model("gan", "LesionImage")
    waiting = []
    for image in LesionImage.objects.order_by("pk").iterator(chunk_size=BATCH):
        said = {
            field: next((text for name in names if (text := str(image.metadata.get(name) or "").strip())), "")
            for field, names in COLUMNS.items()
        }
        image.collection = "phantoms" if image.isic_id.startswith(PHANTOM_PREFIX) else "ISIC archive"
        patient = said["patient_id"]
        image.patient_id = "" if patient.lower() in NOTHING or len(patient) > 120 else patient
        image.image_type = " ".join(said["image_type"].lower().split())[:40] or "dermoscopic"
        image.age = age_of(said["age"])
        image.sex = {"f": "female", "female": "female", "m": "male", "male": "male"}.get(said["sex"].lower(), "")
        site = " ".join(said["site"].replace("_", " ").lower().split())[:80]
        image.site = "" if site in NOTHING else site
        skin = said["fitzpatrick_skin_type"].upper().removeprefix("TYPE ").removesuffix(".0")
        image.fitzpatrick_skin_type = SKIN_TYPES.get(skin, skin if skin in SKIN_TYPES.values() else "")
        waiting.append(image)
        if len(waiting) == BATCH:
            save(LesionImage, waiting)
    save(LesionImage, waiting)


def age_of(text):
    try:
        age = float(text)
    except ValueError:
        return None
    return round(age) if 0 <= age <= 120 else None


def save(model, images):
    model.objects.bulk_update(images, ["collection", *COLUMNS])
    images.clear()


def check_lengths(apps, schema_editor):
    """Backwards, ids must fit into the columns as they were."""
    LesionImage = apps.get_model("gan", "LesionImage")
    for field in ("isic_id", "lesion_id", "repeats"):
        longer = LesionImage.objects.annotate(length=Length(field)).filter(length__gt=64)
        if one := longer.first():
            raise ValueError(f"{one.isic_id}: {field} is longer than the 64 characters that were allowed before.")


class Migration(migrations.Migration):
    dependencies = [("gan", "0003_generators")]

    operations = [
        migrations.AddField(
            "lesionimage",
            "collection",
            models.CharField(blank=True, db_index=True, default="", help_text="What it came with.", max_length=80),
            preserve_default=False,
        ),
        migrations.AddField(
            "lesionimage",
            "patient_id",
            models.CharField(blank=True, db_index=True, default="", max_length=120),
            preserve_default=False,
        ),
        migrations.AddField(
            "lesionimage",
            "image_type",
            models.CharField(default="dermoscopic", help_text="How it was taken.", max_length=40),
        ),
        migrations.AddField(
            "lesionimage",
            "age",
            models.PositiveSmallIntegerField(
                blank=True, help_text="Years, as the collection rounds them.", null=True
            ),
        ),
        migrations.AddField(
            "lesionimage", "sex", models.CharField(blank=True, default="", max_length=10), preserve_default=False
        ),
        migrations.AddField(
            "lesionimage",
            "site",
            models.CharField(blank=True, default="", help_text="Where on the body.", max_length=80),
            preserve_default=False,
        ),
        migrations.AddField(
            "lesionimage",
            "fitzpatrick_skin_type",
            models.CharField(blank=True, default="", help_text="I to VI.", max_length=3),
            preserve_default=False,
        ),
        migrations.AddField(
            "lesionimage",
            "looks",
            models.CharField(
                blank=True,
                default="",
                help_text="Perceptual hash; empty: curation has not seen it.",
                max_length=16,
            ),
            preserve_default=False,
        ),
        migrations.AlterField(
            "lesionimage", "isic_id", models.CharField(max_length=120, unique=True, verbose_name="id")
        ),
        migrations.AlterField("lesionimage", "lesion_id", models.CharField(blank=True, db_index=True, max_length=120)),
        migrations.AlterField(
            "lesionimage",
            "repeats",
            models.CharField(blank=True, help_text="Id of the image that this one repeats.", max_length=120),
        ),
        migrations.RunPython(fill, check_lengths),
        migrations.AddIndex(
            "lesionimage", models.Index(fields=["verdict", "isic_id"], name="lesion_image_by_verdict")
        ),
        migrations.AddIndex(
            "lesionimage",
            models.Index(
                fields=["diagnosis", "is_phantom", "verdict", "image_type"], name="lesion_image_by_diagnosis"
            ),
        ),
        migrations.AddIndex(
            "lesionimage", models.Index(fields=["lesion_id", "patient_id"], name="lesion_image_lesion_patient")
        ),
    ]
