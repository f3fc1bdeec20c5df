"""A period on the desk: its list, its closing, its shares.

The checks before a split look into several rooms (objections, decisions, rosters), so they meet
here. The split starts by itself when it is due; finance may start it on this page from the same
instant on, after typing the total. Either way it is one run (assessments.actions.split).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from assessments import actions, bulk, policies, rules
from assessments.models import Period, Share, SplitRun
from assessments.states import DONE, Stage
from disclosures.models import Objection
from members.finding import by_number
from members.models import Account, Membership
from mutualaid import clock
from mutualaid.errors import Refused
from mutualaid.money import parse_yuan, yuan
from mutualaid.staff import ReadOnlyAdmin, WordedFilter, desk_tag, problems, refuse, why_not
from mutualaid.templatetags.look import moment
from portal import helpline  # noqa: F401 - registers the help line's pages

POLL_ENDS = 286  # htmx: stop asking
_PAGE = 50
_BIGGEST = 2**63


# --- numbers


@dataclass(frozen=True)
class Numbers:
    """What a period costs and charges, in fen: the trial run, or the figures that stand."""

    quote: rules.Quote
    charged_fen: int
    operator_fen: int

    @property
    def over_year_fen(self) -> int:
        """Of shares above the yearly cap; the rest of the operator's part is of single cases."""
        return self.operator_fen - self.quote.operator_fen

    @property
    def cost_fen(self) -> int:
        return self.quote.benefits_fen + self.quote.fees_fen

    @property
    def share_total_fen(self) -> int:
        return self.quote.share_fen * self.quote.members

    @property
    def left_fen(self) -> int:
        return self.charged_fen + self.operator_fen + self.quote.surplus_in_fen

    @property
    def right_fen(self) -> int:
        return self.cost_fen + self.quote.surplus_out_fen

    @property
    def count(self) -> int:
        return sum(case.count for case in self.quote.cases)

    @property
    def bands(self) -> list[tuple[int, int, int, int]]:
        """(benefit, how many cases, their benefits, their fees)."""
        return [
            (case.benefit_fen, case.count, case.benefit_fen * case.count, case.fee_fen * case.count)
            for case in self.quote.cases
        ]

    @property
    def digest(self) -> str:
        """By which a start knows that it means these very numbers."""
        plain = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(plain.encode()).hexdigest()


def numbers_of(period: Period) -> Numbers | None:
    """None before the lock: there is nothing to count yet."""
    if period.rules is None:
        return None
    if period.stage in DONE:
        return Numbers(bulk.quote(period), period.charged_fen or 0, period.operator_fen or 0)
    preview = bulk.preview(period)
    return Numbers(preview.quote, preview.charged_fen, preview.operator_fen)


# --- checks


@dataclass(frozen=True)
class Check:
    """One line of the list: does it hold, and if not, does it block or is it to be looked at."""

    code: str
    blocking: bool
    held: bool
    text: str
    detail: str
    link: tuple[str, str] | None = None


def checks_of(period: Period, numbers: Numbers) -> list[Check]:
    """Each line is one question to the tables."""
    return [
        Check(
            "roster",
            True,
            bool(period.members),
            _("The roster is locked"),
            _("%(count)s members") % {"count": f"{period.members or 0:,}"},
        ),
        _seven_days(period),
        _second_person(period),
        _objections(period),
        _rise(period, numbers),
        _yearly_cap(numbers),
    ]


def _seven_days(period: Period) -> Check:
    since, until = period.disclosed_at, period.split_from
    held = until is not None and clock.now() >= until
    detail = f"{moment(since)} → {moment(until)}" if until else _("not disclosed yet")
    return Check("days", True, held, _("The disclosure stood for seven days"), detail)


def _second_person(period: Period) -> Check:
    cases = period.cases.active()
    count, all_of_them = cases.filter(decision__confirmed_by__isnull=False).count(), cases.count()
    return Check(
        "eyes",
        True,
        count == all_of_them,
        _("Every case was confirmed by a second person"),
        _("%(n)s of %(all)s") % {"n": count, "all": all_of_them},
    )


def _objections(period: Period) -> Check:
    raised = Objection.objects.filter(case__period=period)
    count = raised.filter(answered_at__isnull=True).count()
    url = reverse("admin:disclosures_objection_changelist")
    return Check(
        "objections",
        False,
        not count,
        _("No objection is open"),
        _("%(raised)s raised, %(open)s open") % {"raised": raised.count(), "open": count},
        (url, _("Open objections")) if count else None,
    )


