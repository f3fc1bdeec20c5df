"""The pages that belong to no app: errors, and the list of components for developers."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import get_template
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from mutualaid import gallery as samples


@require_safe
def gallery(request: HttpRequest) -> HttpResponse:
    """Every component once, with its file or class. urls.py serves it outside production only."""
    return render(request, "components/gallery.html", samples.context())


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400: the browser sent what no page of ours sends."""
    return render(request, "400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: with the sentence that refused, if there is one."""
    return render(request, "403.html", {"sentence": str(exception or "")}, status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: without the address, which may say what somebody looked for."""
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500: without a request, because what broke may be what the context needs."""
    return HttpResponse(get_template("500.html").render(), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form that was open too long or came from elsewhere; `reason` is for nobody."""
    sentence = _(
        "This page was open too long, so nothing was sent. Go back, reload the page and send it"
        " again."
    )
    return render(request, "403.html", {"sentence": sentence}, status=403)
