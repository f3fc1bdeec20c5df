"""The staff's front door: a queue of work first, the tables after it.

No page of it answers without a second factor that was shown in this session (design §7): allauth
records how a session was authenticated, and has no switch that asks for more of staff.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from assessments.models import Payout, Period
from assessments.states import PayoutState, Stage
from claims import actions as claims
from claims import policies as claim_policies
from claims.forms import disease_name
from claims.models import Claim
from claims.states import Status
from disclosures.models import Objection
from members import actions as members
from members import ready
from members.actions import prechecks
from members.models import Account, Declaration, ImportRun, Membership, PreCheck, Rules
from members.models.plans import DAYS_AHEAD
from members.stepup import is_fresh
from mutualaid import charts, clock
from mutualaid.errors import Forbidden
from mutualaid.sla import Sla, sla
from mutualaid.staff import ReadOnlyAdmin
from portal.counts import at_most, estimate

FILTERS = {
    "late": gettext_lazy("Overdue"),
    "soon": gettext_lazy("Due soon"),
    "fine": gettext_lazy("On time"),
    "stopped": gettext_lazy("Waiting for the member"),
}
_SHOWN = 200
View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Task:
    """One line of the queue: what, by whom (one person or a role), until when."""

    what: str
    of: str
    number: str
    url: str
    due_at: datetime
    sla: Sla
    who: str


FACTOR_SECONDS = 8 * 60 * 60  # a working day; then it is shown again (security.md S6)


def shows_second_factor(request: HttpRequest) -> bool:
    """Whether this session has shown one, in the last eight hours. Asked again on every request."""
    return is_fresh(request, seconds=FACTOR_SECONDS, method="mfa")


class Desk(AdminSite):
    site_title = gettext_lazy("Mutual aid desk")
    site_header = gettext_lazy("Mutual aid desk")
    index_title = gettext_lazy("My work")
    empty_value_display = "—"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        return bool(user.is_active and user.is_staff and shows_second_factor(request))

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Where somebody is sent who may not enter yet: to log in, to set up or show the factor."""
        after = request.GET.get("next") or reverse("admin:index")
        if self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index"))
        if not request.user.is_authenticated:
            return redirect_to_login(after, reverse("account_login"))
        if not request.user.is_staff:
            raise Forbidden(_("This is the desk of the staff. Your own pages are under “Mine”."))
        ready = Authenticator.objects.filter(user=request.user, type=Authenticator.Type.TOTP)
        name = "mfa_reauthenticate" if ready.exists() else "mfa_activate_totp"
        return HttpResponseRedirect(f"{reverse(name)}?{urlencode({'next': after})}")

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        return cast(TemplateResponse, HttpResponseRedirect(reverse("account_change_password")))

    def logout(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        return cast(TemplateResponse, HttpResponseRedirect(reverse("account_logout")))

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Only our own tables, and those read-only: what Django and its packages would offer to
        edit by hand (groups, addresses, second factors) is no work of the desk."""
        if admin_class is not None and issubclass(admin_class, ReadOnlyAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """Every page of the desk, ours and Django's, answers only what a browser sends."""
        limited = require_http_methods(["GET", "HEAD", "POST"])(view)
        return super().admin_view(limited, cacheable)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        taken = self.admin_view(require_POST(self.take_next))
        return [path("take-next/", taken, name="take_next"), *super().get_urls()]

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        now, wanted = clock.now(), request.GET.get("show", "")
        by = cast(Account, request.user)
        mine, pool = my_tasks(by, now), pool_of(by)
        counts = [(code, word, _count(mine, code)) for code, word in FILTERS.items()]
        return super().index(
            request,
            {
                "queue": [task for task in mine if not wanted or task.sla.code == wanted],
                "queue_all": len(mine),
                "queue_show": wanted,
                "queue_filters": counts,
                "pool": at_most(pool),
                "pool_wait": pool_wait(pool, now),
                "numbers": numbers(),
                "load": charts.bars(load(), unit=_("cases"), width=470),
                **(extra_context or {}),
            },
        )

    def take_next(self, request: HttpRequest) -> HttpResponse:
        by = cast(Account, request.user)
        claim = claims.take_next(by=by, at=clock.now())
        if claim is None:
            text = _("Nothing is waiting. Somebody else may have taken the last one.")
            messages.info(request, text)
            return HttpResponseRedirect(reverse("admin:index"))
        messages.success(request, _("%(number)s is yours now.") % {"number": claim.number})
        return HttpResponseRedirect(reverse("admin:claims_claim_workspace", args=[claim.pk]))


def _count(tasks: list[Task], code: str) -> int:
    return sum(task.sla.code == code for task in tasks)


WHAT = {
    Status.INVESTIGATING: gettext_lazy("Investigate"),
    Status.PAPERS_WANTED: gettext_lazy("Waiting for a paper"),
    Status.REVIEWING: gettext_lazy("Answer the criteria and propose"),
    Status.WAITING: gettext_lazy("Waiting for a date"),
    Status.PROPOSED: gettext_lazy("Confirm or send back"),
}


def my_tasks(by: Account, now: datetime) -> list[Task]:
    """What waits for this person, by due date; what waits for others last. No identities."""
    tasks = [
        *_claims_of(by, now),
        *_prechecks_of(by, now),
        *_lists_of(by, now),
        *_rules_of(by, now),
        *_money_of(by, now),
        *_objections_of(by, now),
    ]
    return sorted(tasks, key=lambda task: (task.sla.code == "stopped", task.due_at))


def _claims_of(by: Account, now: datetime) -> list[Task]:
    held = Claim.objects.undecided().filter(owner=by, due_at__isnull=False)
    columns = held.order_by("due_at").only("number", "disease", "status", "due_at", "rules")
    return [_claim_task(claim, now) for claim in columns.select_related("rules")[:_SHOWN]]


def _claim_task(claim: Claim, now: datetime) -> Task:
    due_at = claim.due_at or now
    return Task(
        what=str(WHAT.get(Status(claim.status), claim.get_status_display())),
        of=disease_name(claim.rules.norm, claim.disease),
        number=claim.number,
        url=reverse("admin:claims_claim_workspace", args=[claim.pk]),
        due_at=due_at,
        sla=sla(due_at, now, turn=claim.turn),
        who=_("you"),
    )


def _prechecks_of(by: Account, now: datetime) -> list[Task]:
    """Health questions that wait for any reviewer who is not of the family. Nobody is named."""
    waiting = prechecks.waiting_for(by).select_related("plan", "question")
    columns = waiting.defer("story_sealed", "reply_sealed")
    return [_precheck_task(precheck, now) for precheck in columns[:_SHOWN]]


def _precheck_task(precheck: PreCheck, now: datetime) -> Task:
    joining = precheck.kind == Declaration.Kind.JOINING
    return Task(
        what=_("Answer a health question") if joining else _("Judge a correction"),
        of=_("%(plan)s, question %(place)s")
        % {"plan": precheck.plan.name, "place": precheck.question.place},
        number=str(precheck.pk),
        url=reverse("admin:members_precheck_answer", args=[precheck.pk]),
        due_at=precheck.due_at,
        sla=sla(precheck.due_at, now),
        who=_("any reviewer"),
    )


def _lists_of(by: Account, now: datetime) -> list[Task]:
    """Lists that this person has tried and not imported, until they are kept no longer."""
    if not by.has_perm("members.add_importrun"):
        return []
    real = ImportRun.objects.filter(plan=OuterRef("plan"), digest=OuterRef("digest"), dry_run=False)
    tried = ImportRun.objects.filter(
        by=by, dry_run=True, stage=ImportRun.Stage.DONE, good__gt=0, gone_at__isnull=True
    ).exclude(Exists(real))
    return [_list_task(run, now) for run in tried.select_related("plan")[:_SHOWN]]


def _list_task(run: ImportRun, now: datetime) -> Task:
    due_at = members.list_kept_until(run)
    return Task(
        what=_("Import a list, or let it go"),
        of=run.plan.name,
        number=run.file_name,
        url=reverse("admin:members_importrun_run", args=[run.pk]),
        due_at=due_at,
        sla=sla(due_at, now),
        who=_("you"),
    )


def _rules_of(by: Account, now: datetime) -> list[Task]:
    """Versions of rules that somebody else has drafted and that lack nothing: to be published in
    time for the day from which they are to hold, or anew with another day."""
    if not by.has_perm("members.publish_rules"):
        return []
    drafts = Rules.objects.filter(published_at__isnull=True).exclude(drafted_by=by)
    waiting = drafts.select_related("plan", "question_set").order_by("effective_on", "pk")
    today = clock.day(now)
    return [_rules_task(each, now) for each in waiting[:_SHOWN] if not ready.missing(each, today)]


def _rules_task(rules: Rules, now: datetime) -> Task:
    ahead = 0 if ready.before(rules) is None else DAYS_AHEAD
    due_at = clock.midnight(rules.effective_on - timedelta(days=ahead - 1))
    return Task(
        what=_("Publish rules, or leave them"),
        of=rules.plan.name,
        number=rules.version,
        url=reverse("admin:members_rules_check", args=[rules.pk]),
        due_at=due_at,
        sla=sla(due_at, now),
        who=_("any reviewer who did not draft them"),
    )


def _money_of(by: Account, now: datetime) -> list[Task]:
    """Payouts to release that somebody else prepared, and periods whose split is due."""
    tasks = []
    if by.has_perm("assessments.release_payout"):
        waiting = Payout.objects.filter(state=PayoutState.PREPARED).exclude(prepared_by=by)
        for payout in waiting.select_related("case__period", "claim")[:_SHOWN]:
            url = reverse("admin:assessments_payout_changelist")
            due_at = payout.case.period.split_at
            tasks.append(_money(_("Release a payout"), payout.claim.number, url, due_at, now))
    if by.has_perm("assessments.close_period"):
        for period in Period.objects.filter(stage=Stage.DISCLOSED).select_related("plan"):
            url = reverse("admin:assessments_period_closing", args=[period.pk])
            tasks.append(_money(_("Close the period"), str(period), url, period.split_at, now))
    return tasks


def _money(what: str, number: str, url: str, due_at: datetime, now: datetime) -> Task:
    """For whoever has the role first."""
    return Task(what, "", number, url, due_at, sla(due_at, now), _("whoever is first"))


def _objections_of(by: Account, now: datetime) -> list[Task]:
    if not by.has_perm("disclosures.change_objection"):
        return []
    open_ones = Objection.objects.filter(answered_at__isnull=True).select_related("case__period")
    return [
        _money(
            _("Answer an objection"),
            objection.case.code,
            reverse("admin:disclosures_objection_changelist"),
            objection.case.period.split_at,
            now,
        )
        for objection in open_ones[:_SHOWN]
    ]


def pool_of(by: Account) -> Any:
    """Claims that nobody has taken up and this person's role may."""
    statuses: list[Status] = []
    if by.has_perm(claim_policies.INVESTIGATE):
        statuses += [Status.SUBMITTED, Status.INVESTIGATING]
    if by.has_perm(claim_policies.DECIDE):
        statuses += [Status.REVIEWING, Status.PROPOSED]
    return Claim.objects.filter(owner__isnull=True, status__in=statuses)


def pool_wait(pool: Any, now: datetime) -> int | None:
    """Days since the report of the oldest claim in the pool."""
    first = pool.order_by("reported_at").values_list("reported_at", flat=True).first()
    return (now - first).days if first else None


def numbers() -> list[tuple[str, int, bool, str]]:
    """(name, count, is it exact, where)."""
    undecided, exact = at_most(Claim.objects.undecided(), 999)
    memberships = reverse("admin:members_membership_changelist")
    return [
        (
            _("Claims without a decision"),
            undecided,
            exact,
            reverse("admin:claims_claim_changelist"),
        ),
        (_("Memberships, about"), estimate(Membership), True, memberships),
    ]


def load() -> list[tuple[str, int]]:
    """How many claims stand at each open step (served by the index of the queue)."""
    steps = {
        _("Papers to come"): [Status.REPORTED],
        _("Investigation"): [Status.SUBMITTED, Status.INVESTIGATING, Status.PAPERS_WANTED],
        _("First review"): [Status.REVIEWING, Status.WAITING],
        _("Confirmation"): [Status.PROPOSED],
        _("Jury"): [Status.APPEALED],
    }
    return [
        (name, at_most(Claim.objects.filter(status__in=statuses), 9_999)[0])
        for name, statuses in steps.items()
    ]
