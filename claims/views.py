"""The pages of a claim for the family it is of. Each translates in and out of one action."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from claims import actions, files, forms, policies, rules, timeline
from claims.drafts import Draft
from claims.models import Claim, Decision, Evidence, Payee
from claims.states import UNDECIDED, Status
from members.models import Account, HouseholdLink, Membership
from members.rules import mask_name
from members.stepup import fresh_login
from mutualaid import clock
from mutualaid.errors import Forbidden, Invalid, NotNow
from mutualaid.templatetags.look import day as day_in_words

both = require_http_methods(["GET", "HEAD", "POST"])
_LOADED = ("events", "papers", "requests", "decisions", "appeals", "messages__by", "rules__bands")


def _account(request: HttpRequest) -> Account:
    return cast(Account, request.user)


def _claim(request: HttpRequest, number: str) -> Claim:
    """The claim of the reader's family; one of another family is as missing as none."""
    own = Claim.objects.of_account(_account(request)).filter(number=number)
    found = own.select_related("member", "rules", "membership", "owner").prefetch_related(*_LOADED)
    claim = found.first()
    if claim is None:
        raise Http404
    return claim


def _membership(request: HttpRequest, membership_id: int) -> Membership:
    own = Membership.objects.filter(
        pk=membership_id, member__household__account=_account(request)
    ).select_related("member", "rules", "plan")
    membership = own.first()
    if membership is None:
        raise Http404
    return membership


def _acting(request: HttpRequest, member_id: int) -> dict[str, Any]:
    """For whom the reader acts: nothing for oneself, else relation and masked name."""
    link = HouseholdLink.objects.select_related("member").get(
        account=_account(request), member_id=member_id
    )
    if link.relation == HouseholdLink.Relation.SELF:
        return {"acting_who": "", "acting_name": ""}
    return {
        "acting_who": link.get_relation_display(),
        "acting_name": mask_name(link.member.name),
    }


def _page(
    request: HttpRequest, template: str, claim: Claim, status: int = 200, **more: Any
) -> HttpResponse:
    base = {
        "claim": claim,
        "disease": forms.disease_name(claim.rules.norm, claim.disease),
        "here": reverse("claims:detail", args=[claim.number]),
    }
    context = base | _acting(request, claim.member_id) | more
    return render(request, f"claims/{template}.html", context, status=status)


def _draft(request: HttpRequest, what: str, number: int, member_id: int) -> Draft:
    by = _account(request)
    return Draft(request.session, what, number, member_id=member_id, by=by)


def _put(error: Invalid, form: Form) -> None:
    """The action's sentence beside its field, or above the form."""
    form.add_error(error.field if error.field in form.fields else None, str(error))


# --- the report


@login_required
@require_GET
def claims(request: HttpRequest) -> HttpResponse:
    """All claims of the family, the newest first."""
    own = Claim.objects.of_account(_account(request)).select_related("member", "rules", "owner")
    return render(
        request, "claims/list.html", {"tasks": [_row(claim) for claim in own.order_by("-pk")]}
    )


def _row(claim: Claim) -> dict[str, Any]:
    disease = forms.disease_name(claim.rules.norm, claim.disease)
    words = [claim.number, claim.get_status_display(), timeline.now_sentence(claim)]
    return {
        "title": f"{mask_name(claim.member.name)} · {disease}",
        "url": reverse("claims:detail", args=[claim.number]),
        "hint": " · ".join(word for word in words if word),
        "icon": "send" if timeline.is_yours(claim) else "claim",
    }


@login_required
@require_GET
def start(request: HttpRequest) -> HttpResponse:
    """What is needed, and for whom the claim is to be."""
    own = (
        Membership.objects.filter(member__household__account=_account(request))
        .select_related("member", "plan")
        .prefetch_related("claims")
        .distinct()
        .order_by("pk")
    )
    return render(request, "claims/start.html", {"tasks": [_candidate(found) for found in own]})


def _candidate(membership: Membership) -> dict[str, Any]:
    of_it = list(membership.claims.all())
    taken = [found for found in of_it if timeline.is_under_way(found)]
    row = {"title": mask_name(membership.member.name), "icon": "ren", "hint": membership.plan.name}
    if taken:
        url = reverse("claims:detail", args=[taken[0].number])
        return row | {"url": url, "hint": f"{taken[0].number} · {taken[0].get_status_display()}"}
    first = next(iter(forms.STEPS))
    return row | {"url": reverse("claims:report", args=[membership.pk, first])}


