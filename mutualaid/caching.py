"""What was shown to somebody who is signed in is kept by nobody: no proxy, and no browser that the
next person on the phone goes back in (security.md S14, F18)."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

KEPT_BY_NOBODY = "private, no-store"


class PrivateMiddleware:
    """An answer to somebody who is signed in says `no-store`, unless its view has said how long it
    may be kept (files that are the same for all)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not response.has_header("Cache-Control") and request.user.is_authenticated:
            response["Cache-Control"] = KEPT_BY_NOBODY
        return response
