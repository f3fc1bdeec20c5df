"""allauth's pages that are a little different here, under the same names and before its own urls.

Those about one's own account stand behind our step-up: allauth's own lets whoever has neither
password nor second factor pass."""

from __future__ import annotations

from typing import Any

from allauth.account import views as account
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.contrib.auth.decorators import login_required
from django.urls import path, reverse
from django.urls.resolvers import URLPattern

from members.login_forms import NumberForm
from members.stepup import View, fresh_login


class Login(account.LoginView):  # type: ignore[misc]
    """Every way in on one page; the number can be typed there at once (portal's page answers)."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"phone_form": NumberForm()}


class AddPasskey(webauthn.AddWebAuthnView):  # type: ignore[misc]
    """The spare codes that come with a passkey are shown at once to staff alone: a member is locked
    out by nothing, and finds them on the page of account security."""

    def get_success_url(self) -> str:
        shown: str = super().get_success_url()
        return shown if self.request.user.is_staff else reverse("mfa_index")


def _guarded(route: str, view: View, name: str) -> URLPattern:
    return path(route, login_required(fresh_login(view)), name=name)


urlpatterns = [
    path("login/", Login.as_view(), name="account_login"),
    _guarded("email/", account.email, "account_email"),
    _guarded("password/change/", account.password_change, "account_change_password"),
    _guarded("password/set/", account.password_set, "account_set_password"),
    _guarded("2fa/totp/activate/", totp.activate_totp, "mfa_activate_totp"),
    _guarded("2fa/totp/deactivate/", totp.deactivate_totp, "mfa_deactivate_totp"),
    _guarded("2fa/recovery-codes/", codes.view_recovery_codes, "mfa_view_recovery_codes"),
    _guarded(
        "2fa/recovery-codes/generate/", codes.generate_recovery_codes, "mfa_generate_recovery_codes"
    ),
    _guarded(
        "2fa/recovery-codes/download/", codes.download_recovery_codes, "mfa_download_recovery_codes"
    ),
    _guarded("2fa/webauthn/add/", AddPasskey.as_view(), "mfa_add_webauthn"),
    _guarded("2fa/webauthn/keys/<int:pk>/remove/", webauthn.remove_webauthn, "mfa_remove_webauthn"),
    _guarded("2fa/webauthn/keys/<int:pk>/edit/", webauthn.edit_webauthn, "mfa_edit_webauthn"),
]
