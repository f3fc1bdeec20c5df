"""The public pages. Read by anybody; what is published comes from the published text alone."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from assessments import books
from assessments.models import Period, PeriodCase
from assessments.rules import Half
from assessments.states import PayoutState, Problem, Stage
from disclosures import actions, files, policies, report, rules, search
from disclosures.forms import ObjectionForm
from disclosures.models import Disclosure, Objection, PublishedFile
from disclosures.redact import PERIODS_BACK
from members.models import Account
from mutualaid import clock
from mutualaid.charts import Point, columns
from mutualaid.errors import Refused
from mutualaid.money import yuan

PERIODS_A_PAGE, CASES_A_PAGE = 24, 20
SETTLED = [
    "members", "benefits_fen", "fees_fen", "operator_fen", "surplus_in_fen", "pool_fen",
    "share_fen", "charged_fen", "surplus_out_fen",
]  # fmt: skip


def _next_disclosure() -> datetime:
    """When the next period is laid open: of a period that waits, or by the calendar. One that
    nobody could share is passed by."""
    waiting = Period.objects.filter(stage__in=[Stage.OPEN, Stage.LOCKED])
    waiting = waiting.exclude(problem=Problem.NO_MEMBERS).order_by("disclose_at")
    first = waiting.values_list("disclose_at", flat=True).first()
    now = clock.now()
    half = Half.of(now)
    return first or min(at for at in (half.previous().disclose_at, half.disclose_at) if at > now)


def _key(request: HttpRequest, name: str) -> int | None:
    """A whole number from the address, or None for what is none."""
    written = request.GET.get(name, "")
    return int(written) if written.isascii() and written.isdigit() and len(written) < 18 else None  # noqa: PLR2004 - what a bigint holds


@require_GET
def periods(request: HttpRequest) -> HttpResponse:
    """All published periods, the newest first; paged by key."""
    found = Period.objects.filter(disclosed_at__isnull=False).select_related("plan").order_by("-pk")
    before = _key(request, "before")
    if before is not None:
        found = found.filter(pk__lt=before)
    shown = list(found[: PERIODS_A_PAGE + 1])
    more = len(shown) > PERIODS_A_PAGE
    shown = shown[:PERIODS_A_PAGE]
    latest = {
        disclosure.period_id: disclosure
        for disclosure in Disclosure.objects.latest_versions().filter(period__in=shown)
    }
    now = clock.now()
    rows = [_period_row(period, latest[period.pk], now) for period in shown if period.pk in latest]
    following = f"?before={shown[-1].pk}" if more else ""
    context = {"rows": rows, "next": following, "next_at": _next_disclosure()}
    return render(request, "disclosures/periods.html", context)


def _period_row(period: Period, disclosure: Disclosure, now: datetime) -> dict[str, Any]:
    figures = disclosure.content["figures"] | (_settled(period) or {})
    return {
        "period": period,
        "figures": figures,
        "days_left": _days_left(period, now),
        "share": yuan(figures["share_fen"]),
    }


def _settled(period: Period) -> dict[str, int] | None:
    """The figures of the split, once it is over: the page then shows them beside what was
    published, which stays as it is."""
    if period.charged_fen is None:
        return None
    return {name: getattr(period, name) or 0 for name in SETTLED}


def _closes_at(period: Period) -> datetime:
    """Until when one may object: the split comes next."""
    return period.split_from or period.split_at


def _days_left(period: Period, now: datetime) -> int:
    if period.stage != Stage.DISCLOSED:
        return 0
    return rules.days_left(_closes_at(period), now)


@require_GET
def period(request: HttpRequest, plan: str, number: int) -> HttpResponse:
    """One published period: the sum first, then charts, cases, refusals, verdicts and files."""
    found = get_object_or_404(Period.objects.select_related("plan"), plan__code=plan, number=number)
    versions = list(found.disclosures.order_by("-version"))
    if not versions:
        raise Http404
    version = _key(request, "version")
    disclosure = next((d for d in versions if d.version == version), versions[0])
    settled = _settled(found) if disclosure is versions[0] else None
    context = report.page(disclosure.content, settled)
    context |= _cases_page(request, context["cases"], keep=version)
    context |= _charts(disclosure)
    now = clock.now()
    context |= {
        "period": found,
        "title": found.title,
        "disclosure": disclosure,
        "versions": versions,
        "newest": disclosure is versions[0],
        "days_left": _days_left(found, now),
        "closes_at": _closes_at(found),
        "files": _files(disclosure),
    }
    return render(request, "disclosures/period.html", context)


def _cases_page(
    request: HttpRequest, cases: list[dict[str, Any]], *, keep: int | None
) -> dict[str, Any]:
    """One page of the cases, by code."""
    after = request.GET.get("after", "")
    rest = [row for row in cases if row["code"] > after]
    shown = rest[:CASES_A_PAGE]
    following = ""
    if len(rest) > CASES_A_PAGE:
        query = {"after": shown[-1]["code"]} | ({"version": keep} if keep else {})
        following = f"?{urlencode(query)}#cases"
    total = yuan(sum(row["benefit_fen"] for row in shown))
    return {
        "shown": shown,
        "shown_total": total,
        "first": len(cases) - len(rest) + 1,
        "last": len(cases) - len(rest) + len(shown),
        "next": following,
        "paged": bool(after) or bool(following),
    }


def _charts(disclosure: Disclosure) -> dict[str, Any]:
    """Share and members of the last 24 periods, and the illnesses of this one."""
    history = (
        Disclosure.objects.latest_versions()
        .filter(
            period__plan=disclosure.period.plan_id, period__number__lte=disclosure.period.number
        )
        .values("pk")
    )
    recent = Disclosure.objects.filter(pk__in=history).select_related("period")
    past = list(recent.order_by("-period__number")[:PERIODS_BACK])[::-1]
    figures = [(one.period, one.content["figures"] | (_settled(one.period) or {})) for one in past]
    shares, people = [], []
    for its_period, numbers in figures:
        label = f"{clock.day(its_period.disclose_at):%Y-%m-%d}"
        shares.append(Point(label, numbers["share_fen"], yuan(numbers["share_fen"])))
        people.append(Point(label, numbers["members"], f"{numbers['members']:,}"))
    return {"charts": [_share_chart(shares), _people_chart(people)], "groups": _groups(disclosure)}


def _share_chart(points: list[Point]) -> dict[str, Any]:
    words = {"first": points[0].text, "last": points[-1].text}
    return {
        "chart": columns(points),
        "key": "c-share",
        "caption": _("Share of each member, last 24 periods (yuan)"),
        "desc": _("From %(first)s yuan in the first of these periods to %(last)s in the last.")
        % words,
        "heads": [_("Disclosed on"), _("Share (yuan)")],
    }


def _people_chart(points: list[Point]) -> dict[str, Any]:
    words = {"first": points[0].text, "last": points[-1].text}
    return {
        "chart": columns(points),
        "key": "c-people",
        "caption": _("Sharing members, last 24 periods"),
        "desc": _("From %(first)s members in the first of these periods to %(last)s in the last.")
        % words,
        "heads": [_("Disclosed on"), _("Members")],
    }


def _groups(disclosure: Disclosure) -> dict[str, Any]:
    chart = report.groups_chart(disclosure.content)
    return {
        "chart": chart,
        "key": "c-group",
        "caption": _("Illnesses of this period (cases)"),
        "desc": "; ".join(f"{line.label} {line.text}" for line in chart.lines),
        "heads": [_("Disease group"), _("Cases")],
    }


def _files(disclosure: Disclosure) -> list[dict[str, Any]]:
    words = {
        "application/pdf": (_("The whole disclosure (PDF)"), _("to read and to print")),
        "text/csv; charset=utf-8": (_("Table of the cases (CSV)"), _("for a spreadsheet")),
        "application/json": (_("All data (JSON)"), _("for programs that check it")),
    }
    return [
        {"file": file, "title": words[file.media_type][0], "use": words[file.media_type][1]}
        for file in disclosure.files.order_by("pk")
    ]


@require_GET
def file(request: HttpRequest, plan: str, number: int, name: str) -> HttpResponseBase:
    """A published file, byte for byte as its SHA-256 says. It never changes."""
    found = get_object_or_404(
        PublishedFile,
        disclosure__period__plan__code=plan,
        disclosure__period__number=number,
        name=name,
    )
    etag = quote_etag(found.sha256)
    answer: HttpResponseBase | None = get_conditional_response(request, etag=etag)
    if answer is None:
        data = io.BytesIO(files.get(found.sha256))
        answer = FileResponse(
            data, as_attachment=True, filename=found.name, content_type=found.media_type
        )
    answer["ETag"] = etag
    answer["Cache-Control"] = "public, max-age=31536000, immutable"
    return answer


def _published_case(code: str) -> tuple[PeriodCase, Disclosure, dict[str, Any]]:
    """The case, the newest version that shows it, and what it shows. 404 if none does."""
    found = get_object_or_404(PeriodCase.objects.select_related("period__plan"), code=code)
    for disclosure in found.period.disclosures.order_by("-version"):
        for case in disclosure.content["cases"]:
            if case["code"] == code:
                return found, disclosure, report.case_row(case)
    raise Http404


@require_GET
def case(request: HttpRequest, code: str) -> HttpResponse:
    """One published case: what the public may see of it, and how one objects."""
    found, disclosure, row = _published_case(code)
    paid = getattr(found, "payout", None)
    context = {
        "case": row,
        "period": found.period,
        "disclosure": disclosure,
        "plan": report.in_language(disclosure.content["plan"], "name"),
        "members": disclosure.content["figures"]["members"],
        "set_aside_at": found.set_aside_at,
        "paid_at": paid.paid_at if paid and paid.state == PayoutState.PAID else None,
        "days_left": 0 if found.set_aside_at else _days_left(found.period, clock.now()),
        "closes_at": _closes_at(found.period),
    }
    return _not_indexed(render(request, "disclosures/case.html", context))


def _not_indexed(response: HttpResponse) -> HttpResponse:
    """No search engine keeps a page about one person."""
    response["X-Robots-Tag"] = "noindex, noarchive"
    return response


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def object_to(request: HttpRequest, code: str) -> HttpResponse:
    """Write an objection, check it, send it."""
    found, _disclosure, row = _published_case(code)
    by = cast(Account, request.user)  # login_required
    policies.check_objects(by, found)
    form = ObjectionForm(request.POST or None)
    context = {"form": form, "case": row, "closes_at": _closes_at(found.period)}
    if form.is_valid() and "change" not in request.POST:
        if "confirm" not in request.POST:
            context["grounds"] = form.cleaned_data["grounds"]
            return _not_indexed(render(request, "disclosures/object_check.html", context))
        try:
            made = actions.object_to(
                case_id=found.pk,
                grounds=form.cleaned_data["grounds"],
                by=by,
                at=clock.now(),
            )
        except Refused as error:
            form.add_error(error.field, str(error))
        else:
            return redirect("disclosures:objection", number=made.pk)
    status = 400 if form.errors else 200
    return _not_indexed(render(request, "disclosures/object.html", context, status=status))


@login_required
@require_GET
def objection(request: HttpRequest, number: int) -> HttpResponse:
    """The reader's own objection: its number, what comes next, and the answer once there is one."""
    found = get_object_or_404(
        Objection.objects.select_related("case__period"), pk=number, by=request.user
    )
    context = {"objection": found, "closes_at": _closes_at(found.case.period)}
    return _not_indexed(render(request, "disclosures/objection.html", context))


