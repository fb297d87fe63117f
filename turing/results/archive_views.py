"""The page from which a researcher downloads a study's archive."""

import tempfile

from django.contrib import messages
from django.http import FileResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from turing.access import researcher_required
from turing.errors import StudyError
from turing.models import AuditLine, Study
from turing.results.archive.contents import Options, archive_files, archive_name
from turing.results.archive.packing import write_zip
from turing.results.counting import choose_population
from turing.results.looks import note_look
from turing.studies.permissions import get_study


@require_safe
@researcher_required
def archive(request, slug):
    """Send the zip from a file on disk, so that the images are never all in memory."""
    study = get_study(request, slug, studies=Study.objects.prefetch_related("generators"))
    population = choose_population(study, request.GET.get("readers"))
    note_look(study, population, request.user)
    options = Options(images="images" in request.GET, full_profiles="full_profiles" in request.GET)
    stream = tempfile.TemporaryFile()  # noqa: SIM115, the response closes it
    try:
        write_zip(archive_files(study, population, options), stream)
        stream.seek(0)
    except StudyError as error:  # while it is packed, too: the store may have lost an image
        stream.close()
        messages.error(request, str(error))
        return redirect("research-study", slug)
    except BaseException:
        stream.close()
        raise
    AuditLine.objects.record(AuditLine.What.EXPORTED, request.user, study, format="archive", readers=population.name)
    return FileResponse(stream, as_attachment=True, filename=archive_name(study, population))
