"""Addresses of accounts, below /accounts/."""

from django.contrib.auth import views as auth
from django.urls import path

from turing.access import require_form_methods, second_factor_required
from turing.people import two_factor, views
from turing.people.forms import ChangePasswordForm, LogInForm, NewPasswordForm, ResetForm

log_in = views.LogIn.as_view(template_name="accounts/login.html", authentication_form=LogInForm)
change_password = views.ChangePassword.as_view(
    template_name="accounts/password_change.html", form_class=ChangePasswordForm
)
forgotten_password = views.ForgottenPassword.as_view(template_name="accounts/password_reset.html", form_class=ResetForm)
new_password = auth.PasswordResetConfirmView.as_view(
    template_name="accounts/password_new.html", form_class=NewPasswordForm
)

urlpatterns = [
    path("register/", views.register, name="register"),
    path("profile/", views.profile, name="profile"),
    path("login/", log_in, name="login"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("logout/everywhere/", views.log_out_of_all, name="logout-everywhere"),
    path("confirm/", views.send_link, name="confirm-send"),
    path("confirm/<str:token>/", views.confirm, name="confirm"),
    path("password/", require_form_methods(second_factor_required(change_password)), name="password_change"),
    # Names that Django's own views look for.
    path("password/forgotten/", forgotten_password, name="password_reset"),
    path(
        "password/forgotten/sent/",
        auth.PasswordResetDoneView.as_view(template_name="accounts/password_sent.html"),
        name="password_reset_done",
    ),
    path("password/new/<uidb64>/<token>/", require_form_methods(new_password), name="password_reset_confirm"),
    path(
        "password/new/done/",
        auth.PasswordResetCompleteView.as_view(template_name="accounts/password_done.html"),
        name="password_reset_complete",
    ),
    path("two-factor/", two_factor.two_factor, name="two-factor"),
    path("two-factor/code.svg", two_factor.picture, name="two-factor-picture"),
    path("two-factor/check/", two_factor.check, name="two-factor-check"),
]
