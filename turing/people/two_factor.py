"""A second factor for researchers: codes of an app (TOTP), and emergency codes if the phone is lost."""

import io
from base64 import b32encode

import django_otp
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from turing.access import is_past_second_factor, require_form_methods, researcher_role_required
from turing.models import User
from turing.people.forms import CodeForm
from turing.people.pages import next_url

EMERGENCY_CODES = 10


@require_form_methods
@researcher_role_required
@never_cache
def two_factor(request):
    """Set up, see or switch off the second factor. Once it is set up, the page asks for it first."""
    user = request.user
    if not is_past_second_factor(user):
        return redirect(f"{reverse('two-factor-check')}?{urlencode({'next': request.path})}")
    if request.method == "POST" and "begin" in request.POST:
        _begin(user)
        return redirect("two-factor")
    if request.method == "POST" and "remove" in request.POST:
        remove_second_factor(user)
        return redirect("two-factor")
    waiting = None if user.has_second_factor else _waiting(user)
    form = CodeForm(request.POST if "code" in request.POST else None)
    if waiting and form.is_valid():
        if codes := _confirm(request, waiting, form.cleaned_data["code"]):
            return render(request, "accounts/two_factor_codes.html", {"codes": codes})
        form.add_error("code", _wrong(waiting))
    context = {"device": waiting, "form": form, "secret": _written(waiting) if waiting else ""}
    return render(request, "accounts/two_factor.html", context, status=422 if form.errors else 200)


@require_safe
@researcher_role_required
@never_cache
def picture(request):
    """The secret as a QR code, while the second factor waits to be confirmed."""
    import segno  # imported here, so that no worker loads it at start-up

    waiting = None if request.user.has_second_factor else _waiting(request.user)
    if waiting is None:
        raise Http404
    buffer = io.BytesIO()
    segno.make(waiting.config_url, micro=False).save(buffer, kind="svg", scale=6, border=4, light="#ffffff")
    return HttpResponse(buffer.getvalue(), content_type="image/svg+xml")


@require_form_methods
@researcher_role_required
@never_cache
def check(request):
    """Ask for a code, then redirect to the requested page."""
    if is_past_second_factor(request.user):
        return redirect(next_url(request))
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        code = form.cleaned_data["code"]
        kind = TOTPDevice if code.isdecimal() else StaticDevice
        devices = list(kind.objects.filter(user=request.user, confirmed=True))
        for device in devices:
            if verified := django_otp.verify_token(request.user, device.persistent_id, code):
                django_otp.login(request, verified)
                request.session.cycle_key()
                return redirect(next_url(request))
        form.add_error("code", _wrong(devices[0]) if devices else _("This code is wrong."))
    context = {"form": form, "next": next_url(request)}
    return render(request, "accounts/two_factor_check.html", context, status=422 if form.errors else 200)


def _waiting(user: User) -> TOTPDevice | None:
    return TOTPDevice.objects.filter(user=user, confirmed=False).order_by("-pk").first()


@transaction.atomic
def _begin(user: User) -> None:
    User.objects.select_for_update().get(pk=user.pk)  # two clicks leave only one secret
    if not TOTPDevice.objects.filter(user=user).exists():
        TOTPDevice.objects.create(user=user, name="app", confirmed=False)


@transaction.atomic
def _confirm(request, device: TOTPDevice, code: str) -> list[str]:
    """Switch the second factor on, and return the emergency codes; None if `code` is wrong."""
    verified = django_otp.verify_token(request.user, device.persistent_id, code)
    if verified is None:
        return []
    verified.confirmed = True
    verified.save(update_fields=["confirmed"])
    StaticDevice.objects.filter(user=request.user).delete()
    emergency = StaticDevice.objects.create(user=request.user, name="emergency")
    codes = [StaticToken.random_token() for _ in range(EMERGENCY_CODES)]
    StaticToken.objects.bulk_create(StaticToken(device=emergency, token=one) for one in codes)
    django_otp.login(request, verified)
    return codes


@transaction.atomic
def remove_second_factor(user: User) -> bool:
    """Remove the second factor. Returns whether there was one."""
    removed, _ = TOTPDevice.objects.filter(user=user).delete()
    StaticDevice.objects.filter(user=user).delete()
    return bool(removed)


def _wrong(device) -> str:
    device.refresh_from_db()
    if device.verify_is_allowed()[0]:
        return _("This code is wrong.")
    return _("This code is wrong, or there were too many wrong codes. Wait a moment, then enter the next code.")


def _written(device: TOTPDevice) -> str:
    """The secret in groups of four letters, to type if the code cannot be photographed."""
    text = b32encode(device.bin_key).decode()
    return " ".join(text[index : index + 4] for index in range(0, len(text), 4))
