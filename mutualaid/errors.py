"""The three refusals, and their one translation into pages and API answers.

A refusal is foreseen: its text is a sentence for the person who reads it, saying what, where and
what to do. What nobody foresaw is never caught.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback


class Refused(Exception):
    """An action did nothing. `str(error)` is fit for the member; `field` names a form field."""

    status = 400

    def __init__(self, sentence: str | Promise, *, field: str | None = None) -> None:
        super().__init__(str(sentence))
        self.field = field


class Forbidden(Refused):
    """Not this person: 403."""

    status = 403


class NotNow(Refused):
    """Not in this state, or not at this time: 409. The sentence names the state."""

    status = 409


class Invalid(Refused):
    """Not with these words or numbers: 400."""

    status = 400


class RefusalMiddleware:
    """Shows a refusal that no view has translated as a page with its sentence and status."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Refused):
            return None
        template = f"{exception.status}.html"
        return render(request, template, {"sentence": str(exception)}, status=exception.status)


def api_refusal(error: Exception, context: dict[str, Any]) -> Any:
    """DRF's exception handler: the same sentence and the same status as on the page."""
    if isinstance(error, Refused):
        set_rollback()
        body = {"detail": str(error)} | ({"field": error.field} if error.field else {})
        return Response(body, status=error.status)
    if isinstance(error, PermissionDenied) and str(error):
        set_rollback()
        return Response({"detail": str(error)}, status=403)
    return exception_handler(error, context)