def _rise(period: Period, numbers: Numbers) -> Check:
    before = Period.objects.before(period)
    old, new = (before.share_fen or 0) if before else 0, numbers.quote.share_fen
    text = _("The share does not rise") if new <= old else _("The share rises by %s yuan")
    return Check(
        "rise",
        False,
        new <= old,
        text % yuan(new - old) if new > old else text,
        _("from %(old)s to %(new)s yuan") % {"old": yuan(old), "new": yuan(new)},
    )


def _yearly_cap(numbers: Numbers) -> Check:
    held = not numbers.over_year_fen
    text = _("No member reaches the yearly cap") if held else _("Members reach the yearly cap")
    detail = _("the operator bears %s yuan for them") % yuan(numbers.over_year_fen)
    return Check("capped", False, held, text, detail)


class StartForm(forms.Form):
    """Tick what was looked at, type the total; the digest says which numbers were meant."""

    total = forms.CharField(
        label=gettext_lazy("Type the total to be debited"),
        error_messages={"required": gettext_lazy("Type the total, with the fen.")},
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "size": 22}),
    )
    digest = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, numbers: Numbers, warnings: list[Check], **kwargs: Any) -> None:
        kwargs["initial"] = {"digest": numbers.digest}
        super().__init__(*args, **kwargs)
        self.numbers = numbers
        for check in warnings:
            self.fields[f"seen_{check.code}"] = forms.BooleanField(
                label=_("I have looked at this: %s") % check.text,
                error_messages={"required": _("Tick it once you have looked.")},
            )

    def clean_total(self) -> int:
        try:
            typed = parse_yuan(self.cleaned_data["total"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error
        if typed != self.numbers.charged_fen:
            raise forms.ValidationError(
                _("You typed %(typed)s; the total is another one. Compare each digit.")
                % {"typed": yuan(typed)}
            )
        return typed

    def clean_digest(self) -> str:
        if self.cleaned_data["digest"] != self.numbers.digest:
            raise forms.ValidationError(
                _("The numbers have changed since you opened this page. Look at them again.")
            )
        return self.numbers.digest


def steps(period: Period) -> list[tuple[str, str]]:
    """The way of a period: (name, done | now | later)."""
    names = [
        _("Lock the roster"),
        _("Disclose"),
        _("Check and confirm"),
        _("Split the cost"),
        _("Debit"),
    ]
    at = {
        Stage.OPEN: 0,
        Stage.LOCKED: 1,
        Stage.DISCLOSED: 2,
        Stage.SPLITTING: 3,
        Stage.SPLIT: 4,
        Stage.COLLECTING: 4,
        Stage.COLLECTED: 5,
    }[Stage(period.stage)]
    return [
        (name, "done" if place < at else "now" if place == at else "later")
        for place, name in enumerate(names)
    ]


def progress_of(period: Period) -> dict[str, Any]:
    """How far the run has come, from its parts."""
    run = SplitRun.objects.filter(period=period).select_related("begun_by").first()
    if run is None:
        return {"run": None}
    found = run.parts.aggregate(
        parts=Count("pk"),
        done=Count("pk", filter=Q(done_at__isnull=False)),
        rows=Sum("rows"),
        charged=Sum("charged_fen"),
    )
    parts = found["parts"] or 1
    return {
        "run": run,
        "parts_done": found["done"],
        "parts_all": parts,
        "rows_done": found["rows"] or 0,
        "charged_done_fen": found["charged"] or 0,
        "percent": found["done"] * 100 // parts,
    }


# --- pages


@admin.register(Period)
class PeriodAdmin(ReadOnlyAdmin):
    opens = "admin:assessments_period_closing"
    list_display = ("name", "plan", "stage_tag", "problem_tag", "members", "share", "split_at")
    list_display_links = ("name",)
    list_select_related = ("plan",)
    list_filter = (("stage", WordedFilter), ("problem", WordedFilter))

    @admin.display(description=gettext_lazy("period"))
    def name(self, period: Period) -> str:
        return period.title

    @admin.display(description=gettext_lazy("stage"))
    def stage_tag(self, period: Period) -> SafeString:
        kind = {Stage.OPEN: "flat", Stage.COLLECTED: "fine"}.get(Stage(period.stage), "")
        return desk_tag(kind, period.get_stage_display())

    @admin.display(description=gettext_lazy("problem"))
    def problem_tag(self, period: Period) -> SafeString | str:
        return desk_tag("late", period.get_problem_display()) if period.problem else "—"

    @admin.display(description=gettext_lazy("share, yuan"))
    def share(self, period: Period) -> str:
        return "—" if period.share_fen is None else yuan(period.share_fen)

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site.admin_view
        progress = "<int:pk>/closing/progress/"
        return [
            path("<int:pk>/closing/", site(self.closing), name="assessments_period_closing"),
            path(progress, site(require_safe(self.progress)), name="assessments_period_progress"),
            path(
                "<int:pk>/shares/",
                site(require_safe(self.shares)),
                name="assessments_period_shares",
            ),
            *super().get_urls(),
        ]

    def _period(self, request: HttpRequest, pk: int) -> Period:
        period = get_object_or_404(Period.objects.select_related("plan", "rules"), pk=pk)
        if not self.has_view_permission(request, period):
            raise PermissionDenied
        return period

    def closing(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Checks, the trial run, the start; afterwards how far it is, and what came of it."""
        period, by = self._period(request, pk), cast(Account, request.user)
        numbers, status = numbers_of(period), 200
        context: dict[str, Any] = {}
        if numbers is not None and period.stage in {Stage.LOCKED, Stage.DISCLOSED}:
            checks = checks_of(period, numbers)
            blocked = [check for check in checks if check.blocking and not check.held]
            warned = [check for check in checks if not check.blocking and not check.held]
            form = StartForm(request.POST or None, numbers=numbers, warnings=warned)
            if request.method == "POST" and not blocked and form.is_valid():
                status = _start(request, period, form)
                if not status:
                    return HttpResponseRedirect(request.path)
            context = {
                "checks": checks,
                "blocked": blocked,
                "form": form,
                "problems": problems(form, "start-form"),
                "closed": why_not(policies.check_closes, by),
            }
        context |= {
            **self.admin_site.each_context(request),
            **progress_of(period),
            "opts": self.opts,
            "original": period,
            "period": period,
            "title": period.title,
            "numbers": numbers,
            "steps": steps(period),
            "batches": period.batches.order_by("attempt"),
        }
        name = "admin/assessments/closing.html"
        return TemplateResponse(request, name, context, status=status)

    def progress(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The row of the run, as a fragment. Ends the asking once there is nothing to wait for.
        404 for a period that nobody has begun to split."""
        period = self._period(request, pk)
        get_object_or_404(SplitRun, period=period)
        name = "admin/assessments/_progress.html"
        response = TemplateResponse(request, name, {"period": period, **progress_of(period)})
        if period.stage != Stage.SPLITTING:
            response.status_code, response["HX-Refresh"] = POLL_ENDS, "true"
        return response

    def shares(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What each membership owes for a period, by number; paged by key, never counted."""
        period = self._period(request, pk)
        if not request.user.has_perm("assessments.view_share"):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            **_shares(request, period),
            "opts": self.opts,
            "period": period,
            "title": _("Shares of %(period)s") % {"period": period.title},
        }
        return TemplateResponse(request, "admin/assessments/shares.html", context)


def _start(request: HttpRequest, period: Period, form: StartForm) -> int:
    """Split now. 0, or the status of the refusal, which stands in the form.

    Each part is a transaction of its own: a request that is killed leaves a run that goes on by
    itself (split_due), and this page shows how far it is.
    """
    try:
        actions.split(period_id=period.pk, by=cast(Account, request.user), at=clock.now())
    except Refused as error:
        refuse(form, error)
        return error.status
    messages.success(request, _("The split is done. Its sums stand below."))
    return 0


def _shares(request: HttpRequest, period: Period) -> dict[str, Any]:
    wanted = request.GET.get("q", "").strip()
    found = Share.objects.filter(period=period)
    if wanted:
        number = by_number(wanted)
        rows = list(found.filter(membership_id=number)) if number is not None else []
        return {"rows": list(_rows(rows)), "wanted": wanted}
    after, before = _key(request, "after"), _key(request, "before")
    if before:
        page = list(found.filter(membership_id__lt=before).order_by("-membership_id")[: _PAGE + 1])
        earlier, later, page = len(page) > _PAGE, True, page[:_PAGE][::-1]
    else:
        page = list(found.filter(membership_id__gt=after).order_by("membership_id")[: _PAGE + 1])
        earlier, later, page = bool(after), len(page) > _PAGE, page[:_PAGE]
    return {
        "rows": list(_rows(page)),
        "wanted": "",
        "previous": page[0].membership_id if page and earlier else None,
        "next": page[-1].membership_id if page and later else None,
    }


def _rows(page: list[Share]) -> Iterator[tuple[str, int]]:
    """(number of the membership, fen). No name: this list is for checking sums."""
    return ((str(Membership(pk=share.membership_id)), share.amount_fen) for share in page)


def _key(request: HttpRequest, name: str) -> int:
    text = request.GET.get(name, "")
    return min(int(text), _BIGGEST - 1) if text.isascii() and text.isdigit() else 0
