"""Forms about a person: registration, log-in, profile, passwords."""

from collections.abc import Callable

from django import forms
from django.contrib.auth import password_validation
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, PasswordResetForm, SetPasswordForm
from django.contrib.auth.tokens import default_token_generator
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext_lazy

from turing.accounts import LONGEST_ADDRESS, check_host
from turing.models import Reader, User
from turing.people import letters
from turing.people.post import send_later
from turing.people.throttle import forget_failures

LONGEST_PASSWORD = 1000


class AddressField(forms.EmailField):
    """An e-mail address in lower case, as accounts are found by it, and no longer than the database allows.

    It is made lower case before it is checked, because some capitals of other alphabets become two letters.
    """

    def __init__(self, **kwargs) -> None:
        kwargs.setdefault("widget", forms.EmailInput(attrs={"autocomplete": "email"}))
        super().__init__(max_length=LONGEST_ADDRESS, **kwargs)

    def to_python(self, value):
        return super().to_python(value).lower()


def password_field(label, autocomplete: str, **kwargs) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
    return forms.CharField(label=label, max_length=LONGEST_PASSWORD, strip=False, widget=widget, **kwargs)


def new_password_field() -> forms.CharField:
    rule = gettext_lazy("Use at least eight characters, and not a common word.")
    return password_field(gettext_lazy("New password"), "new-password", help_text=rule)


class LogInForm(AuthenticationForm):
    username = AddressField(label=gettext_lazy("E-mail"))
    password = password_field(gettext_lazy("Password"), "current-password")
    error_messages = {
        "invalid_login": gettext_lazy(
            "The e-mail address or the password is wrong. Check the capital letters in the password."
        ),
        "inactive": gettext_lazy(
            "The e-mail address or the password is wrong. Check the capital letters in the password."
        ),
    }


class ReaderForm(forms.ModelForm):
    """What a study needs to know about a reader."""

    class Meta:
        model = Reader
        fields = ["profession", "specialty", "years_experience", "country"]
        labels = {
            "profession": gettext_lazy("Profession"),
            "specialty": gettext_lazy("Specialty"),
            "years_experience": gettext_lazy("Years of experience"),
            "country": gettext_lazy("Country"),
        }


class RegistrationForm(ReaderForm):
    """A new user who is a reader. The form must not reveal whether the address is known."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=150, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    email = AddressField(label=gettext_lazy("E-mail"), validators=[check_host])
    password = password_field(
        gettext_lazy("Password"),
        "new-password",
        help_text=gettext_lazy("Use at least eight characters, and not a common word."),
    )

    field_order = ["name", "email", "password", "profession", "specialty", "years_experience", "country"]

    def clean(self):
        data = super().clean()
        if password := data.get("password"):
            user = User(name=data.get("name", ""), email=data.get("email", ""))
            try:
                password_validation.validate_password(password, user)
            except forms.ValidationError as error:
                self.add_error("password", error)
        return data

    @property
    def profile(self) -> dict:
        """The reader's fields."""
        return {name: self.cleaned_data[name] for name in ReaderForm.Meta.fields}


class ResetForm(PasswordResetForm):
    """Asks for an e-mail with a link to set a new password. Only confirmed addresses get one."""

    email = AddressField(label=gettext_lazy("E-mail"))

    def save(self, request=None, **kwargs) -> None:
        user = User.objects.filter(email=self.cleaned_data["email"], is_active=True).first()
        if user is None or not user.can_be_written_to:
            return
        send_later(user.email, self._letter(user, request.build_absolute_uri), "reset")

    def _letter(self, user: User, full_address: Callable[[str], str]) -> letters.Letter:
        if user.email_confirmed_at is None:
            return letters.not_confirmed(full_address(reverse("login")), full_address(reverse("register")))
        key = urlsafe_base64_encode(force_bytes(user.pk))
        path = reverse("password_reset_confirm", args=[key, default_token_generator.make_token(user)])
        return letters.reset(full_address(path))


class _NewPasswordForm:
    """Sets a password: no other field is written, and failed log-ins are forgotten."""

    def save(self, commit: bool = True) -> User:
        self.user.set_password(self.cleaned_data["new_password1"])
        self.user.save(update_fields=["password"])
        forget_failures(self.user.email)
        return self.user


class NewPasswordForm(_NewPasswordForm, SetPasswordForm):
    new_password1 = new_password_field()
    new_password2 = password_field(gettext_lazy("New password, once more"), "new-password")


class ChangePasswordForm(_NewPasswordForm, PasswordChangeForm):
    old_password = password_field(gettext_lazy("Password"), "current-password")
    new_password1 = new_password_field()
    new_password2 = password_field(gettext_lazy("New password, once more"), "new-password")


class CodeForm(forms.Form):
    """A code of the second factor: six digits from the app, or an emergency code."""

    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=20,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )

    def clean_code(self) -> str:
        return "".join(self.cleaned_data["code"].split()).lower()
