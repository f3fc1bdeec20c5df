"""allauth's login forms, where a person may sign in by phone as well."""

from __future__ import annotations

from typing import Any

from allauth.account import forms
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from django import forms as django_forms
from django.utils.translation import gettext_lazy as _

from members.fields import NumberField


class NumberForm(django_forms.Form):
    """The number that a code is to go to."""

    phone = NumberField()


class LoginForm(forms.LoginForm):  # type: ignore[misc]
    """Phone number or e-mail address, and the password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("E-mail address or mobile number")
        self.fields["login"].widget.attrs = {"autocomplete": "username"}

    def clean_login(self) -> str:
        """A number is found however it is spaced."""
        login: str = super().clean_login()
        digits = "".join(sign for sign in login if sign not in " -()")
        return login if "@" in login else digits.removeprefix("+86")


class RequestLoginCodeForm(forms.RequestLoginCodeForm):  # type: ignore[misc]
    """A code by e-mail; one by SMS has a page of its own, which is the same for every number."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["phone"]
        self.fields["email"].required = True


class _NewPassword:
    """What a password has to be, in one sentence instead of a list."""

    fields: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].help_text = _("At least 10 characters, and not easy to guess")


class SignupForm(_NewPassword, forms.SignupForm):  # type: ignore[misc]
    pass


class SetPasswordForm(_NewPassword, forms.SetPasswordForm):  # type: ignore[misc]
    pass


class ChangePasswordForm(_NewPassword, forms.ChangePasswordForm):  # type: ignore[misc]
    pass


class ResetPasswordForm(_NewPassword, forms.ResetPasswordKeyForm):  # type: ignore[misc]
    pass


class AddPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]
    """A key with a name. What allauth asks beside (may it sign in alone?) is always yes: the page
    sends it as a hidden tick, since a key that cannot is none to whoever reads our page."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Name of the device")
        self.fields["name"].help_text = _("For example: my phone")
        self.fields["name"].max_length = 60
        self.initial["name"] = ""
