"""Give a study an owner and collaborators, as its page does."""

from django.core.management.base import CommandError
from django.db import transaction

from console import ConsoleCommand
from turing.errors import StudyError
from turing.models import Collaborator
from turing.studies.lifecycle import find_study
from turing.studies.sharing import clean_address, find_researcher, give_to, set_visible, share, unshare


class Command(ConsoleCommand):
    help = "Say who owns a study, who else may see or change it, and whether every researcher sees it. Prints who does."
    example = "manage.py share_study melanoma-and-bcc --owner ada@clinic.example --view bo@clinic.example"
    may_be_empty = ("owner", "view", "edit", "remove")  # '' is refused, as no e-mail address

    def add_arguments(self, parser):
        parser.add_argument("study", metavar="STUDY", help="the study's slug")
        parser.add_argument("--owner", metavar="EMAIL", help="the owner before stays as one who may change it")
        for role, help_text in (("view", "may see it"), ("edit", "may see and change it"), ("remove", "no more")):
            parser.add_argument(f"--{role}", action="append", default=[], metavar="EMAIL", help=f"{help_text}; repeat")
        parser.add_argument("--visible", choices=["yes", "no"], help="whether every researcher may see it")
        parser.add_argument("--json", action="store_true")

    @transaction.atomic
    def handle(self, study, owner, visible, **options):
        found = find_study(study)
        wanted = {role: self._addresses(role, options[role]) for role in ("view", "edit", "remove")}
        named = [address for addresses in wanted.values() for address in addresses]
        if twice := sorted({address for address in named if named.count(address) > 1}):
            raise CommandError(f"{twice[0]} is named in more than one of --view, --edit and --remove.")
        if owner is not None:
            found = give_to(found, find_researcher(owner))
        for role in Collaborator.Role.values:
            for address in wanted[role]:
                share(found, address, role)
        for address in wanted["remove"]:
            collaborator = found.collaborators.at(address).first()
            if collaborator is None:
                raise CommandError(f"--remove: {address} is no collaborator of {found.slug}.")
            unshare(found, collaborator)
        if visible:
            found = set_visible(found, visible == "yes")
        self._tell(found, options["json"])

    def _addresses(self, role, given):
        try:
            return list(dict.fromkeys(clean_address(address) for address in given))
        except StudyError as error:
            raise CommandError(f"--{role}: {error}") from None

    def _tell(self, study, as_json):
        collaborators = [
            {"email": one.address, "role": one.role, "has_come": one.user_id is not None}
            for one in study.collaborators.select_related("user")
        ]
        state = {
            "study": study.slug,
            "owner": study.owner.email if study.owner else None,
            "visible_to_researchers": study.visible_to_researchers,
            "collaborators": collaborators,
        }
        if as_json:
            self.write_json(state)
            return
        self.stdout.write(f"{study.slug}: owner {state['owner'] or 'nobody: every researcher may see it'}")
        for one in collaborators:
            waits = "" if one["has_come"] else " (has not come yet)"
            self.stdout.write(f"  {one['email']}: may {Collaborator.Role(one['role']).label}{waits}")
        if study.owner:
            self.stdout.write(f"  every researcher may see it: {'yes' if study.visible_to_researchers else 'no'}")
