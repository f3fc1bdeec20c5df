"""Showing once more that it is you, before what could do harm in a stranger's hands."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.core.exceptions import ReauthenticationRequired
from django.http import HttpRequest
from django.http.response import HttpResponseBase

FRESH_SECONDS = 10 * 60
# A form that was opened freshly may be filled in for an hour: what was typed is not held up.
FORM_SECONDS = 60 * 60
_SAFE = ("GET", "HEAD")

View = Callable[..., HttpResponseBase]


def is_fresh(
    request: HttpRequest, *, seconds: int = FRESH_SECONDS, method: str | None = None
) -> bool:
    """Whether this session has shown who it is within so many seconds: by logging in, or once more;
    by that `method` ("mfa": a second factor) where one is named. Unlike allauth's own answer it is
    no for who has neither password nor second factor."""
    records = get_authentication_records(request, request.user)
    return any(
        0 <= time.time() - record["at"] < seconds and method in (None, record.get("method"))
        for record in records
    )


def fresh_login(view: View) -> View:
    """For pages of who is logged in: first the password, a passkey or a code to the phone, unless
    that was done ten minutes ago or less. A form sent later than that comes back with what was
    typed (allauth keeps it, sealed, in the session)."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        seconds = FRESH_SECONDS if request.method in _SAFE else FORM_SECONDS
        known = request.user.is_authenticated
        if known and not is_fresh(request, seconds=seconds):
            raise ReauthenticationRequired
        return view(request, *args, **kwargs)

    return guarded
