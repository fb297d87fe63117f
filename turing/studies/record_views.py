"""Pages on which generators and collections are renamed or deleted."""

from django import forms
from django.contrib import messages
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from gan.models import Generator, LesionImage
from turing.access import researcher_required
from turing.errors import StudyError
from turing.forms import OneLine
from turing.studies.record import (
    delete_collection,
    delete_generator,
    rename_collection,
    rename_generator,
    uses_of_collection,
)


class NameForm(forms.Form):
    name = OneLine(max_length=80, label="New name")
    version = OneLine(max_length=40, required=False)


@require_POST
@researcher_required
def generator_rename(request, id):
    found = get_object_or_404(Generator, pk=id)
    form = NameForm(request.POST)
    if not form.is_valid():
        messages.error(request, _first_error(form))
    else:
        _told(request, lambda: f"It is called {rename_generator(found, actor=request.user, **form.cleaned_data)} now.")
    return redirect(found)


@require_POST
@researcher_required
def generator_delete(request, id):
    found = get_object_or_404(Generator, pk=id)
    done = _told(request, lambda: f"{found} is deleted, with {delete_generator(found, request.user)} images.")
    return redirect("generators") if done else redirect(found)


@require_safe
@researcher_required
def collection(request):
    """One collection by its name, which is in the query because it may be any text."""
    name = _existing(request.GET)
    images = LesionImage.objects.filter(collection=name)
    context = {"name": name, "rows": images.by_diagnosis(), "count": images.count(), "in_use": uses_of_collection(name)}
    return render(request, "research/collection.html", context)


@require_POST
@researcher_required
def collection_rename(request):
    name, form = _existing(request.POST, "collection"), NameForm(request.POST)
    if not form.is_valid():
        messages.error(request, _first_error(form))
        return redirect(_address(name))
    new = form.cleaned_data["name"]
    done = _told(request, lambda: f"{rename_collection(name, new, request.user)} images belong to {new} now.")
    return redirect(_address(new if done else name))


@require_POST
@researcher_required
def collection_delete(request):
    name = _existing(request.POST, "collection")
    done = _told(request, lambda: f"{name} is deleted, with {delete_collection(name, request.user)} images.")
    return redirect("collections" if done else _address(name))


def _existing(values, key="name") -> str:
    name = values.get(key, "")
    if "\0" in name or not LesionImage.objects.filter(collection=name).exists():
        raise Http404
    return name


def _address(name: str) -> str:
    return f"{reverse('collection')}?{urlencode({'name': name})}"


def _first_error(form) -> str:
    return " ".join(f"{form[name].label}: {found[0]}" for name, found in form.errors.items())


def _told(request, act) -> bool:
    """Do the act, and tell the researcher how it went. Returns whether it was done."""
    try:
        messages.success(request, act())
    except StudyError as error:
        messages.error(request, str(error))
        return False
    return True
