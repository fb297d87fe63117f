"""Pages of accounts: registration, profile, confirmation of the e-mail address, passwords, logging out everywhere."""

from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from turing.access import require_form_methods, second_factor_required
from turing.errors import StudyError
from turing.models import Reader, User
from turing.people import throttle
from turing.people.backends import EMAIL_BACKEND
from turing.people.confirmation import check_link, send_confirmation
from turing.people.confirmation import confirm as confirm_address
from turing.people.forms import ReaderForm, RegistrationForm
from turing.people.pages import LONGEST_NEXT, landing_page, may_register, next_url, study_path
from turing.people.registration import register as register_reader
from turing.people.sessions import log_out_everywhere

CAME_FOR = "came-for"  # in the session: the page from which a reader registered


class LogIn(auth.LoginView):
    def get_redirect_url(self):
        wanted = super().get_redirect_url()
        return wanted if wanted.startswith("/") and len(wanted) <= LONGEST_NEXT else ""

    def get_default_redirect_url(self):
        return landing_page(self.request.user)


@require_form_methods
@sensitive_post_parameters("password")
@never_cache
def register(request):
    """Register a reader and log them in at once. The answer is the same for known and unknown e-mail addresses."""
    if not may_register(request):
        return render(request, "accounts/no_registration.html", {"next": next_url(request)}, status=403)
    form = RegistrationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        if _registers_too_often(request, data["email"]):
            return throttle.refusal(request, throttle.HOUR)
        user = register_reader(data["email"], data["name"], data["password"], form.profile, request.build_absolute_uri)
        login(request, user, backend=EMAIL_BACKEND)
        request.session[CAME_FOR] = next_url(request)
        messages.info(request, _("We have sent you an e-mail: please confirm your address when you have time."))
        return redirect(next_url(request))
    return render(request, "accounts/register.html", {"form": form, "next": next_url(request)})


def _registers_too_often(request, email: str) -> bool:
    """Whether registration is refused. It tries the password, so it is closed when log-in is."""
    by_account = throttle.too_often("registration", email, throttle.REGISTRATIONS_PER_ACCOUNT)
    address = throttle.client_address(request)
    by_address = throttle.too_often("registration-from", address, throttle.REGISTRATIONS_PER_ADDRESS)
    return by_account or by_address or throttle.is_locked_out(request, email)


@require_form_methods
@login_required
@never_cache
def profile(request):
    form = ReaderForm(request.POST or None, instance=getattr(request.user, "reader", None))
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            # Locked, so that erased data stay erased. Of two simultaneous first posts, the later changes the profile.
            if User.objects.select_for_update().filter(pk=request.user.pk, is_active=True).first():
                Reader.objects.update_or_create(user_id=request.user.pk, defaults=form.cleaned_data)
        messages.success(request, _("Your profile is saved."))
        return redirect(next_url(request))
    return render(request, "accounts/profile.html", {"form": form, "next": next_url(request)})


@require_form_methods
@login_required
@never_cache
def confirm(request, token):
    """GET asks, POST confirms, so that a mail program that opens links changes nothing."""
    try:
        check_link(request.user, token)
        if request.method == "POST":
            confirm_address(request.user)
    except StudyError as error:
        messages.error(request, str(error))
        return redirect("profile")
    if request.method == "POST":
        messages.success(request, _("Your e-mail address is confirmed."))
        return redirect(study_path(request.session.pop(CAME_FOR, "")) or landing_page(request.user))
    return render(request, "accounts/confirm.html")


@require_POST
@login_required
def send_link(request):
    """Send the e-mail that asks to confirm the address once more."""
    if request.user.email_confirmed_at is None:
        send_confirmation(request.user, request.build_absolute_uri)
    messages.info(request, _("We have sent you an e-mail with a link."))
    return redirect("profile")


@require_POST
@second_factor_required
def log_out_of_all(request):
    log_out_everywhere(request.user)
    logout(request)
    messages.success(request, _("You are logged out on every device."))
    return redirect("login")


class ForgottenPassword(auth.PasswordResetView):
    def post(self, request, *args, **kwargs):
        address = throttle.client_address(request)
        if throttle.too_often("reset-from", address, throttle.RESETS_PER_ADDRESS):
            return throttle.refusal(request, throttle.HOUR)
        return super().post(request, *args, **kwargs)


class ChangePassword(auth.PasswordChangeView):
    def form_valid(self, form):
        messages.success(self.request, _("Your password is changed; you are logged out on every other device."))
        return super().form_valid(form)

    def get_success_url(self):
        return reverse("profile")
