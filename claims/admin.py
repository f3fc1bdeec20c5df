"""The claim as staff work on it: facts, criteria and decision on the left, papers on the right.

Each POST carries `do`, the name of one verb; the verb's form looks at what was typed and one action
of claims.actions decides. What the action refuses stands on the page, beside what was typed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe
from PIL import Image

from claims import actions, criteria, files, policies, rules
from claims import staff_forms as forms
from claims.forms import disease_name
from claims.models import Claim, ClaimEvent, Decision, Evidence
from claims.states import Status, Turn
from members import access
from members import actions as members
from members.models import AccessRecord, Account
from members.rules import age_on, mask_name
from mutualaid import clock
from mutualaid.errors import Invalid, NotNow, Refused
from mutualaid.sla import sla
from mutualaid.staff import ReadOnlyAdmin, desk_tag, refuse, why_not

TABS = [
    ("overview", gettext_lazy("Overview")),
    ("investigation", gettext_lazy("Investigation")),
    ("criteria", gettext_lazy("Criteria")),
    ("decision", gettext_lazy("Decision")),
    ("access", gettext_lazy("Who has read")),
]
STATUS_TAGS = {
    Status.GRANTED: "fine",
    Status.REFUSED: "flat",
    Status.UPHELD: "flat",
    Status.WITHDRAWN: "flat",
    Status.APPEALED: "soon",
    Status.PROPOSED: "soon",
    Status.PAPERS_WANTED: "stopped",
    Status.WAITING: "stopped",
}
NEXT = {
    Status.REPORTED: gettext_lazy("The claimant adds the papers"),
    Status.SUBMITTED: gettext_lazy("Take up the investigation"),
    Status.INVESTIGATING: gettext_lazy("Investigate"),
    Status.PAPERS_WANTED: gettext_lazy("Waiting for a paper"),
    Status.REVIEWING: gettext_lazy("Answer the criteria and propose"),
    Status.WAITING: gettext_lazy("Waiting for a date"),
    Status.PROPOSED: gettext_lazy("Confirm or send back"),
    Status.REFUSED: gettext_lazy("The claimant may appeal"),
    Status.APPEALED: gettext_lazy("The jury votes"),
    Status.GRANTED: gettext_lazy("Disclosed to all members"),
}
EVENTS = {
    "reported": gettext_lazy("Reported"),
    "taken": gettext_lazy("Taken up"),
    "paper_added": gettext_lazy("Paper added"),
    "paper_removed": gettext_lazy("Paper taken back"),
    "finding": gettext_lazy("Finding written down"),
    "requested": gettext_lazy("Paper asked for"),
    "answered": gettext_lazy("Criteria answered"),
    "message": gettext_lazy("Message"),
    "payee_given": gettext_lazy("Account for the payout given"),
    "payee_confirmed": gettext_lazy("Account for the payout confirmed"),
    "jury_opened": gettext_lazy("Voting of the jury opened"),
    "jury_extended": gettext_lazy("Voting of the jury extended"),
    "jury_waits": gettext_lazy("Waiting for jurors"),
}
# The result of a tree or a leaf as the colour of a tag; an exclusion is good when not met.
RESULTS = {
    "met": ("fine", gettext_lazy("met")),
    "not_met": ("late", gettext_lazy("not met")),
    "not_shown": ("soon", gettext_lazy("not shown")),
    "not_yet": ("stopped", gettext_lazy("not yet")),
}
ZOOMS = [100, 150, 200, 300]
SHOWN_FOR = 10 * 60  # seconds
_READS = 50
_PRIVATE = "no-store, private"


# --- verbs: what a POST of the page does

Run = Callable[[Claim, Any, Account], object]


@dataclass(frozen=True)
class Verb:
    """A form, the action behind it, and where the page goes on."""

    form: type[forms.DeskForm]
    run: Run
    done: Any
    tab: str


def _take(claim: Claim, form: forms.DeskForm, by: Account) -> None:
    actions.take(claim_id=claim.pk, by=by, at=clock.now())


def _finding(claim: Claim, form: forms.DeskForm, by: Account) -> None:
    data = form.cleaned_data
    where = forms.pointed(data["paper"])
    actions.record_finding(claim_id=claim.pk, text=data["text"], **where, by=by, at=clock.now())


def _request(claim: Claim, form: forms.DeskForm, by: Account) -> None:
    actions.request_paper(claim_id=claim.pk, **form.cleaned_data, by=by, at=clock.now())


def _say(claim: Claim, form: forms.DeskForm, by: Account) -> None:
    actions.say(claim_id=claim.pk, **form.cleaned_data, by=by, at=clock.now())


def _finish(claim: Claim, form: forms.DeskForm, by: Account) -> None:
    actions.finish_investigation(claim_id=claim.pk, **form.cleaned_data, by=by, at=clock.now())


def _answers(claim: Claim, form: forms.DeskForm, by: Account) -> None:
    answers = cast(forms.CriteriaForm, form).answers()
    actions.answer_criteria(claim_id=claim.pk, answers=answers, by=by, at=clock.now())


def _wait(claim: Claim, form: forms.DeskForm, by: Account) -> None:
    actions.wait_until(claim_id=claim.pk, **form.cleaned_data, by=by, at=clock.now())


def _propose(claim: Claim, form: forms.DeskForm, by: Account) -> None:
    actions.propose(claim_id=claim.pk, **form.cleaned_data, by=by, at=clock.now())


def _confirm(claim: Claim, form: forms.DeskForm, by: Account) -> None:
    actions.confirm(decision_id=_seen(claim, form).pk, by=by, at=clock.now())


def _send_back(claim: Claim, form: forms.DeskForm, by: Account) -> None:
    seen, why = _seen(claim, form), form.cleaned_data["why"]
    actions.send_back(decision_id=seen.pk, why=why, by=by, at=clock.now())


def _seen(claim: Claim, form: forms.DeskForm) -> Decision:
    """The proposal that was on the page. Raises NotNow if it is not one of this claim."""
    found = claim.decisions.filter(pk=form.cleaned_data["decision"]).first()
    if found is None:
        raise NotNow(_("This proposal is not there any more. Look at the page again."))
    return found


VERBS = {
    verb.form.do: verb
    for verb in [
        Verb(forms.TakeForm, _take, gettext_lazy("It is yours now."), "overview"),
        Verb(forms.FindingForm, _finding, gettext_lazy("Written down."), "investigation"),
        Verb(forms.RequestForm, _request, gettext_lazy("The claimant is asked."), "investigation"),
        Verb(forms.SayForm, _say, gettext_lazy("Sent."), "investigation"),
        Verb(forms.FinishForm, _finish, gettext_lazy("It is with the reviewers now."), "overview"),
        Verb(forms.CriteriaForm, _answers, gettext_lazy("Saved."), "criteria"),
        Verb(forms.WaitForm, _wait, gettext_lazy("It rests until that day."), "overview"),
        Verb(
            forms.ProposeForm,
            _propose,
            gettext_lazy("Proposed. Another reviewer has to confirm it."),
            "decision",
        ),
        Verb(
            forms.DecisionForm,
            _confirm,
            gettext_lazy("Confirmed. The letter goes out now."),
            "decision",
        ),
        Verb(forms.BackForm, _send_back, gettext_lazy("Sent back to the proposer."), "decision"),
    ]
}


@dataclass
class Typed:
    """What came back from a POST that was not carried out: its form, and the page's status."""

    form: forms.DeskForm | None = None
    letter: dict[str, Any] = field(default_factory=dict)
    http_status: int = 200

    def kept(self, kind: type[forms.DeskForm], claim: Claim, **kwargs: Any) -> forms.DeskForm:
        """The form as it was typed, or an empty one."""
        form = self.form if self.form and self.form.do == kind.do else kind(claim=claim, **kwargs)
        if form.is_bound:
            _mark_wrong(form)
        return form