@login_required
@both
def report(request: HttpRequest, membership_id: int, step: str) -> HttpResponse:
    """One question of the report. `?check` comes from, and goes back to, the list of answers."""
    membership = _membership(request, membership_id)
    if step not in forms.STEPS:
        raise Http404
    member_id = membership.member_id
    draft = _draft(request, "report", membership_id, member_id)
    typed = draft.load()
    terms = policies.terms(membership, clock.today())
    form = forms.STEPS[step](
        request.POST or None, initial=typed, norm=terms.norm, diseases=rules.diseases(terms)
    )
    if request.method == "POST" and form.is_valid():
        typed |= {name: _plain(value) for name, value in form.cleaned_data.items()}
        draft.keep(typed)
        return redirect(_after(membership_id, step, back="check" in request.GET))
    number = list(forms.STEPS).index(step)
    before = list(forms.STEPS)[number - 1] if number else ""
    context = {
        "form": form,
        "field": form[next(iter(form.fields))],
        "eyebrow": _("Report, question %(number)s of %(all)s")
        % {"number": number + 1, "all": len(forms.STEPS)},
        "back_url": reverse("claims:report", args=[membership_id, before])
        if before
        else reverse("claims:start"),
    }
    return render(
        request,
        "claims/report.html",
        context | _acting(request, member_id),
        status=400 if form.errors else 200,
    )


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def _after(membership_id: int, step: str, *, back: bool) -> str:
    """The address of the next question, or of the check when it was the last."""
    names = list(forms.STEPS)
    if back or step == names[-1]:
        return reverse("claims:check", args=[membership_id])
    return reverse("claims:report", args=[membership_id, names[names.index(step) + 1]])


@login_required
@both
def check(request: HttpRequest, membership_id: int) -> HttpResponse:
    """All answers once more; sending them is the report."""
    membership = _membership(request, membership_id)
    member_id = membership.member_id
    draft = _draft(request, "report", membership_id, member_id)
    typed = draft.load()
    for step, form_class in forms.STEPS.items():
        if not set(form_class.base_fields) <= typed.keys():
            return redirect("claims:report", membership_id, step)
    error = ""
    if request.method == "POST":
        try:
            claim = _send(request, membership, typed)
        except Invalid as refused:
            error = str(refused)
        else:
            draft.forget()
            return redirect("claims:done", claim.number, "report")
    context = {
        "rows": _answers(membership, typed),
        "membership": membership,
        "papers_on": rules.last_day(rules.papers_due(clock.now())),
        "error": error,
    }
    return render(
        request,
        "claims/check.html",
        context | _acting(request, member_id),
        status=400 if error else 200,
    )


def _send(request: HttpRequest, membership: Membership, typed: dict[str, Any]) -> Claim:
    return actions.report(
        membership_id=membership.pk,
        disease=typed["disease"],
        diagnosed_on=date.fromisoformat(typed["diagnosed_on"]),
        accident=typed["accident"] == "yes",
        story=typed["story"],
        hospital=typed["hospital"],
        call_back=typed["call_back"],
        publish_consent=typed["publish_consent"] == "yes",
        by=_account(request),
        at=clock.now(),
    )


def _norm(membership: Membership) -> str:
    return policies.terms(membership, clock.today()).norm


def _answers(membership: Membership, typed: dict[str, Any]) -> list[dict[str, Any]]:
    words = {"yes": _("Yes"), "no": _("No")}
    shown = {
        "illness": (_("Illness"), forms.disease_name(_norm(membership), typed["disease"])),
        "when": (_("First diagnosed"), day_in_words(date.fromisoformat(typed["diagnosed_on"]))),
        "accident": (_("Accident"), words[typed["accident"]]),
        "hospital": (_("Hospital"), typed["hospital"]),
        "story": (_("What has happened"), typed["story"]),
        "call": (_("We may call"), typed["call_back"]),
        "consent": (_("Disclosure says more than the amount"), words[typed["publish_consent"]]),
    }
    return [
        {
            "label": label,
            "value": value,
            "url": reverse("claims:report", args=[membership.pk, step]) + "?check",
        }
        for step, (label, value) in shown.items()
    ]


