"""The site plus bare views that show what Django itself costs, with the same middleware and log-in.

Each view reads the session and the user from the database, as every page for readers does. Then `insert` writes one row
in its own transaction, with CSRF protection; `page` reads the study and renders a form in the site's frame; `file`
sends a file of a stimulus's length.
"""

from pathlib import Path

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.wsgi import get_wsgi_application
from django.db import connection, models, transaction
from django.http import HttpResponse, JsonResponse
from django.template import engines
from django.urls import path
from django.utils import timezone

from turing import urls as site
from turing.models import Study

settings.ROOT_URLCONF = __name__
FILE = Path(settings.MEDIA_ROOT) / "bare.bin"
PAGE = """{% extends "base.html" %}{% block title %}{{ study.title }}{% endblock %}
{% block content %}<h1>{{ study.title }}</h1>
<form method="post">{% csrf_token %}<button>Next</button></form>{% endblock %}"""


class BareAnswer(models.Model):
    """The row that the bare insert writes; its table is the benchmark's, not the site's."""

    user_id = models.BigIntegerField()
    position = models.PositiveIntegerField()
    answer = models.CharField(max_length=10)
    confidence = models.PositiveSmallIntegerField(null=True)
    response_time_ms = models.PositiveIntegerField(null=True)
    answered_at = models.DateTimeField()

    class Meta:
        app_label = "turing"
        managed = False
        db_table = "benchmark_bare_answer"

    def __str__(self) -> str:
        return f"answer {self.pk}"


def prepare(length: int) -> None:
    """Make the table, and the file of `length` bytes."""
    with connection.schema_editor() as editor:
        editor.create_model(BareAnswer)
    FILE.write_bytes(bytes(length))


@login_required
def insert(request):
    with transaction.atomic():
        row = BareAnswer.objects.create(
            user_id=request.user.pk,
            position=request.POST["position"],
            answer=request.POST["answer"],
            confidence=request.POST["confidence"],
            response_time_ms=request.POST["response_time_ms"],
            answered_at=timezone.now(),
        )
    return JsonResponse({"stored": row.pk})


@login_required
def page(request):
    study = Study.objects.get(slug="benchmark")
    return HttpResponse(_page.render({"study": study, "user": request.user}, request))


@login_required
def file(request):
    return HttpResponse(FILE.read_bytes(), content_type="image/png")


urlpatterns = [
    *site.urlpatterns,
    path("bare/insert/", insert),
    path("bare/page/", page),
    path("bare/file/", file),
]
handler400, handler403, handler404, handler500 = (
    getattr(site, name, f"django.views.defaults.{default}")
    for name, default in (
        ("handler400", "bad_request"),
        ("handler403", "permission_denied"),
        ("handler404", "page_not_found"),
        ("handler500", "server_error"),
    )
)
_page = engines["django"].from_string(PAGE)
application = get_wsgi_application()
