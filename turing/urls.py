"""Addresses of the site."""

from django.conf import settings
from django.urls import include, path
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from turing import views
from turing.jobs import collection_views as collections
from turing.jobs import views as work
from turing.planning import views as plans
from turing.reading import after_views, study_views
from turing.reading import views as reading
from turing.results import archive_views as archives
from turing.results import generator_views as generators
from turing.results import image_views as images
from turing.results import run_views as runs
from turing.results import views as results
from turing.results.published import owner_views as publication
from turing.results.published import views as published
from turing.serving import health, metrics
from turing.studies import preregistration_views as preregistrations
from turing.studies import record_views as record
from turing.studies import sharing_views as sharing
from turing.studies import views as studies
from turing.studies.lifecycle import MOVES

handler500 = "turing.serving.failures.server_error"

urlpatterns = [
    path("", views.home, name="home"),
    path("language/", require_POST(set_language), name="set_language"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    *([path("metrics", metrics.metrics, name="metrics")] if settings.METRICS else []),
    path("attributions/", views.attributions, name="attributions"),
    path("attributions.csv", views.attributions_csv, name="attributions-csv"),
    path("accounts/token/", views.token, name="token"),
    path("accounts/", include("turing.people.urls")),
    path("studies/<slug:slug>/", study_views.study, name="study"),
    path("studies/<slug:slug>/continue/", reading.study_continue, name="study-continue"),
    path("studies/<slug:slug>/break/", reading.study_break, name="study-break"),
    path("studies/<slug:slug>/after/", after_views.after, name="study-after"),
    path("studies/<slug:slug>/feedback/", after_views.feedback, name="study-feedback"),
    path("studies/<slug:slug>/withdraw/", study_views.withdrawal, name="withdraw"),
    path("studies/<slug:slug>/certificate/", study_views.certificate, name="certificate"),
    path("studies/<slug:slug>/trials/<int:page>/", reading.trial, name="trial"),
    path("stimuli/<uuid:id>.png", reading.stimulus, name="stimulus"),
    path("published/<slug:slug>/", published.page, name="published"),
    path("published/<slug:slug>/figures/<slug:name>.<slug:format>", published.figure, name="published-figure"),
    path("published/<slug:slug>/tables/<slug:name>.csv", published.table, name="published-table"),
    path("published/<slug:slug>/images/<uuid:id>.png", published.image, name="published-image"),
    path("published/<slug:slug>/citation.<slug:format>", published.citation, name="published-citation"),
    path("published/<slug:slug>/references.bib", published.references, name="published-references"),
    path("published/<slug:slug>/archive.zip", published.archive, name="published-archive"),
    path("research/", studies.research, name="research"),
    path("research/plan/", plans.plan, name="plan"),
    path("research/plan/curve.<slug:format>", plans.plan_curve, name="plan-curve"),
    path("research/studies/new/", studies.create, name="study-create"),
    path("research/studies/<slug:slug>/", studies.detail, name="research-study"),
    path("research/studies/<slug:slug>/edit/", studies.edit, name="study-edit"),
    path("research/studies/<slug:slug>/open/", studies.change_state, {"action": "open"}, name="study-open"),
    *(
        path(
            f"research/studies/<slug:slug>/{action}/", studies.change_state, {"action": action}, name=f"study-{action}"
        )
        for action in MOVES
    ),
    path("research/studies/<slug:slug>/preview/<slug:kind>/<int:pk>.png", studies.preview, name="preview"),
    path("research/studies/<slug:slug>/clone/", studies.clone, name="study-clone"),
    path("research/studies/<slug:slug>/invitations/", studies.invitations, name="study-invitations"),
    path("research/studies/<slug:slug>/remind/<str:pseudonym>/", studies.remind, name="study-remind"),
    path("research/studies/<slug:slug>/preregistration/", preregistrations.preregistration, name="preregistration"),
    path(
        "research/studies/<slug:slug>/preregistration.<slug:format>",
        preregistrations.preregistration_file,
        name="preregistration-file",
    ),
    path("research/studies/<slug:slug>/publication/", publication.publication, name="study-publication"),
    path("research/studies/<slug:slug>/sharing/", sharing.sharing, name="study-sharing"),
    path("research/studies/<slug:slug>/trail/", sharing.trail, name="study-trail"),
    path("research/studies/<slug:slug>/trail.csv", sharing.trail_file, name="study-trail-csv"),
    path("research/trail/", sharing.trail, name="trail"),
    path("research/trail.csv", sharing.trail_file, name="trail-csv"),
    path("research/studies/<slug:slug>/results/", results.dashboard, name="results"),
    path("research/studies/<slug:slug>/results/look/", results.look, name="look"),
    path("research/studies/<slug:slug>/results/figures/<slug:name>.<slug:format>", results.figure, name="figure"),
    path("research/studies/<slug:slug>/results/responses.<slug:format>", results.download, name="export"),
    path("research/studies/<slug:slug>/results/report/", results.report, name="report"),
    path("research/studies/<slug:slug>/results/archive.zip", archives.archive, name="archive"),
    path("research/studies/<slug:slug>/results/tables/<slug:name>.csv", results.table, name="table"),
    path("research/generators/", generators.generators, name="generators"),
    path("research/generators/<int:id>/", generators.generator, name="generator"),
    path("research/generators/<int:id>/rename/", record.generator_rename, name="generator-rename"),
    path("research/generators/<int:id>/delete/", record.generator_delete, name="generator-delete"),
    path("research/generators/<int:id>/<slug:name>.<slug:format>", generators.generator_chart, name="generator-figure"),
    path("research/runs/", generators.runs, name="runs"),
    path("research/runs/<int:id>/", runs.run, name="run"),
    path("research/runs/<int:id>/state.json", runs.run_state, name="run-state"),
    path("research/runs/<int:id>/<slug:name>.<slug:format>", runs.run_chart, name="run-figure"),
    path("research/runs/<int:id>/grids/<path:diagnosis>/<int:step>.png", runs.run_grid, name="run-grid"),
    path("research/jobs/", work.jobs, name="jobs"),
    path("research/jobs/new/<slug:kind>/", work.start, name="job-start"),
    path("research/jobs/<int:id>/", work.job, name="job"),
    path("research/jobs/<int:id>/state.json", work.job_state, name="job-state"),
    path("research/jobs/<int:id>/cancel/", work.cancel, name="job-cancel"),
    path("research/jobs/<int:id>/again/", work.again, name="job-again"),
    path("research/jobs/<int:id>/import/", collections.import_upload, name="job-import"),
    path("research/jobs/<int:id>/check/", collections.check_again, name="job-check"),
    path("research/jobs/<int:id>/discard/", collections.discard_upload, name="job-discard"),
    path("research/collections/", collections.collections, name="collections"),
    path("research/collections/one/", record.collection, name="collection"),
    path("research/collections/rename/", record.collection_rename, name="collection-rename"),
    path("research/collections/delete/", record.collection_delete, name="collection-delete"),
    path("research/images/<slug:kind>/<int:pk>.png", images.picture, name="picture"),
    path("research/curation/", images.curation, name="curation"),
    path("research/curation/<int:pk>/", images.overrule, name="overrule"),
]
