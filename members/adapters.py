"""What allauth asks us: how an account is made, who may log in, what a person may be told."""

from __future__ import annotations

import ipaddress
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from members import actions, sms
from members.fields import NumberField
from members.models import Account, Phone
from members.stepup import is_fresh
from mutualaid import clock
from mutualaid.errors import Forbidden, NotNow

DEMO_DOMAIN = "@demo.invalid"
# A proxy on this machine connects from loopback, too; these say that it speaks for another.
_FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP")
_AT_LOGIN = {Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN}  # what its stage asks about
_BY_PASSKEY, _BY_SPARE_CODE = "mfa_reauthenticate:webauthn", "mfa_reauthenticate"
_EMAIL_STAGE = "allauth.account.stages.EmailVerificationStage"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Signing up makes an Account as `create_user` does: lower-case e-mail, dated by our clock.
    Wrong passwords make the next try wait longer; they lock nobody out for good."""

    def save_user(
        self, request: HttpRequest, user: Account, form: Any, commit: bool = True
    ) -> Account:
        """Called by allauth's sign-up form, in its transaction."""
        user.made_at = clock.now()
        account: Account = super().save_user(request, user, form, commit=False)
        account.email = (account.email or "").lower() or None
        if commit:
            account.save()
        return account

    def pre_login(self, request: HttpRequest, user: Account, **kwargs: Any) -> HttpResponse | None:
        """Every way to log in passes here. Raises Forbidden for a demo login from elsewhere: its
        password and second factor are printed for all to read (design §8)."""
        if (user.email or "").endswith(DEMO_DOMAIN) and not is_on_this_machine(request):
            raise Forbidden(
                _("The demo's logins work only on the machine that runs it. Nothing was changed.")
            )
        answer: HttpResponse | None = super().pre_login(request, user, **kwargs)
        return answer

    def get_login_stages(self) -> list[str]:
        """allauth's, but an account by phone alone has no address to confirm."""
        ours = "members.login_stages.EmailStage"
        return [ours if path == _EMAIL_STAGE else path for path in super().get_login_stages()]

    # --- wrong passwords

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Raises ValidationError while the login or the address has to wait."""
        try:
            actions.check_turn(*self._turns(request, credentials), at=clock.now())
        except NotNow as error:
            raise ValidationError(str(error), code="too_many_login_attempts") from error

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        actions.count_turn(*self._turns(request, credentials), at=clock.now())

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Account | None:
        account: Account | None = super().authenticate(request, **credentials)
        if account:
            actions.forget_turns(self._turns(request, credentials)[0])
        return account

    def _turns(self, request: HttpRequest, credentials: dict[str, Any]) -> list[tuple[str, str]]:
        login = str(credentials.get("email") or credentials.get("phone") or "").lower()
        address = actions.network(self.get_client_ip(request))
        return [("pair", f"{login}|{address}"), ("login", login), ("place", address)]

    def _rollback_login_failed_rl_usage(self) -> None:
        """allauth's own count is not kept: ours stands in a table, for all processes."""

    # --- phones

    def phone_form_field(self, **kwargs: Any) -> Any:
        """Any way to write a mainland number; cleans to its 11 digits."""
        return NumberField(**kwargs)

    def get_phone(self, user: Account) -> tuple[str, bool] | None:
        phone = Phone.objects.filter(account=user.pk).first()
        number = actions.phone_number(user)
        return (number, phone.verified_at is not None) if phone and number else None

    def get_user_by_phone(self, phone: str) -> Account | None:
        return actions.account_by_phone(phone)

    def send_verification_code_sms(
        self, user: Account, phone: str, code: str, **kwargs: Any
    ) -> None:
        facts = {"code": code, "minutes": 10}
        sms.send(number=phone, code="code_enter", facts=facts)

    def set_phone(self, user: Account, phone: str, verified: bool) -> None:
        """Never asked: a number is written by actions.enter and actions.set_phone alone, once its
        code was read out. Raises NotImplementedError."""
        raise NotImplementedError

    def set_phone_verified(self, user: Account, phone: str) -> None:
        """Never asked either. Raises NotImplementedError."""
        raise NotImplementedError

    def is_reauthentication_required(self, app: str) -> bool:
        """A login of less than ten minutes ago is fresh enough for allauth's own pages too."""
        return not is_fresh(context.request)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """allauth's, and a code to the phone. What the person has at hand comes first: the spare
        codes that came with a passkey lie in a drawer, so their page is the last of all, but for
        whoever has a code app, which the same page asks for."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if user.is_authenticated and Phone.objects.filter(account=user.pk).exists():
            by_code = {
                "id": "fresh_code",
                "description": _("With a code to your phone"),
                "url": reverse("portal:fresh_code"),
            }
            methods.append(by_code)
        for method in methods:
            if method["id"] == _BY_PASSKEY:
                method["description"] = _("With a passkey")
        if not user.is_authenticated or has_code_app(user):
            return methods
        return sorted(methods, key=lambda method: method["id"] == _BY_SPARE_CODE)


def has_code_app(user: Any) -> bool:
    found: bool = Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists()
    return found


class MfaAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """A passkey lets in; it locks nobody out. Members who have one still sign in by a code to the
    phone, without it: it may lie in the phone they have lost. Staff are always asked for a second
    step, and for everybody a code app is one."""

    def is_mfa_enabled(self, user: Any, types: Any = None) -> bool:
        at_login = types is not None and set(types) == _AT_LOGIN
        if at_login and not user.is_staff:
            types = [Authenticator.Type.TOTP]
        enabled: bool = super().is_mfa_enabled(user, types=types)
        return enabled


def is_on_this_machine(request: HttpRequest) -> bool:
    """Whether the request came over loopback, and no proxy passed it on."""
    address = str(request.META.get("REMOTE_ADDR", ""))
    if not address or any(request.META.get(name) for name in _FORWARDED):
        return False
    return ipaddress.ip_address(address).is_loopback
