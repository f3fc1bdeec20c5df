"""The inbox: every notice can be read later; and how one wants to be told of the next."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from members import actions, notices
from members import inbox as reading
from members.models import Account, Notice, NoticeCopy
from mutualaid import clock
from mutualaid.errors import Refused
from portal.forms import PreferenceForm, refused
from portal.views.shared import form_page, sent, signed_in

NOTICES_A_PAGE = 20
BIGINT_DIGITS = 18


@require_GET
@login_required
def inbox(request: HttpRequest) -> HttpResponse:
    """Notices to this account and to everybody in its plans, the newest first; paged by key. What
    is on the first page counts as seen from then on."""
    account = signed_in(request)
    written = request.GET.get("before", "")
    found = reading.notices_of(account).order_by("-pk")
    later = written.isdecimal() and len(written) <= BIGINT_DIGITS
    if later:
        found = found.filter(pk__lt=int(written))
    page = list(found[: NOTICES_A_PAGE + 1])
    more, page = len(page) > NOTICES_A_PAGE, page[:NOTICES_A_PAGE]
    next_url = f"{reverse('portal:inbox')}?before={page[-1].pk}" if more else ""
    seen = reading.read_to(account)
    context = {"notices": _rows(account, page, seen), "next": next_url}
    if page and not later and page[0].pk > seen:
        actions.mark_read(account_id=account.pk, to=page[0].pk, by=account, at=clock.now())
    return render(request, "portal/inbox.html", context)


def _rows(account: Account, page: list[Notice], seen: int) -> list[dict[str, Any]]:
    copies = reading.copies_of(account, [notice.pk for notice in page])
    return [
        {
            **_shown(notice),
            "new": notice.pk > seen,
            "failed": [how(copy) for copy in copies.get(notice.pk, []) if copy.failed_at],
        }
        for notice in page
    ]


def _shown(notice: Notice) -> dict[str, Any]:
    title, text = notices.render(notice.code, notice.facts)
    return {"pk": notice.pk, "title": title, "text": text, "at": notice.at}


@require_GET
@login_required
def notice(request: HttpRequest, pk: int) -> HttpResponse:
    """One notice, where the link of an e-mail leads, and what became of its copies. 404 for one of
    somebody else, as for none."""
    account = signed_in(request)
    found = get_object_or_404(reading.notices_of(account), pk=pk)
    copies = reading.copies_of(account, [found.pk]).get(found.pk, [])
    context = {"notice": _shown(found), "copies": [how(copy) for copy in copies]}
    return render(request, "portal/notice.html", context)


def how(copy: NoticeCopy) -> dict[str, Any]:
    """What became of a copy, for its reader: a kind of tag, a sentence, and when."""
    mail = copy.channel == NoticeCopy.Channel.EMAIL
    if copy.sent_at:
        text = _("Sent by e-mail") if mail else _("Sent by SMS")
        return {"kind": "ok", "text": text, "at": copy.sent_at}
    if not copy.failed_at:
        text = _("An e-mail is on its way") if mail else _("An SMS is on its way")
        return {"kind": "wait", "text": text, "at": None}
    return {"kind": "bad", "text": _failure(copy, mail=mail), "at": copy.failed_at}


def _failure(copy: NoticeCopy, *, mail: bool) -> str:
    if copy.why == NoticeCopy.Why.UNCLEAR:
        if mail:
            return _("We do not know whether the e-mail copy arrived. We do not send it twice.")
        return _("We do not know whether the SMS copy arrived. We do not send it twice.")
    if mail:
        return _("The e-mail copy could not be delivered. Please check your address.")
    return _("The SMS copy could not be delivered. Please check your number.")


@form_page
@login_required
def inbox_settings(request: HttpRequest) -> HttpResponse:
    """E-mail, SMS, once a day, quiet hours, language; and what comes whatever is chosen."""
    account = signed_in(request)
    form = PreferenceForm(sent(request), initial=_chosen(account))
    if form.is_valid():
        try:
            actions.set_preference(
                account_id=account.pk, by=account, at=clock.now(), **form.preference()
            )
        except Refused as refusal:
            refused(form, refusal)
        else:
            return redirect(f"{reverse('portal:inbox_settings')}?saved=1")
    email, phone = actions.masked_contacts(account)
    context = {
        "form": form,
        "saved": request.GET.get("saved") == "1" and request.method != "POST",
        "groups": list(notices.GROUPS.values()),
        "email": email,
        "phone": phone,
    }
    return render(request, "portal/inbox_settings.html", context)


def _chosen(account: Account) -> dict[str, Any]:
    ways = reading.ways_of(account.pk)
    return {
        "ways": [way for way in ("email", "sms") if getattr(ways, way)],
        "pace": "digest" if ways.digest else "once",
        "quiet": "yes" if ways.quiet_from else "no",
        "quiet_from": ways.quiet_from or "22:00",
        "quiet_until": ways.quiet_until or "08:00",
        "language": ways.language,
    }
