"""What allauth asks us: how an account is made, who may log in, what a person may be told."""

from __future__ import annotations

import ipaddress
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from members.models import Account
from mutualaid import clock
from mutualaid.errors import Forbidden

DEMO_DOMAIN = "@demo.invalid"
# A proxy on this machine connects from loopback, too; these say that it speaks for another.
_FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP")


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Signing up makes an Account as `create_user` does: lower-case e-mail, dated by our clock."""

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


def is_on_this_machine(request: HttpRequest) -> bool:
    """Whether the request came over loopback, and no proxy passed it on."""
    address = str(request.META.get("REMOTE_ADDR", ""))
    if not address or any(request.META.get(name) for name in _FORWARDED):
        return False
    return ipaddress.ip_address(address).is_loopback