@login_required
@require_GET
def done(request: HttpRequest, number: str, what: str) -> HttpResponse:
    """What has just been done, its number, and what comes next."""
    titles = {
        "report": _("Your report has arrived"),
        "papers": _("Your papers are complete"),
        "appeal": _("Your appeal has arrived"),
        "payee": _("The account is confirmed"),
        "withdrawn": _("The claim is withdrawn"),
        "appeal-withdrawn": _("The appeal is withdrawn"),
    }
    if what not in titles:
        raise Http404
    claim = _claim(request, number)
    steps = timeline.timeline(claim)
    return _page(request, "done", claim, title=titles[what], what=what, steps=steps)


# --- the claim


@login_required
@require_GET
def detail(request: HttpRequest, number: str) -> HttpResponse:
    """Where it stands, whose turn it is, the papers, the messages."""
    return _detail(request, _claim(request, number))


def _detail(request: HttpRequest, claim: Claim, status: int = 200, **more: Any) -> HttpResponse:
    wanted = [asked for asked in claim.requests.all() if not asked.answered_at]
    context = {
        "steps": timeline.timeline(claim),
        "now": timeline.now_sentence(claim),
        "yours": timeline.is_yours(claim),
        "who": timeline.person(claim.owner) if claim.owner else "",
        "papers": _papers(claim),
        "wanted": wanted,
        "may_add": claim.status in UNDECIDED,
        "may_withdraw": claim.status in UNDECIDED,
        "may_submit": _may_submit(claim),
        "decision": timeline.decided(claim),
        "verdict": _verdict(claim),
        "benefit_fen": _benefit(claim),
        "payee": Payee.objects.filter(claim=claim).first(),
        "may_appeal": policies.allowed(actions.check_appealable, claim),
        "talk": [_said(request, message) for message in claim.messages.all()],
        "upload_form": forms.UploadForm(
            initial={"kind": wanted[0].kind if wanted else Evidence.Kind.DIAGNOSIS}
        ),
        "message_form": forms.MessageForm(auto_id="id_say_%s"),
        "decision_on": timeline.decision_on(claim),
    }
    return _page(request, "detail", claim, status, **(context | more))


def _benefit(claim: Claim) -> int | None:
    """The benefit of the rules' band, in fen; None where the rules have none for that age."""
    try:
        return rules.benefit_fen(claim)
    except Invalid:
        return None


def _verdict(claim: Claim) -> dict[str, Any]:
    """What the jury said, once it has spoken; {} before."""
    for event in claim.events.all():
        if "verdict" in event.facts:
            return cast(dict[str, Any], event.facts["verdict"])
    return {}


def _may_submit(claim: Claim) -> bool:
    kept = [paper for paper in claim.papers.all() if not paper.removed_at]
    if claim.status == Status.REPORTED:
        return len(kept) >= rules.LEAST_PAPERS
    missing = [asked for asked in claim.requests.all() if not asked.answered_at]
    return claim.status == Status.PAPERS_WANTED and not missing


def _papers(claim: Claim) -> list[dict[str, Any]]:
    yours = timeline.is_yours(claim) and claim.status != Status.REFUSED
    return [
        {
            "place": paper.place,
            "name": paper.name,
            "kind": paper.get_kind_display(),
            "pages": paper.pages,
            "added_at": paper.added_at,
            "removable": yours,
        }
        for paper in claim.papers.all()
        if not paper.removed_at
    ]


def _said(request: HttpRequest, message: Any) -> dict[str, Any]:
    by = message.by
    name = _("You") if by == request.user else timeline.person(by)
    return {"name": name, "at": message.at, "text": message.text}