@require_GET
def money(request: HttpRequest) -> HttpResponse:
    """Where the money went: every entry of the books, found by period, case, illness or kind."""
    asked = search.Asked.read(request.GET)
    rows = list(search.entries(asked)[: search.PAGE + 1])
    more, rows = len(rows) > search.PAGE, rows[: search.PAGE]
    codes = search.case_codes(rows)
    context = {
        "asked": asked,
        "kind_name": search.KINDS.get(asked.kind, ""),
        "rows": [_money_row(entry, codes.get(entry.pk, "")) for entry in rows],
        "facets": _facets(asked),
        "cases": [] if asked.kind else search.cases(asked.text if asked.number is None else ""),
        "next": _money_url(asked, before=rows[-1].pk) if more else "",
        "clear": _money_url(search.Asked(asked.text, "", None)) if asked.kind else "",
        "book": _book(asked),
        "next_at": _next_disclosure(),
    }
    return render(request, "disclosures/money.html", context)


def _money_row(entry: Any, code: str) -> dict[str, Any]:
    """An entry in words, with the address of its proof."""
    what = search.KINDS.get(entry.kind, entry.kind)
    return {
        "entry": entry,
        "what": what,
        "amount_fen": entry.amount_fen,
        "proof": reverse("disclosures:money_entry", args=[entry.pk]),
        "case": code,
    }