def _mark_wrong(form: forms.DeskForm) -> None:
    for name in form.errors:
        if name in form.fields:
            described = f"{form[name].auto_id}_error"
            form.fields[name].widget.attrs |= {
                "aria-invalid": "true",
                "aria-describedby": described,
            }


# --- the page


@admin.register(Claim)
class ClaimAdmin(ReadOnlyAdmin):
    opens = "admin:claims_claim_workspace"
    list_display = ("number", "illness", "status_tag", "who", "due_at", "reported_at")
    list_display_links = ("number",)
    list_filter = ("status",)
    list_select_related = ("owner", "rules")
    exact = ("number",)
    search_help_text = gettext_lazy("The whole number, such as HZ-2021-000042")

    @admin.display(description=gettext_lazy("disease"))
    def illness(self, claim: Claim) -> str:
        return disease_name(claim.rules.norm, claim.disease)

    @admin.display(description=gettext_lazy("status"))
    def status_tag(self, claim: Claim) -> SafeString:
        return desk_tag(STATUS_TAGS.get(Status(claim.status), ""), claim.get_status_display())

    @admin.display(description=gettext_lazy("who has it"))
    def who(self, claim: Claim) -> str:
        return str(claim.owner or "—")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Claim]:
        found: QuerySet[Claim] = super().get_queryset(request)
        return found.defer("story_sealed", "hospital_sealed")

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site.admin_view
        papers = xframe_options_sameorigin(require_safe(self.papers))
        page = "<int:pk>/papers/<int:place>/<int:page>/image/"
        return [
            path("<int:pk>/work/", site(self.workspace), name="claims_claim_workspace"),
            path("<int:pk>/show/", site(self.show_identity), name="claims_claim_show"),
            path("<int:pk>/papers/", site(papers), name="claims_claim_papers"),
            path(page, site(require_safe(self.page_image)), name="claims_claim_page"),
            *super().get_urls(),
        ]

    def _claim(self, request: HttpRequest, pk: int) -> Claim:
        """The claim, for who may read it: by role, and not of the family."""
        claims = Claim.objects.select_related("member", "membership__plan", "rules", "owner")
        claim = get_object_or_404(claims, pk=pk)
        if not self.has_view_permission(request, claim):
            raise PermissionDenied
        policies.check_staff_reads(_by(request), claim)
        return claim

    def workspace(self, request: HttpRequest, pk: int) -> HttpResponse:
        claim, tab = self._claim(request, pk), request.GET.get("tab", "overview")
        if tab not in dict(TABS):
            raise Http404
        typed = Typed()
        if request.method == "POST":
            done = _post(request, claim, typed)
            if done:
                return HttpResponseRedirect("?" + urlencode({"tab": done}))
            claim = self._claim(request, pk)
        context = {
            **self.admin_site.each_context(request),
            **_head(request, claim),
            **PARTS[tab](request, claim, typed),
            "opts": self.opts,
            "tab": tab,
            "tabs": TABS,
            "problems": typed.form.problems() if typed.form else [],
        }
        name = f"admin/claims/claim/{tab}.html"
        return TemplateResponse(
            request, name, context, status=typed.http_status, headers={"Cache-Control": _PRIVATE}
        )

    def show_identity(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Keep for ten minutes that this reader has said why. Nothing is opened here yet."""
        claim = self._claim(request, pk)
        form = forms.ShowForm(request.POST, claim=claim)
        if request.method != "POST" or not form.is_valid():
            messages.error(request, _("Say why you need the full identity. Nothing was shown."))
        else:
            until = int(clock.now().timestamp()) + SHOWN_FOR
            request.session[f"shown-{pk}"] = [until, form.cleaned_data["reason"]]
        return HttpResponseRedirect(reverse("admin:claims_claim_workspace", args=[pk]))

    def papers(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A page inside a frame, so that turning a leaf never costs a half-filled form."""
        claim = self._claim(request, pk)
        papers = list(claim.papers.filter(removed_at__isnull=True))
        left = f"papers-{pk}"  # where this reader left off: a saved form does not lose the page
        if "paper" not in request.GET and left in request.session and papers:
            return HttpResponseRedirect("?" + request.session[left])
        context: dict[str, Any] = {"claim": claim, "papers": []}
        if papers:
            place = View.of(request, papers)
            request.session[left] = place.query()
            hidden = place.paper.kind == Evidence.Kind.IDENTITY and not _shown(request, claim)
            context |= _sheet(claim, papers, place) | {"hidden": hidden}
        return TemplateResponse(
            request,
            "admin/claims/claim/papers.html",
            context,
            headers={"Cache-Control": _PRIVATE},
        )

    def page_image(self, request: HttpRequest, pk: int, place: int, page: int) -> HttpResponse:
        """One page as a picture. Whoever sees it is written down first (claims.actions)."""
        claim = self._claim(request, pk)
        paper = get_object_or_404(claim.papers, place=place, removed_at__isnull=True)
        shown = _shown(request, claim)
        identity = paper.kind == Evidence.Kind.IDENTITY
        if identity and not shown:
            raise PermissionDenied(_("Say first why you need to see the full identity."))
        picture = actions.read_paper(
            claim_id=pk,
            place=place,
            page=page,
            why=shown[1] if identity and shown else "",
            by=_by(request),
            at=clock.now(),
        )
        turn = _number(request, "turn", 0) % 360
        kind = files.JPEG if paper.media_type == files.JPEG else files.PNG
        return HttpResponse(
            _turned(picture, turn) if turn else picture,
            content_type=kind,
            headers={"Cache-Control": _PRIVATE},
        )


def _by(request: HttpRequest) -> Account:
    return cast(Account, request.user)


def _number(request: HttpRequest, name: str, default: int) -> int:
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else default  # noqa: PLR2004


def _post(request: HttpRequest, claim: Claim, typed: Typed) -> str:
    """Carry out one verb. The tab to go on to, or "" with what was typed in `typed`."""
    verb = VERBS.get(request.POST.get("do", ""))
    if verb is None:
        raise Http404
    more: dict[str, Any] = {}
    if verb.form is forms.ProposeForm:
        more = {"outcome": actions.outcome(claim, clock.today())}
    form = typed.form = verb.form(request.POST, claim=claim, **more)
    if not form.is_valid():
        return ""
    if "preview" in request.POST:
        typed.letter = form.cleaned_data
        return ""
    try:
        verb.run(claim, form, _by(request))
    except Refused as error:
        refuse(form, error)
        typed.http_status = error.status
        return ""
    messages.success(request, verb.done)
    return verb.tab


# --- what every tab shows


def _head(request: HttpRequest, claim: Claim) -> dict[str, Any]:
    may_take = claim.owner_id is None and claim.turn in WORKERS
    by = _by(request)
    return {
        "claim": claim,
        "original": claim,
        "disease": (name := disease_name(claim.rules.norm, claim.disease)),
        "title": f"{claim.number} {name}",
        "status_tag": STATUS_TAGS.get(Status(claim.status), ""),
        "next": _next(claim),
        "masked_name": mask_name(claim.member.name),
        "take": may_take and policies.allowed(policies.check_takes, by, claim),
        "papers_url": reverse("admin:claims_claim_papers", args=[claim.pk]),
    }


WORKERS = {Turn.ADJUSTER, Turn.REVIEWER, Turn.CONFIRMER}


def _next(claim: Claim) -> dict[str, Any] | None:
    if claim.due_at is None or Status(claim.status) not in NEXT:
        return None
    return {
        "what": NEXT[Status(claim.status)],
        "who": claim.owner,
        "due_at": claim.due_at,
        "sla": sla(claim.due_at, clock.now(), turn=claim.turn),
    }


def _shown(request: HttpRequest, claim: Claim) -> tuple[int, str] | None:
    """Until when (seconds since the epoch) this reader may see the identity, and why."""
    until, why = request.session.get(f"shown-{claim.pk}", (0, ""))
    return (until, why) if until > clock.now().timestamp() else None


def _identity(request: HttpRequest, claim: Claim) -> dict[str, Any]:
    """Masked; in full for who has said why, and each time it is shown is recorded."""
    shown = _shown(request, claim)
    if not shown:
        return {"name": mask_name(claim.member.name), "id_number": "*" * 18, "contact": "***"}
    number = members.open_id_number(
        member_id=claim.member_id, by=_by(request), why=shown[1], at=clock.now()
    )
    contact = [claim.call_back, claim.filed_by.email]
    return {
        "name": claim.member.name,
        "id_number": number,
        "contact": " · ".join(part for part in contact if part),
        "until": datetime.fromtimestamp(shown[0], tz=clock.SHANGHAI),
    }


# --- the tabs: each returns what its template shows


def _overview(request: HttpRequest, claim: Claim, typed: Typed) -> dict[str, Any]:
    by = _by(request)
    words = None
    if "words" in request.GET:
        words = actions.read_report(claim_id=claim.pk, by=by, at=clock.now())
    return {
        "identity": _identity(request, claim),
        "show": forms.ShowForm(claim=claim),
        "words": words,
        "events": [
            _event(event, claim) for event in claim.events.select_related("by").order_by("-pk")
        ],
        **_facts(claim),
    }


def _facts(claim: Claim) -> dict[str, Any]:
    benefit: int | None = None
    no_benefit = ""
    try:
        benefit = rules.benefit_fen(claim)
    except Invalid as error:
        no_benefit = str(error)
    return {
        "benefit_fen": benefit,
        "no_benefit": no_benefit,
        "age": age_on(claim.member.birth_on, claim.diagnosed_on),
        "days": (clock.day(claim.reported_at) - claim.diagnosed_on).days,
        "covered": claim.diagnosed_on >= claim.membership.covered_from,
    }


def _who(account: Account | None, claim: Claim) -> str:
    """Staff by name, the claimant as such, and the calendar."""
    if account is None:
        return _("by the calendar")
    return str(account) if account.is_staff else _("claimant")


def _event(event: ClaimEvent, claim: Claim) -> dict[str, Any]:
    what = EVENTS.get(event.code, event.code)
    if event.code == "moved":
        what = event.get_new_display()
    place, kind = event.facts.get("place"), event.facts.get("kind", "")
    return {
        "at": event.at,
        "what": what,
        "by": _who(event.by, claim),
        "place": place,
        "kind": dict(Evidence.Kind.choices).get(kind, ""),
    }


def _investigation(request: HttpRequest, claim: Claim, typed: Typed) -> dict[str, Any]:
    found = getattr(claim, "investigation", None)
    closed = why_not(_check_investigates, _by(request), claim)
    kinds = (forms.FindingForm, forms.RequestForm, forms.FinishForm, forms.SayForm)
    return {
        "investigation": found,
        "findings": found.findings.select_related("paper", "by").order_by("pk") if found else [],
        "requests": claim.requests.select_related("by").order_by("pk"),
        "talk": claim.messages.select_related("by"),
        "closed": closed,
        "forms": {kind.do: typed.kept(kind, claim) for kind in kinds},
    }


def _check_investigates(by: Account, claim: Claim) -> None:
    policies.check_adjuster(by, claim)
    _check_at(claim, Status.INVESTIGATING, Status.PAPERS_WANTED)
    policies.check_has_it(by, claim)


def _check_reviews(by: Account, claim: Claim) -> None:
    policies.check_reviewer(by, claim)
    _check_at(claim, Status.REVIEWING)
    policies.check_has_it(by, claim)


def _check_at(claim: Claim, *statuses: Status) -> None:
    if claim.status not in statuses:
        raise NotNow(
            _("The claim is at “%(state)s”. This is done at “%(then)s”.")
            % {"state": claim.get_status_display(), "then": statuses[0].label}
        )


def _criteria(request: HttpRequest, claim: Claim, typed: Typed) -> dict[str, Any]:
    form = cast(forms.CriteriaForm, typed.kept(forms.CriteriaForm, claim))
    outcome = actions.outcome(claim, clock.today())
    rows = [row for row in form.rows if "leaf" in row]
    good = [criteria.NOT_MET if row["negated"] else criteria.MET for row in rows]
    held = [outcome.leaves[row["leaf"]["code"]].result is right for row, right in zip(
        rows, good, strict=True)]  # fmt: skip
    return {
        "form": form,
        "lines": list(form.lines()),
        "closed": why_not(_check_reviews, _by(request), claim),
        "held": sum(held),
        "total": len(held),
        "wait": forms.WaitForm(claim=claim, initial={"not_before": outcome.not_before}),
        **_facts(claim),
        **_result(outcome),
    }


def _result(outcome: criteria.Outcome, *, answered: bool = True) -> dict[str, Any]:
    kind, word = RESULTS[str(outcome.result)]
    open_ones = [forms.text(judged.leaf) for judged in outcome.path]
    return {
        "outcome": outcome,
        "outcome_tag": desk_tag(kind, word),
        "decided_by": open_ones if answered and outcome.result is not criteria.MET else [],
    }


def _decision(request: HttpRequest, claim: Claim, typed: Typed) -> dict[str, Any]:
    decisions = list(claim.decisions.select_related("proposed_by", "confirmed_by", "sent_back_by"))
    current = next((found for found in decisions if not found.sent_back_at), None)
    outcome = actions.outcome(claim, clock.today())
    context: dict[str, Any] = {
        "decision": current,
        "sent_back": [found for found in decisions if found.sent_back_at],
        "letter": typed.letter,
        **_facts(claim),
        **_result(outcome, answered=claim.answers.exists()),
    }
    if current is None:
        return context | {
            "closed": why_not(_check_reviews, _by(request), claim),
            "form": typed.kept(forms.ProposeForm, claim, outcome=outcome),
        }
    return context | _proposal(request, claim, current, typed)


def _proposal(
    request: HttpRequest, claim: Claim, decision: Decision, typed: Typed
) -> dict[str, Any]:
    by = _by(request)
    decision.claim = claim
    cited = {row["paper"] for row in decision.table if row["paper"]}
    return {
        "table": [_table_row(row) for row in decision.table],
        "letter": decision,
        "closed": why_not(_check_confirms, by, decision),
        "confirm": forms.DecisionForm(claim=claim, initial={"decision": decision.pk}),
        "back": typed.kept(forms.BackForm, claim, initial={"decision": decision.pk}),
        "cited": len(cited),
        "opened": len(cited & _opened(claim, by)),
    }


def _check_confirms(by: Account, decision: Decision) -> None:
    policies.check_confirmer(by, decision)
    policies.check_has_it(by, decision.claim)


def _opened(claim: Claim, by: Account) -> set[int]:
    """The places of the papers that this reader has opened."""
    read = AccessRecord.objects.filter(member=claim.member_id, by=by, what="evidence")
    return set(claim.papers.filter(pk__in=read.values("object_id")).values_list("place", flat=True))


def _table_row(row: dict[str, Any]) -> dict[str, Any]:
    kind, word = RESULTS[row["answer"]][0], str(RESULTS[row["answer"]][1])
    if row.get("negated"):
        kind = {"met": "late", "not_met": "fine"}.get(row["answer"], kind)
        word = dict(forms.answer_words(negated=True)).get(row["answer"], word)
    return row | {"text": forms.text(row), "tag": desk_tag(kind, word)}


def _access(request: HttpRequest, claim: Claim, typed: Typed) -> dict[str, Any]:
    papers = dict(claim.papers.values_list("pk", "place"))
    of_claim = (
        Q(what="evidence", object_id__in=papers)
        | Q(what="illness", object_id=claim.pk)
        | Q(what="payee", object_id__in=Claim.objects.filter(pk=claim.pk).values("payee"))
        | Q(what__in=["id_number", "declaration"])
    )
    reads = AccessRecord.objects.filter(of_claim, member=claim.member_id).select_related("by")
    return {
        "reads": [
            {
                "at": read.at,
                "by": access.reader(read.by),
                "what": access.what(read.what),
                "place": papers.get(read.object_id or 0) if read.what == "evidence" else None,
                "page": read.page,
                "why": access.why(read.why),
            }
            for read in reads.order_by("-at")[:_READS]
        ]
    }


PARTS: dict[str, Callable[[HttpRequest, Claim, Typed], dict[str, Any]]] = {
    "overview": _overview,
    "investigation": _investigation,
    "criteria": _criteria,
    "decision": _decision,
    "access": _access,
}


# --- papers


@dataclass(frozen=True)
class View:
    """Which page of which paper, how it is turned (degrees) and how large (per cent)."""

    paper: Evidence
    page: int
    turn: int
    zoom: int

    @classmethod
    def of(cls, request: HttpRequest, papers: list[Evidence]) -> View:
        """What the address asks for; the first paper that is not the ID card by default."""
        plain = [paper for paper in papers if paper.kind != Evidence.Kind.IDENTITY]
        first = (plain or papers)[0].place
        wanted = _number(request, "paper", first)
        paper = next((paper for paper in papers if paper.place == wanted), None)
        page, zoom = _number(request, "page", 1), _number(request, "zoom", 100)
        if paper is None or not 1 <= page <= paper.pages:
            raise Http404
        turn = _number(request, "turn", 0) % 360 // 90 * 90
        return cls(paper, page, turn, zoom if zoom in ZOOMS else ZOOMS[0])

    def query(self, **change: int) -> str:
        here = {
            "paper": self.paper.place,
            "page": self.page,
            "turn": self.turn,
            "zoom": self.zoom,
        }
        return urlencode(here | change)


def _sheet(claim: Claim, papers: list[Evidence], view: View) -> dict[str, Any]:
    image = reverse("admin:claims_claim_page", args=[claim.pk, view.paper.place, view.page])
    return {
        "papers": [(p, "?" + view.query(paper=p.place, page=1, turn=0)) for p in papers],
        "paper": view.paper,
        "page": view.page,
        "zoom": view.zoom,
        "image": f"{image}?turn={view.turn}",
        "tools": _tools(view),
    }


def _tools(view: View) -> list[tuple[str, str, str]]:
    """(sign, word, address; "" where there is no way on)."""
    page, at = view.page, ZOOMS.index(view.zoom)

    def way(possible: bool, **change: int) -> str:
        return "?" + view.query(**change) if possible else ""

    return [
        ("‹", _("Previous page"), way(page > 1, page=page - 1)),
        ("›", _("Next page"), way(page < view.paper.pages, page=page + 1)),
        ("↺", _("Turn left"), way(True, turn=(view.turn - 90) % 360)),
        ("↻", _("Turn right"), way(True, turn=(view.turn + 90) % 360)),
        ("−", _("Smaller"), way(at > 0, zoom=ZOOMS[at - 1])),
        ("+", _("Larger"), way(at + 1 < len(ZOOMS), zoom=ZOOMS[min(at + 1, len(ZOOMS) - 1)])),
    ]


def _turned(picture: bytes, degrees: int) -> bytes:
    """Turned clockwise. The picture is one that claims.files drew itself."""
    turn = {
        90: Image.Transpose.ROTATE_270,
        180: Image.Transpose.ROTATE_180,
        270: Image.Transpose.ROTATE_90,
    }
    image = Image.open(BytesIO(picture))
    kind, out = image.format, BytesIO()
    if degrees in turn:
        turned = image.transpose(turn[degrees])
        turned.save(out, kind)
        return out.getvalue()
    return picture