@login_required
@require_POST
def upload(request: HttpRequest, number: str) -> HttpResponse:
    """Add the chosen files one by one: what is good stays, what is not is named."""
    claim = _claim(request, number)
    given, kind = request.FILES.getlist("papers"), request.POST.get("kind", Evidence.Kind.OTHER)
    errors = [] if given else [_("Please choose at least one file.")]
    added = 0
    for file in given:
        try:
            # One byte over the limit is enough to say so; the rest is not read.
            actions.add_paper(
                claim_id=claim.pk,
                kind=kind,
                name=file.name or "",
                data=file.read(files.MOST_BYTES + 1),
                by=_account(request),
                at=clock.now(),
            )
            added += 1
        except Invalid as refused:
            errors.append(str(refused))
    if added:
        said = ngettext("%(added)s paper was added.", "%(added)s papers were added.", added)
        messages.success(request, said % {"added": added})
    if not errors:
        return redirect(reverse("claims:detail", args=[number]) + "#papers")
    form = forms.UploadForm(initial={"kind": kind})
    pairs = [("id_papers", error) for error in errors]
    return _detail(
        request, _claim(request, number), 400, errors=pairs, file_errors=errors, upload_form=form
    )


@login_required
@require_POST
def submit(request: HttpRequest, number: str) -> HttpResponse:
    """All papers are there."""
    claim = _claim(request, number)
    try:
        actions.submit(claim_id=claim.pk, by=_account(request), at=clock.now())
    except Invalid as refused:
        return _detail(request, claim, 400, errors=[("id_papers", str(refused))])
    return redirect("claims:done", number, "papers")


@login_required
@require_POST
def remove(request: HttpRequest, number: str, place: int) -> HttpResponse:
    """Take one paper back."""
    claim = _claim(request, number)
    actions.remove_paper(claim_id=claim.pk, place=place, by=_account(request), at=clock.now())
    messages.success(request, _("The paper was removed."))
    return redirect(reverse("claims:detail", args=[number]) + "#papers")


@login_required
@require_POST
def say(request: HttpRequest, number: str) -> HttpResponse:
    """A message to whoever works on the claim."""
    claim = _claim(request, number)
    form = forms.MessageForm(request.POST, auto_id="id_say_%s")
    if form.is_valid():
        text = form.cleaned_data["text"]
        actions.say(claim_id=claim.pk, text=text, by=_account(request), at=clock.now())
        messages.success(request, _("Your message was sent."))
        return redirect(reverse("claims:detail", args=[number]) + "#messages")
    pairs = [("id_say_text", error) for error in form.errors["text"]]
    return _detail(request, claim, 400, errors=pairs, message_form=form)


@login_required
@both
def withdraw(request: HttpRequest, number: str) -> HttpResponse:
    """Ask once more, then take the claim back."""
    claim = _claim(request, number)
    if request.method == "POST":
        actions.withdraw(claim_id=claim.pk, by=_account(request), at=clock.now())
        return redirect("claims:done", number, "withdrawn")
    words: dict[str, Any] = {
        "question": _("Withdraw this claim?"),
        "text": _("Work on it ends. You can report again while the rules' time lasts."),
        "label": _("Yes, withdraw the claim"),
    }
    return _page(request, "confirm", claim, **words)


# --- papers: by the case, never by an address alone; staff read them at the desk, where a second
# --- factor is asked for, and a reason for whoever opens an identity paper


def _readable(request: HttpRequest, number: str, place: int) -> Evidence:
    """A paper of the reader's family; anything else is missing."""
    found = Evidence.objects.select_related("claim__member", "claim__rules").filter(
        claim__number=number, place=place, removed_at__isnull=True
    )
    paper = found.first()
    if paper is None or not policies.allowed(policies.check_claimant, request.user, paper.claim):
        raise Http404
    return paper


@login_required
@require_GET
def paper(request: HttpRequest, number: str, place: int) -> HttpResponse:
    """A paper page by page, as pictures; `?page=` from 1."""
    found = _readable(request, number, place)
    asked = request.GET.get("page", "1")
    page = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 4 else 1  # noqa: PLR2004
    if not 1 <= page <= found.pages:
        raise Http404
    url = reverse("claims:paper", args=[number, place])
    context = {
        "paper": found,
        "number": number,
        "page": page,
        "previous": f"{url}?page={page - 1}" if page > 1 else "",
        "next": f"{url}?page={page + 1}" if page < found.pages else "",
        "here": reverse("claims:detail", args=[number]),
        "note": _("Page %(page)s of %(pages)s") % {"page": page, "pages": found.pages},
    }
    return render(request, "claims/paper.html", context)