def _money_url(asked: search.Asked, *, before: int | None = None) -> str:
    pairs = {"q": asked.text, "kind": asked.kind, "before": before or ""}
    query = urlencode({name: value for name, value in pairs.items() if value})
    return f"{reverse('disclosures:money')}{'?' if query else ''}{query}"


def _facets(asked: search.Asked) -> list[dict[str, Any]]:
    return [
        {
            "label": search.KINDS[kind],
            "url": _money_url(search.Asked(asked.text, kind, None)),
            "count": count,
            "current": kind == asked.kind,
        }
        for kind, count in search.kinds(asked)
    ]


def _book(asked: search.Asked) -> list[dict[str, Any]]:
    """What came in and went out of the period that was asked for, once it is split."""
    if asked.number is None:
        return []
    split = Period.objects.filter(number=asked.number, charged_fen__isnull=False)
    return [_book_of(one) for one in split.select_related("plan")]


def _book_of(period: Period) -> dict[str, Any]:
    numbers = _settled(period) or {}
    came = numbers["charged_fen"] + numbers["operator_fen"] + numbers["surplus_in_fen"]
    went = numbers["benefits_fen"] + numbers["fees_fen"] + numbers["surplus_out_fen"]
    shared = _("%(share)s × %(members)s members") % {
        "share": yuan(numbers["share_fen"]),
        "members": f"{numbers['members']:,}",
    }
    return {
        "period": period,
        "in": [
            {"label": _("Shares of the members"), "hint": shared,
             "value": yuan(numbers["charged_fen"])},
            {"label": _("Borne by the operator"), "value": yuan(numbers["operator_fen"])},
            {"label": _("Surplus carried in"), "value": yuan(numbers["surplus_in_fen"])},
            {"label": _("Together (yuan)"), "value": yuan(came), "line": True},
        ],
        "out": [
            {"label": _("Benefits"), "value": yuan(numbers["benefits_fen"])},
            {"label": _("Management fee"), "value": yuan(numbers["fees_fen"])},
            {"label": _("Surplus for the next period"), "value": yuan(numbers["surplus_out_fen"])},
            {"label": _("Together (yuan)"), "value": yuan(went), "line": True},
        ],
    }  # fmt: skip


@require_GET
def entry(request: HttpRequest, number: int) -> HttpResponse:
    """One journal entry with its legs: what came from where, to the fen."""
    found = get_object_or_404(search.entries(search.Asked("", "", None)), pk=number)
    legs = [
        {"account": books.ACCOUNTS.get(leg.account, leg.account), "amount_fen": leg.amount_fen}
        for leg in found.postings.order_by("pk")
    ]
    code = search.case_codes([found]).get(found.pk, "")
    context = {"row": _money_row(found, code), "legs": legs}
    return render(request, "disclosures/entry.html", context)
