"""Run the main job end to end: images, a short training, samples, a study, simulated readers."""

import secrets
import tempfile
from io import StringIO
from pathlib import Path

from django.contrib.auth.models import Group
from django.core.management import call_command
from django.utils import timezone

from console import ConsoleCommand
from gan.models import GeneratedImage, LesionImage, TrainingRun
from turing.accounts import RESEARCHERS, Profession, Specialty
from turing.models import Reader, Reading, Study, User
from turing.studies.sharing import give_to

DIAGNOSES = ("melanoma", "basal cell carcinoma")
PHANTOMS = 400  # per diagnosis; enough to hold out 50 from training
PER_DIAGNOSIS = 50
SIMULATED_READERS = 20
RESEARCHER, CLINICIAN = "researcher@demo.example", "clinician@demo.example"


class Command(ConsoleCommand):
    help = "Fill the database with a demonstration study; what is there already is left as it is."
    example = "manage.py demo --isic ~/isic-export"

    def add_arguments(self, parser):
        parser.add_argument("--isic", type=Path, metavar="FOLDER", help="real images instead of drawn phantoms")
        parser.add_argument("--minutes", type=float, default=2.0, help="of training, in all (2)")

    def handle(self, isic, minutes, **options):
        name = "demo-isic" if isic else "demo-phantoms"
        self._images(isic)
        run = self._run(name, minutes, phantoms=isic is None)
        study = self._study(name, run)
        if not Reading.objects.filter(study=study, reader__is_simulated=True).exists():
            self._call("simulate_readers", study.slug, readers=SIMULATED_READERS)
        self._accounts(study)

    def _images(self, isic):
        if isic:
            self._call("import_isic", isic)
            self._call("curate_images")
        elif LesionImage.objects.filter(is_phantom=True).count() < PHANTOMS * len(DIAGNOSES):
            with tempfile.TemporaryDirectory() as folder:
                self._call("draw_phantoms", folder, count=PHANTOMS)
                self._call("import_isic", folder)

    def _run(self, name, minutes, *, phantoms):
        run = TrainingRun.objects.finished().filter(name=name).first()
        if run is None:
            # 64 pixels can be learnt on two cores while someone waits.
            settings = {"diagnosis": list(DIAGNOSES), "size": 64, "minutes": minutes, "phantoms": phantoms}
            # Hold out enough for a study, even if curation leaves only a few hundred real images.
            settings["held_out"] = 0.25
            self._call("train_gan", name=name, model="projected", **settings)
            run = (
                TrainingRun.objects.finished().filter(name=name).latest("pk")
            )  # two demos at the same time have trained two
        kept = GeneratedImage.objects.filter(generator=run).not_copies()
        if kept.exclude(audited_at=None).count() < PER_DIAGNOSIS * len(DIAGNOSES):
            self._call("sample_gan", run.pk, count=PER_DIAGNOSIS, reject_copies=True)
        return run

    def _study(self, name, run):
        study = Study.objects.filter(slug=name).first()
        if study is None:
            title = name.replace("-", " ")
            sizes = {"real": PER_DIAGNOSIS, "generated": PER_DIAGNOSIS, "stimulus_size": 64}
            self._call("create_study", title.capitalize(), run=[str(run.pk)], **sizes)
            study = Study.objects.get(slug=name)
        if study.is_draft:
            self._call("open_study", study.slug)
        return Study.objects.get(pk=study.pk)

    def _accounts(self, study):
        password = secrets.token_urlsafe(9)
        researcher = self._user(RESEARCHER, "Demo researcher", password)
        researcher.groups.add(Group.objects.get_or_create(name=RESEARCHERS)[0])
        if study.owner is None:
            give_to(study, researcher)
        clinician = self._user(CLINICIAN, "Demo clinician", password)
        profile = {"profession": Profession.DERMATOLOGIST, "specialty": Specialty.DERMATOLOGY, "country": "TR"}
        Reader.objects.get_or_create(user=clinician, defaults={**profile, "years_experience": 10})
        site = "http://127.0.0.1:8000"
        self.stdout.write(
            f"\nJudge images:  {site}{study.get_absolute_url()}\n               as {CLINICIAN}, or register\n"
            f"Read results:  {site}/research/studies/{study.slug}/results/\n               as {RESEARCHER}\n"
            f"Password of both, new at every demo: {password}\n"
        )

    def _user(self, email, name, password):
        user, _ = User.objects.get_or_create(email=email, defaults={"name": name, "email_confirmed_at": timezone.now()})
        user.set_password(password)
        user.save(update_fields=["password"])
        return user

    def _call(self, command, *args, **options):
        self.say(f"{command} {' '.join(map(str, args))}".rstrip())
        call_command(command, *map(str, args), stdout=StringIO(), stderr=self.stderr, **options)