@login_required
@require_GET
def paper_page(request: HttpRequest, number: str, place: int, page: int) -> HttpResponse:
    """The picture of one page."""
    found = _readable(request, number, place)
    data = _read(request, found, page)
    media_type = files.PNG if found.media_type == files.PDF else found.media_type
    return _safe(HttpResponse(data, content_type=media_type))


@login_required
@require_GET
def paper_file(request: HttpRequest, number: str, place: int) -> HttpResponse:
    """The whole paper, to keep; never opened inside our site."""
    found = _readable(request, number, place)
    response = HttpResponse(_read(request, found, None), content_type=found.media_type)
    ending = {files.JPEG: "jpg", files.PNG: "png", files.PDF: "pdf"}[found.media_type]
    name = f"{number}-{place}.{ending}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return _safe(response)


def _read(request: HttpRequest, found: Evidence, page: int | None) -> bytes:
    try:
        return actions.read_paper(
            claim_id=found.claim_id,
            place=found.place,
            page=page,
            by=_account(request),
            at=clock.now(),
        )
    except (Invalid, Forbidden) as refused:
        raise Http404 from refused


def _safe(response: HttpResponse) -> HttpResponse:
    """Whatever is in the bytes: not guessed at, not run, not kept by the browser or on the way."""
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, no-store"
    return response


# --- the letter


@login_required
@require_GET
def letter(request: HttpRequest, number: str) -> HttpResponse:
    """The decision first, then the clause, each condition, what would change it, the ways on."""
    claim = _claim(request, number)
    decision = timeline.decided(claim)
    if decision is None:
        raise Http404
    table = [_criterion(claim, row) for row in decision.table]
    failing = [row for row in table if row["code"] in decision.failing]
    context = {
        "decision": decision,
        "illness_rows": [row for row in table if row["part"] == "illness"],
        "general_rows": [row for row in table if row["part"] == "general"],
        "failing": failing,
        "met": sum(row["answer"] == "met" for row in table if row["part"] == "illness"),
        "proposer": timeline.person(decision.proposed_by),
        "confirmer": timeline.person(cast(Account, decision.confirmed_by)),
        "name": mask_name(claim.member.name),
        "benefit_fen": _benefit(claim),
        "may_appeal": policies.allowed(actions.check_appealable, claim),
        "appeal_on": timeline.by_when(claim),
        "again_on": _again_on(claim, decision),
        "dates": rules.period_dates(decision.confirmed_at) if decision.confirmed_at else (),
    }
    return _page(request, "letter", claim, **context)


def _again_on(claim: Claim, decision: Decision) -> date | None:
    """Until when a new report with further papers is in time; None when that day has passed."""
    last = claim.diagnosed_on + timedelta(days=claim.rules.claim_window_days)
    return last if not decision.granted and last >= clock.today() else None


_FLIPPED = {"met": "not_met", "not_met": "met"}


def _criterion(claim: Claim, row: dict[str, Any]) -> dict[str, Any]:
    """A row of components/criteria_table.html; of an exclusion, "met" is that it does not apply."""
    language = "en" if (get_language() or "").startswith("en") else "zh"
    text, answer = row[f"text_{language}"], row["answer"]
    if row["negated"]:
        text = _("Not the case: %(text)s") % {"text": text}
        answer = _FLIPPED.get(answer, answer)
    evidence, url = _("no paper"), ""
    if row["paper"]:
        evidence = f"{row['paper_name']}, {row['page']}" if row["page"] else row["paper_name"]
        url = reverse("claims:paper", args=[claim.number, row["paper"]])
        url += f"?page={row['page']}" if row["page"] else ""
    note = f"{row['measured']} {row['unit']}".strip() if row["measured"] else ""
    return {
        "code": row["code"],
        "part": row["part"],
        "text": f"{text} ({row['clause']})",
        "answer": answer,
        "evidence": evidence,
        "url": url,
        "note": note,
        "remedy": row[f"remedy_{language}"],
    }


# --- the payee


