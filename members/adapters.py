"""What allauth asks us: how an account is made, and what a person may be told."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from members.models import Account
from mutualaid import clock


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Signing up makes an Account as `create_user` does: lower-case e-mail, dated by our clock."""

    def save_user(
        self, request: HttpRequest, user: Account, form: Any, commit: bool = True
    ) -> Account:
        """Called by allauth's sign-up form, in its transaction."""
        user.made_at = clock.now()
        account: Account = super().save_user(request, user, form, commit=False)
        account.email = account.email.lower()
        if commit:
            account.save()
        return account
