"""The page on which researchers plan a study."""

from django import forms
from django.http import Http404
from django.shortcuts import render
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from turing.access import researcher_required
from turing.errors import StudyError
from turing.models import Study
from turing.results.counting import choose_population
from turing.results.looks import note_look


def _structures():
    from turing.statistics.planning import STRUCTURES  # imports SciPy, which is loaded only with the first plan

    return [(name, name) for name in STRUCTURES]


class PlanForm(forms.Form):
    goal = forms.ChoiceField(
        choices=[("width", "a 95% interval of a given width"), ("margin", "to show that readers cannot tell")],
        label="What the study should reach",
    )
    width = forms.FloatField(
        initial=0.15, min_value=0.02, max_value=0.9, help_text="Width of the interval of the fooling rate."
    )
    margin = forms.FloatField(
        initial=0.1, min_value=0.01, max_value=0.3, help_text="Accuracy must lie within 0.5 plus or minus this margin."
    )
    power = forms.FloatField(
        initial=0.8, min_value=0.1, max_value=0.99, help_text="The probability of showing equivalence if it is true."
    )
    rate = forms.FloatField(
        required=False, min_value=0.02, max_value=0.98, label="Expected rate",
        help_text="The fooling rate or accuracy that you expect. If this is empty, the pilot's value is used, or 0.5.",
    )  # fmt: skip
    structure = forms.ChoiceField(
        choices=_structures,
        label="How readers and images differ",
        help_text="roe-metz: Roe and Metz (1997), HH: images differ much. moderate: readers have sd 0.5 and images 0.7 "
        "on the logit scale.",
    )
    pilot = forms.ModelChoiceField(
        Study.objects.none(),
        required=False,
        to_field_name="slug",
        label="Or take them from this study",
        help_text="Two readers or more, who have each answered every image. Simulated readers are used only while no "
        "person has answered.",
    )

    reader_variance = forms.FloatField(
        required=False, min_value=0, max_value=0.25, label="Or variance component of readers",
        help_text="For answers 0 and 1. Give both components.",
    )  # fmt: skip
    image_variance = forms.FloatField(required=False, min_value=0, max_value=0.25, label="and of images")

    def __init__(self, user, data) -> None:
        super().__init__(data)
        self.user = user
        self.fields["pilot"].queryset = Study.objects.exclude(state=Study.State.DRAFT).visible_to(user)

    def data_query(self) -> str:
        """The form's values as the query of an address."""
        return urlencode({name: self.data.get(name, "") for name in self.fields})


def _planned(form):
    from turing.planning.plans import make_goal, planned_population

    data = form.cleaned_data
    margin = data["margin"] if data["goal"] == "margin" else None
    if data["pilot"]:
        note_look(data["pilot"], choose_population(data["pilot"]), form.user)
    goal = make_goal(None if margin else data["width"], margin, data["power"])
    components = data["reader_variance"], data["image_variance"]
    return planned_population(data["rate"], data["structure"], data["pilot"], goal, components), goal


@require_safe
@researcher_required
def plan(request):
    from turing.planning.plans import study_plan

    first = {name: field.initial for name, field in PlanForm.base_fields.items() if field.initial is not None}
    form = PlanForm(request.user, request.GET or first | {"goal": "width", "structure": "roe-metz"})
    found = None
    if form.is_valid():
        try:
            found = study_plan(*_planned(form))
        except StudyError as error:
            form.add_error(None, str(error))
    return render(request, "research/plan.html", {"form": form, "found": found, "query": form.data_query()})


@require_safe
@researcher_required
def plan_curve(request, format):
    from turing.results.figures.planning import plan_figure
    from turing.results.figures.style import CONTENT_TYPES, drawn_for
    from turing.results.figures.style import render as render_figure
    from turing.results.views import figure_response

    form = PlanForm(request.user, request.GET)
    if format not in CONTENT_TYPES or not form.is_valid():
        raise Http404
    try:
        with drawn_for(narrow="narrow" in request.GET):
            content = render_figure(plan_figure(*_planned(form)), format)
    except StudyError:
        raise Http404 from None
    return figure_response(request, content, CONTENT_TYPES[format], f"plan.{format}")