@login_required
@both
@fresh_login
def payee(request: HttpRequest, number: str) -> HttpResponse:
    """Whose account the benefit goes to."""
    claim = _claim(request, number)
    known = Payee.objects.filter(claim=claim).first()
    if known and known.confirmed_at:
        raise NotNow(_("You have confirmed this account. If it must change, call us."))
    initial = {"relation": known.relation, "holder": known.holder, "bank": known.bank,
               "reason": known.reason} if known else {}  # fmt: skip
    form = forms.PayeeForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            actions.give_payee(
                claim_id=claim.pk, by=_account(request), at=clock.now(), **form.cleaned_data
            )
        except Invalid as refused:
            _put(refused, form)
        else:
            return redirect("claims:payee_check", number)
    return _page(request, "payee", claim, 400 if form.errors else 200, form=form)


@login_required
@both
@fresh_login
def payee_check(request: HttpRequest, number: str) -> HttpResponse:
    """Account, name and reason once more; confirmed, they bind."""
    claim = _claim(request, number)
    known = Payee.objects.filter(claim=claim).first()
    if known is None:
        return redirect("claims:payee", number)
    if request.method == "POST":
        actions.confirm_payee(claim_id=claim.pk, by=_account(request), at=clock.now())
        return redirect("claims:done", number, "payee")
    url = reverse("claims:payee", args=[number])
    rows = [
        {"label": _("Whose account"), "value": known.get_relation_display(), "url": url},
        {"label": _("Account holder"), "value": known.holder, "url": url},
        {"label": _("Bank"), "value": known.bank, "url": url},
        {"label": _("Account number ends in"), "value": known.account_tail, "url": url},
    ]
    if known.reason:
        rows.append({"label": _("Why this person"), "value": known.reason, "url": url})
    benefit = rules.benefit_fen(claim)
    return _page(request, "payee_check", claim, rows=rows, benefit_fen=benefit)


# --- the appeal


@login_required
@both
def appeal(request: HttpRequest, number: str) -> HttpResponse:
    """What jurors will see, and the claimant's own words."""
    claim = _claim(request, number)
    decision = actions.check_appealable(claim)
    draft = _draft(request, "appeal", claim.pk, claim.member_id)
    typed = draft.load()
    form = forms.AppealForm(request.POST or None, initial=typed)
    if request.method == "POST" and form.is_valid():
        draft.keep(form.cleaned_data)
        return redirect("claims:appeal_check", number)
    table = [_criterion(claim, row) | {"url": ""} for row in decision.table]
    shown = [row | {"evidence": row["note"] or "—", "note": ""} for row in table]
    return _page(
        request,
        "appeal",
        claim,
        400 if form.errors else 200,
        form=form,
        decision=decision,
        rows=shown,
        last_on=timeline.by_when(claim),
    )


@login_required
@both
def appeal_check(request: HttpRequest, number: str) -> HttpResponse:
    """The statement once more; sent, it goes to the jury."""
    claim = _claim(request, number)
    draft = _draft(request, "appeal", claim.pk, claim.member_id)
    typed = draft.load()
    if not typed:
        return redirect("claims:appeal", number)
    error = ""
    if request.method == "POST":
        try:
            actions.appeal(
                claim_id=claim.pk,
                statement=typed["statement"],
                publish_consent=typed["publish_consent"],
                by=_account(request),
                at=clock.now(),
            )
        except Invalid as refused:
            error = str(refused)
        else:
            draft.forget()
            return redirect("claims:done", number, "appeal")
    url = reverse("claims:appeal", args=[number])
    consent = _("Yes") if typed["publish_consent"] else _("No")
    rows = [
        {"label": _("What the jury should know"), "value": typed["statement"], "url": url},
        {"label": _("Published with the result"), "value": consent, "url": url},
    ]
    return _page(request, "appeal_check", claim, 400 if error else 200, rows=rows, error=error)


@login_required
@both
def appeal_withdraw(request: HttpRequest, number: str) -> HttpResponse:
    """Ask once more, then take the appeal back."""
    claim = _claim(request, number)
    if request.method == "POST":
        actions.withdraw_appeal(claim_id=claim.pk, by=_account(request), at=clock.now())
        return redirect("claims:done", number, "appeal-withdrawn")
    words: dict[str, Any] = {
        "question": _("Withdraw this appeal?"),
        "text": _("The refusal then stands, and it cannot be appealed again."),
        "label": _("Yes, withdraw the appeal"),
    }
    return _page(request, "confirm", claim, **words)
