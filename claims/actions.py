"""The writer of claims, one verb each: lock, check, write, record.

Every verb locks the claim's row first, and what hangs on it afterwards. `at` is what is recorded;
deadlines are compared with the clock after the lock. A status changes in `_move` alone, together
with who must act next and by when.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from claims import criteria, files, policies, rules
from claims.models import (
    Appeal,
    Claim,
    ClaimEvent,
    CriterionAnswer,
    Decision,
    Evidence,
    EvidenceRequest,
    Finding,
    Investigation,
    Message,
    Payee,
)
from claims.states import TRANSITIONS, UNDECIDED, Status
from members import actions as members
from members.models import Account, Membership
from members.policies import check_acts_for
from members.rules import mask_name
from mutualaid import clock, vault
from mutualaid.errors import Invalid, NotNow
from mutualaid.sequences import next_id
from mutualaid.templatetags.look import day as day_in_words

LEAST_STATEMENT, MOST_TEXT = 20, 5000
ACCOUNT_DIGITS = range(12, 20)


# --- the report


@transaction.atomic
def report(
    *,
    membership_id: int,
    disease: str,
    diagnosed_on: date,
    accident: bool,
    story: str,
    hospital: str,
    call_back: str,
    publish_consent: bool,
    by: Account,
    at: datetime,
) -> Claim:
    """Ask for the benefit. The report, not the papers, stops the claim window (domain.md §1c).

    Locks the membership. Raises Invalid (with `field`) for a date or text that will not do, NotNow
    if a claim is open or granted already. Membership on that day, waiting period and window are
    conditions of the decision, which names its clause: nobody is refused by a form.
    """
    membership = Membership.objects.select_for_update().get(pk=membership_id)
    check_acts_for(by, membership.member)
    _check_none_under_way(membership)
    _check_diagnosed(membership, diagnosed_on)
    terms = policies.terms(membership, diagnosed_on)
    if disease not in rules.diseases(terms):
        raise Invalid(_("Choose the illness from the list."), field="disease")
    claim_id = next_id(Claim)
    claim = Claim.objects.create(
        pk=claim_id,
        number=f"HZ-{clock.day(at).year}-{claim_id:06d}",
        member=membership.member,
        membership=membership,
        rules=terms,
        filed_by=by,
        disease=disease,
        accident=accident,
        diagnosed_on=diagnosed_on,
        story_sealed=_sealed(
            membership.member_id, story, f"claims_claim.story:{claim_id}", "story"
        ),
        hospital_sealed=_sealed(
            membership.member_id, hospital, f"claims_claim.hospital:{claim_id}", "hospital"
        ),
        call_back=_text(call_back, most=100, field="call_back", needed=False),
        publish_consent=publish_consent,
        reported_at=at,
        due_at=rules.papers_due(at),
    )
    _record(claim, "reported", by=by, at=at, new=Status.REPORTED)
    _tell(claim, "claim_reported", at, due_on=rules.last_day(rules.papers_due(at)).isoformat())
    return claim


def _check_none_under_way(membership: Membership) -> None:
    if Claim.objects.open().filter(membership=membership).exists():
        raise NotNow(_("There is already an open claim for this person. You can add papers to it."))
    if Claim.objects.filter(membership=membership, status=Status.GRANTED).exists():
        raise NotNow(_("The benefit has been granted already; it is granted once per membership."))


def _check_diagnosed(membership: Membership, on: date) -> None:
    if on > clock.today():
        raise Invalid(
            _("The day of the diagnosis is still to come. Please check the date."),
            field="diagnosed_on",
        )
    if on < membership.member.birth_on:
        raise Invalid(
            _("The day of the diagnosis is before the day of birth. Please check the date."),
            field="diagnosed_on",
        )


def _sealed(member_id: int, text: str, where: str, field: str) -> bytes:
    return members.seal(member_id=member_id, text=_text(text, field=field), where=where)


def _text(
    text: str, *, most: int = MOST_TEXT, field: str | None = None, needed: bool = True
) -> str:
    """What somebody wrote, without the blanks around it."""
    text = text.strip()
    if needed and not text:
        raise Invalid(_("Please write something here."), field=field)
    if len(text) > most:
        raise Invalid(
            _("This is longer than %(most)s characters. Please shorten it.") % {"most": most},
            field=field,
        )
    return text


@transaction.atomic
def read_report(*, claim_id: int, by: Account, at: datetime) -> dict[str, str]:
    """What was sealed of the report: {"story", "hospital"}. Recorded as a read."""
    claim = Claim.objects.get(pk=claim_id)
    why = policies.check_reads(by, claim)
    sealed = {"story": claim.story_sealed, "hospital": claim.hospital_sealed}
    return {
        name: members.open_sealed(
            member_id=claim.member_id,
            sealed=bytes(value),
            where=f"claims_claim.{name}:{claim_id}",
            what="illness",
            by=by,
            why=why,
            at=at,
            object_id=claim_id,
        ).decode()
        for name, value in sealed.items()
    }


# --- papers


@transaction.atomic
def add_paper(
    *, claim_id: int, kind: str, name: str, data: bytes, by: Account, at: datetime
) -> Evidence:
    """Keep one paper: examined, made harmless, sealed, written once.

    Locks the claim. Raises Invalid with a sentence that names the file, NotNow after a decision.
    """
    claim = _locked(claim_id)
    policies.check_adds_paper(by, claim)
    if claim.status not in UNDECIDED:
        raise _not_in_this_state(claim)
    if kind not in Evidence.Kind.values:
        raise Invalid(_("Choose what kind of paper it is."), field="kind")
    if claim.papers.filter(removed_at__isnull=True).count() >= rules.MOST_PAPERS:
        raise Invalid(
            _("“%(name)s” was not kept: a claim holds 20 papers. Remove one that is not needed.")
            % {"name": files.short_name(name)}
        )
    paper = _keep(claim, kind, files.examine(name, data), by, at)
    claim.requests.filter(kind=kind, answered_at__isnull=True).update(answered_at=at)
    _record(claim, "paper_added", by=by, at=at, facts={"place": paper.place, "kind": kind})
    return paper


def _keep(claim: Claim, kind: str, found: files.Paper, by: Account, at: datetime) -> Evidence:
    paper_id, file = next_id(Evidence), uuid.uuid4()
    last = claim.papers.aggregate(last=Max("place"))["last"] or 0
    paper = Evidence.objects.create(
        pk=paper_id,
        claim=claim,
        place=last + 1,
        kind=kind,
        name=found.name,
        media_type=found.media_type,
        size=len(found.data),
        pages=found.pages,
        sha256=found.sha256,
        file=file,
        added_by=by,
        added_at=at,
    )
    sealed = members.seal(member_id=claim.member_id, text=found.data, where=_file_place(paper_id))
    files.write_once(file, sealed)
    return paper


def _file_place(paper_id: int) -> str:
    return f"claims_evidence.file:{paper_id}"


@transaction.atomic
def remove_paper(*, claim_id: int, place: int, by: Account, at: datetime) -> Evidence:
    """Take a paper back while it is the claimant's turn; the row and its place stay.

    Locks the claim. Raises NotNow later, and for a paper that a finding or an answer rests on.
    """
    claim = _locked(claim_id)
    policies.check_claimant(by, claim)
    if claim.status not in (Status.REPORTED, Status.PAPERS_WANTED):
        raise _not_in_this_state(claim)
    paper = _paper(claim, place)
    if paper.finding_set.exists() or paper.criterionanswer_set.exists():
        raise NotNow(
            _("The investigation rests on this paper already, so it stays with the claim.")
        )
    paper.removed_at = at
    paper.save(update_fields=["removed_at"])
    _record(claim, "paper_removed", by=by, at=at, facts={"place": place})
    return paper


def _paper(claim: Claim, place: int) -> Evidence:
    paper = claim.papers.filter(place=place, removed_at__isnull=True).first()
    if paper is None:
        raise Invalid(_("This claim has no paper %(place)s.") % {"place": place})
    return paper


@transaction.atomic
def read_paper(
    *, claim_id: int, place: int, by: Account, at: datetime, why: str = "", page: int | None = None
) -> bytes:
    """A paper as it is kept, or with `page` (from 1) the picture of that page. Recorded as a read.

    `why` is a code of the access record; without one, own or work, as the policy finds. Raises
    Forbidden for who has nothing to do with the claim.
    """
    claim = Claim.objects.get(pk=claim_id)
    reason = policies.check_reads(by, claim)
    paper = _paper(claim, place)
    data = members.open_sealed(
        member_id=claim.member_id,
        sealed=files.read(paper.file),
        where=_file_place(paper.pk),
        what="evidence",
        by=by,
        why=why or reason,
        at=at,
        object_id=paper.pk,
        page=page,
    )
    if page is None:
        return data
    if paper.media_type == files.PDF:
        return files.page_picture(data, page)
    if page != 1:
        raise Invalid(_("This paper has no page %(page)s.") % {"page": page})
    return data


@transaction.atomic
def submit(*, claim_id: int, by: Account, at: datetime) -> Claim:
    """The papers are there: the clock of the decision starts, or runs on. Locks the claim.

    Raises Invalid if papers are missing.
    """
    claim = _locked(claim_id)
    policies.check_claimant(by, claim)
    if claim.status == Status.PAPERS_WANTED:
        return _submit_wanted(claim, by, at)
    if claim.papers.filter(removed_at__isnull=True).count() < rules.LEAST_PAPERS:
        raise Invalid(
            _("Please add at least two papers first: the proof of diagnosis and one more.")
        )
    claim.complete_at = at
    due = rules.work_due(claim, Status.SUBMITTED)
    return _move(claim, Status.SUBMITTED, by=by, at=at, due_at=due, complete_at=at)


def _submit_wanted(claim: Claim, by: Account, at: datetime) -> Claim:
    missing = claim.requests.filter(answered_at__isnull=True).first()
    if missing:
        raise Invalid(
            _("This paper is still missing: %(kind)s. If you cannot get it, write us a message.")
            % {"kind": missing.get_kind_display()}
        )
    due = rules.work_due(claim, Status.INVESTIGATING, _still(claim, at))
    owner = claim.investigation.adjuster
    return _move(claim, Status.INVESTIGATING, by=by, at=at, due_at=due, owner=owner)


# --- the work of the staff


@transaction.atomic
def take(*, claim_id: int, by: Account, at: datetime) -> Claim:
    """Take up the work that waits on a claim: its name stands on the claimant's page from now on.

    Locks the claim. Raises NotNow if nothing waits for staff, Forbidden for the wrong person or if
    somebody else has it.
    """
    claim = _locked(claim_id)
    waits = (Status.SUBMITTED, Status.INVESTIGATING, Status.REVIEWING, Status.PROPOSED)
    if claim.status not in waits:
        raise _not_in_this_state(claim)
    policies.check_takes(by, claim)
    policies.check_has_it(by, claim)
    if claim.status == Status.SUBMITTED:
        Investigation.objects.create(claim=claim, adjuster=by, opened_at=at)
        due = rules.work_due(claim, Status.INVESTIGATING)
        return _move(claim, Status.INVESTIGATING, by=by, at=at, due_at=due, owner=by)
    return _own(claim, by, at)


def _own(claim: Claim, by: Account, at: datetime) -> Claim:
    """Who works on it has it. The caller holds the lock and has asked may-I."""
    policies.check_has_it(by, claim)
    if claim.owner_id is None:
        claim.owner = by
        claim.save(update_fields=["owner"])
        _record(claim, "taken", by=by, at=at)
    return claim


@transaction.atomic
def take_next(*, by: Account, at: datetime) -> Claim | None:
    """Take up the claim that is due first among those this person may work on; None if there is
    none. Two who ask at once get two different claims (SKIP LOCKED)."""
    claim_id = next_for(by)
    return take(claim_id=claim_id, by=by, at=at) if claim_id else None


def next_for(by: Account) -> int | None:
    """The claim that `take_next` would take; its row is locked. Inside a transaction only."""
    adjusts, decides = by.has_perm(policies.INVESTIGATE), by.has_perm(policies.DECIDE)
    statuses = [Status.SUBMITTED] * adjusts + [Status.REVIEWING, Status.PROPOSED] * decides
    pool = Claim.objects.filter(owner__isnull=True, status__in=statuses)
    for claim in pool.order_by("due_at", "pk"):
        if policies.allowed(policies.check_takes, by, claim):
            # One row at a time, and only if it is still free: nobody waits for anybody.
            free = pool.filter(pk=claim.pk).select_for_update(skip_locked=True)
            if free.first():
                return claim.pk
    return None


@transaction.atomic
def record_finding(
    *,
    claim_id: int,
    text: str,
    by: Account,
    at: datetime,
    place: int | None = None,
    page: int | None = None,
) -> Finding:
    """Write down one fact, with the paper it stands on where there is one. Locks the claim."""
    claim = _being_investigated(claim_id, by, at)
    paper = _paper(claim, place) if place is not None else None
    _check_page(paper, page)
    finding = Finding.objects.create(
        investigation=claim.investigation,
        text=_text(text, field="text"),
        paper=paper,
        page=page,
        by=by,
        at=at,
    )
    _record(claim, "finding", by=by, at=at, facts={"finding": finding.pk})
    return finding


def _being_investigated(claim_id: int, by: Account, at: datetime) -> Claim:
    claim = _locked(claim_id)
    policies.check_adjuster(by, claim)
    if claim.status not in (Status.INVESTIGATING, Status.PAPERS_WANTED):
        raise _not_in_this_state(claim)
    return _own(claim, by, at)


def _check_page(paper: Evidence | None, page: int | None) -> None:
    if page is not None and (paper is None or not 1 <= page <= paper.pages):
        raise Invalid(_("This paper has no page %(page)s.") % {"page": page}, field="page")


@transaction.atomic
def request_paper(
    *, claim_id: int, kind: str, why: str, due_on: date, by: Account, at: datetime
) -> EvidenceRequest:
    """Ask for one named paper, with a reason and a date; the clock of the decision stands still.

    Locks the claim. Raises Invalid for a date that has passed.
    """
    claim = _being_investigated(claim_id, by, at)
    if kind not in Evidence.Kind.values:
        raise Invalid(_("Choose what kind of paper it is."), field="kind")
    if due_on <= clock.today():
        raise Invalid(_("Leave the claimant at least until tomorrow."), field="due_on")
    request = EvidenceRequest.objects.create(
        claim=claim, kind=kind, why=_text(why, field="why"), due_on=due_on, by=by, at=at
    )
    _record(claim, "requested", by=by, at=at, facts={"kind": kind, "due_on": due_on.isoformat()})
    if claim.status == Status.INVESTIGATING:
        due = rules.end_of_day(due_on)
        _move(claim, Status.PAPERS_WANTED, by=by, at=at, due_at=due, owner=by)
    else:
        claim.due_at = max(rules.end_of_day(due_on), claim.due_at or at)
        claim.save(update_fields=["due_at"])
    _tell(claim, "claim_papers_wanted", at, due_on=due_on.isoformat())
    return request


@transaction.atomic
def finish_investigation(*, claim_id: int, report: str, by: Account, at: datetime) -> Claim:
    """Close the investigation with a report of facts; the claim goes to the reviewers."""
    claim = _being_investigated(claim_id, by, at)
    investigation = claim.investigation
    investigation.report, investigation.closed_at = _text(report, field="report"), at
    investigation.save(update_fields=["report", "closed_at"])
    due = rules.work_due(claim, Status.REVIEWING, _still(claim, at))
    return _move(claim, Status.REVIEWING, by=by, at=at, due_at=due)


# --- the decision


def definition(claim: Claim) -> dict[str, Any]:
    """The conditions of this claim: those of every claim and those of its illness."""
    return rules.definition(claim.rules, claim.disease)


def outcome(claim: Claim, on: date) -> criteria.Outcome:
    """What the definition says on that Shanghai date of the answers given so far."""
    answers = {answer.code: _as_answer(answer) for answer in claim.answers.all()}
    return criteria.evaluate(definition(claim), answers, on)


def _as_answer(row: CriterionAnswer) -> criteria.Answer:
    return criteria.Answer(result=row.answer, measured=row.measured, since=row.since)


def _being_reviewed(claim_id: int, by: Account, at: datetime) -> Claim:
    claim = _locked(claim_id)
    policies.check_reviewer(by, claim)
    if claim.status != Status.REVIEWING:
        raise _not_in_this_state(claim)
    return _own(claim, by, at)


@transaction.atomic
def answer_criteria(
    *, claim_id: int, answers: Mapping[str, Mapping[str, Any]], by: Account, at: datetime
) -> Claim:
    """Answer conditions: {code: {answer, measured, since, place, page}}; all but `answer` optional.

    Locks the claim. Raises Invalid (field = the code) for a condition or an answer that there is
    not. `measured` is a number in the unit of the condition, `since` a date.
    """
    claim = _being_reviewed(claim_id, by, at)
    codes = {leaf["code"] for leaf in criteria.leaves(definition(claim))}
    for code, given in answers.items():
        if code not in codes:
            raise Invalid(_("This definition has no condition %(code)s.") % {"code": code})
        _answer_one(claim, code, given, by, at)
    facts = {code: str(given.get("answer")) for code, given in answers.items()}
    _record(claim, "answered", by=by, at=at, facts=facts)
    return claim


def _answer_one(
    claim: Claim, code: str, given: Mapping[str, Any], by: Account, at: datetime
) -> None:
    if given.get("answer") not in CriterionAnswer.Answer.values:
        raise Invalid(_("Choose met, not met or not shown for every condition."), field=code)
    place = given.get("place")
    paper = _paper(claim, place) if place is not None else None
    _check_page(paper, given.get("page"))
    CriterionAnswer.objects.update_or_create(
        claim=claim,
        code=code,
        defaults={
            "answer": given["answer"],
            "measured": _measured(given.get("measured"), code),
            "since": given.get("since"),
            "paper": paper,
            "page": given.get("page"),
            "by": by,
            "at": at,
        },
    )


def _measured(value: Decimal | int | str | None, code: str) -> Decimal | None:
    if value is None or value == "":
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise Invalid(_("Write the measured value as a number."), field=code) from error
    if not number.is_finite() or abs(number) >= 10**9:
        raise Invalid(_("Write the measured value as a number."), field=code)
    return number


@transaction.atomic
def investigate_again(*, claim_id: int, why: str, by: Account, at: datetime) -> Claim:
    """Give the claim back to its adjuster, with what is still to be found out. Locks the claim."""
    claim = _being_reviewed(claim_id, by, at)
    why = _text(why, field="why")
    investigation = claim.investigation
    investigation.closed_at = None
    investigation.save(update_fields=["closed_at"])
    due = rules.work_due(claim, Status.REVIEWING, _still(claim, at))
    owner, facts = investigation.adjuster, {"why": why}
    return _move(claim, Status.INVESTIGATING, by=by, at=at, due_at=due, owner=owner, facts=facts)


@transaction.atomic
def wait_until(*, claim_id: int, not_before: date, by: Account, at: datetime) -> Claim:
    """Let the claim rest until the day that a condition sets; the clock of the decision stands.

    Locks the claim. Raises Invalid unless the definition itself waits for that day.
    """
    claim = _being_reviewed(claim_id, by, at)
    found = outcome(claim, clock.today())
    if found.result is not criteria.NOT_YET or found.not_before != not_before:
        raise Invalid(_("No condition of this claim waits for that day."), field="not_before")
    _move(
        claim,
        Status.WAITING,
        by=by,
        at=at,
        due_at=clock.midnight(not_before),
        owner=by,
        not_before=not_before,
    )
    _tell(claim, "claim_waiting", at, not_before_on=not_before.isoformat())
    return claim


def resume_due(*, at: datetime) -> int:
    """Take up again every claim whose day has come. Each in its own transaction; returns how
    many."""
    waiting = Claim.objects.filter(status=Status.WAITING, not_before__lte=clock.today())
    return sum(_resume(claim_id, at) for claim_id in waiting.values_list("pk", flat=True))


@transaction.atomic
def _resume(claim_id: int, at: datetime) -> bool:
    claim = _locked(claim_id)
    if claim.status != Status.WAITING or (claim.not_before or date.max) > clock.today():
        return False
    due = rules.work_due(claim, Status.REVIEWING, _still(claim, at))
    due = max(due, rules.end_of_day(clock.day(at)))
    _move(claim, Status.REVIEWING, by=None, at=at, due_at=due, owner=claim.owner)
    return True


@transaction.atomic
def propose(
    *,
    claim_id: int,
    granted: bool,
    clauses: Iterable[str],
    reason: str,
    would_change: str,
    by: Account,
    at: datetime,
) -> Decision:
    """Propose to grant or to refuse; the conditions as answered are frozen into the decision.

    Locks the claim. Raises Invalid if the definition says otherwise, or if clause, reason or, for
    a refusal, what would change it is missing (design §9.6); NotNow while a condition waits for a
    day.
    """
    claim = _being_reviewed(claim_id, by, at)
    found = outcome(claim, clock.today())
    _check_follows(found, granted)
    clauses = [clause.strip() for clause in clauses if clause.strip()]
    if not clauses:
        raise Invalid(_("Name the clause that the decision rests on."), field="clauses")
    decision = Decision.objects.create(
        claim=claim,
        granted=granted,
        benefit_fen=rules.benefit_fen(claim) if granted else None,
        table=_table(claim, found),
        clauses=clauses,
        failing=[] if granted else _failing(found),
        reason=_text(reason, field="reason"),
        would_change="" if granted else _text(would_change, field="would_change"),
        proposed_by=by,
        proposed_at=at,
    )
    due = rules.work_due(claim, Status.PROPOSED, _still(claim, at))
    _move(claim, Status.PROPOSED, by=by, at=at, due_at=due, facts={"decision": decision.pk})
    return decision


def _check_follows(found: criteria.Outcome, granted: bool) -> None:
    """The proposal says what the definition says."""
    if found.result is criteria.NOT_YET:
        raise NotNow(
            _("A condition cannot be judged before %(day)s. Let the claim wait until then.")
            % {"day": day_in_words(found.not_before)}
        )
    if granted and found.result is not criteria.MET:
        raise Invalid(
            _("Not every condition is met as answered, so the claim cannot be granted yet.")
        )
    if not granted and found.result is criteria.MET:
        raise Invalid(_("Every condition is met as answered, so the claim cannot be refused."))


def _failing(found: criteria.Outcome) -> list[str]:
    """The codes of the conditions that decided a refusal, each once, in the order of the norm."""
    return list(dict.fromkeys(judged.leaf["code"] for judged in found.path))


def _table(claim: Claim, found: criteria.Outcome) -> list[dict[str, Any]]:
    """Every condition with what it came to, as data that later changes of a definition or an
    answer cannot reach. part: "general" or "illness"; negated: an exclusion, must not be met."""
    given = {answer.code: answer for answer in claim.answers.select_related("paper")}
    parts = {
        "general": criteria.general(),
        "illness": criteria.load(claim.rules.norm, claim.disease),
    }
    return [
        {"part": part, "negated": line["negated"]}
        | _line(line["leaf"], found.leaves[line["leaf"]["code"]], given.get(line["leaf"]["code"]))
        for part, tree in parts.items()
        for line in criteria.rows(tree)
        if "leaf" in line
    ]


def _line(
    leaf: criteria.Node, judged: criteria.Judged, answer: CriterionAnswer | None
) -> dict[str, Any]:
    measured = answer.measured if answer else None
    words = ("code", "clause", "text_zh", "text_en", "remedy_zh", "remedy_en")
    return {word: leaf[word] for word in words} | {
        "answer": str(judged.result),
        "measured": None if measured is None else f"{measured.normalize():f}",
        "unit": leaf.get("measure", {}).get("unit", ""),
        "paper": answer.paper.place if answer and answer.paper else None,
        "paper_name": answer.paper.name if answer and answer.paper else "",
        "page": answer.page if answer else None,
    }


@transaction.atomic
def confirm(*, decision_id: int, by: Account, at: datetime) -> Claim:
    """Make a proposal the decision: by a second reviewer, once. Locks the claim, so that of two
    who confirm at once one gets NotNow. The claimant is told in the same transaction."""
    claim, decision = _proposed(decision_id)
    policies.check_confirmer(by, decision)
    policies.check_has_it(by, claim)
    decision.confirmed_by, decision.confirmed_at = by, at
    decision.save(update_fields=["confirmed_by", "confirmed_at"])
    if decision.granted:
        return _grant(claim, by=by, at=at, code="claim_granted", facts={"decision": decision.pk})
    due = rules.appeal_due(claim, at)
    facts = {"decision": decision.pk}
    _move(claim, Status.REFUSED, by=by, at=at, due_at=due, decided_at=at, facts=facts)
    _tell(claim, "claim_refused", at, appeal_on=rules.last_day(due).isoformat())
    return claim


@transaction.atomic
def send_back(*, decision_id: int, why: str, by: Account, at: datetime) -> Claim:
    """Return a proposal to the reviewer who made it, with what is wrong. Locks the claim."""
    claim, decision = _proposed(decision_id)
    policies.check_confirmer(by, decision)
    policies.check_has_it(by, claim)
    decision.sent_back_by, decision.sent_back_at = by, at
    decision.sent_back_why = _text(why, field="why")
    decision.save(update_fields=["sent_back_by", "sent_back_at", "sent_back_why"])
    due = claim.due_at or rules.work_due(claim, Status.PROPOSED, _still(claim, at))
    owner, facts = decision.proposed_by, {"decision": decision.pk}
    return _move(claim, Status.REVIEWING, by=by, at=at, due_at=due, owner=owner, facts=facts)


def _proposed(decision_id: int) -> tuple[Claim, Decision]:
    """The claim, locked, and the proposal under way. Raises NotNow if it is not any more."""
    claim = _locked(Decision.objects.values_list("claim_id", flat=True).get(pk=decision_id))
    decision = Decision.objects.select_for_update().get(pk=decision_id)
    if decision.confirmed_at or decision.sent_back_at or claim.status != Status.PROPOSED:
        raise _not_in_this_state(claim)
    decision.claim = claim
    return claim, decision


def _grant(
    claim: Claim, *, by: Account | None, at: datetime, code: str, facts: dict[str, Any]
) -> Claim:
    disclosed_on, split_on = rules.period_dates(at)
    due = rules.end_of_day(disclosed_on)
    _move(claim, Status.GRANTED, by=by, at=at, due_at=due, decided_at=at, facts=facts)
    benefit, on = rules.benefit_fen(claim), disclosed_on.isoformat()
    _tell(claim, code, at, benefit_fen=benefit, disclosed_on=on, split_on=split_on.isoformat())
    return claim


# --- forgetting


@transaction.atomic
def forget(*, member_id: int) -> None:
    """What claims keep of a person in the clear beyond the record of the decision goes: where to
    call, the payee's name and bank. The papers are removed when the transaction has gone through;
    without the data key they cannot be read. `members.erasures_due` calls it, which has asked."""
    Claim.objects.filter(member=member_id).update(call_back="")
    Payee.objects.filter(claim__member=member_id).update(holder="*", bank="", account_tail="")
    papers = Evidence.objects.filter(claim__member=member_id)
    papers.update(name="*")
    names = list(papers.values_list("file", flat=True))
    transaction.on_commit(lambda: files.remove(names))


# --- messages, and the end at the claimant's wish


@transaction.atomic
def say(*, claim_id: int, text: str, by: Account, at: datetime) -> Message:
    """A word between the claimant and the staff. What staff write is also a notice."""
    claim = _locked(claim_id)
    if policies.check_reads(by, claim) == "work":
        _tell(claim, "claim_message", at)
    message = Message.objects.create(
        claim=claim, text=_text(text, most=2000, field="text"), by=by, at=at
    )
    _record(claim, "message", by=by, at=at, facts={"message": message.pk})
    return message


@transaction.atomic
def withdraw(*, claim_id: int, by: Account, at: datetime) -> Claim:
    """Take the claim back before it is decided; a new one may be made. Locks the claim."""
    claim = _locked(claim_id)
    policies.check_claimant(by, claim)
    return _move(claim, Status.WITHDRAWN, by=by, at=at, due_at=None)


# --- the payee


@transaction.atomic
def give_payee(
    *,
    claim_id: int,
    relation: str,
    holder: str,
    bank: str,
    account: str,
    reason: str,
    by: Account,
    at: datetime,
) -> Payee:
    """Say whose account the benefit goes to, and why; until it is confirmed it may be said anew.

    Locks the claim. The account number is sealed; its last four digits and a keyed hash stay.
    Raises Invalid with the field, NotNow once confirmed or if there is nothing to pay.
    """
    claim = _locked(claim_id)
    policies.check_claimant(by, claim)
    _check_payable(claim)
    digits = "".join(account.split()).replace("-", "")
    _check_payee(claim, relation, holder, digits, reason)
    where = f"claims_payee.account:{claim_id}"
    payee, _made = Payee.objects.update_or_create(
        claim=claim,
        defaults={
            "relation": relation,
            "holder": _text(holder, most=60, field="holder"),
            "bank": _text(bank, most=60, field="bank"),
            "account_sealed": members.seal(member_id=claim.member_id, text=digits, where=where),
            "account_tail": digits[-4:],
            "account_hash": vault.keyed_hash(digits, purpose="payee account"),
            "reason": reason.strip(),
            "given_by": by,
            "given_at": at,
        },
    )
    _record(claim, "payee_given", by=by, at=at, facts={"relation": relation})
    return payee


def _check_payable(claim: Claim) -> None:
    if claim.status in (Status.REFUSED, Status.UPHELD, Status.WITHDRAWN):
        raise _not_in_this_state(claim)
    if Payee.objects.filter(claim=claim, confirmed_at__isnull=False).exists():
        raise NotNow(_("You have confirmed this account. If it must change, call us."))


def _check_payee(claim: Claim, relation: str, holder: str, digits: str, reason: str) -> None:
    if relation not in Payee.Relation.values:
        raise Invalid(_("Choose whose account it is."), field="relation")
    if relation == Payee.Relation.SELF and "".join(holder.split()) != claim.member.name:
        raise Invalid(
            _("This is not the member's name. For another person, choose guardian or heir."),
            field="holder",
        )
    if not (digits.isascii() and digits.isdigit()) or len(digits) not in ACCOUNT_DIGITS:
        raise Invalid(
            _("An account number has 12 to 19 digits. It stands on the front of the card."),
            field="account",
        )
    if relation != Payee.Relation.SELF and not reason.strip():
        raise Invalid(
            _("Say why the benefit goes to this person, for example “mother of the child”."),
            field="reason",
        )


@transaction.atomic
def confirm_payee(*, claim_id: int, by: Account, at: datetime) -> Payee:
    """The claimant says that account, name and reason are right; needed before a payout."""
    claim = _locked(claim_id)
    policies.check_claimant(by, claim)
    _check_payable(claim)
    payee = Payee.objects.select_for_update().filter(claim=claim).first()
    if payee is None:
        raise NotNow(_("Please give the account first."))
    payee.confirmed_at = at
    payee.save(update_fields=["confirmed_at"])
    _record(claim, "payee_confirmed", by=by, at=at)
    return payee


@transaction.atomic
def read_account(*, claim_id: int, by: Account, why: str, at: datetime) -> str:
    """The payee's account number; recorded. May-I is asked by whoever calls (the payout)."""
    payee = Payee.objects.select_related("claim").get(claim_id=claim_id)
    return members.open_sealed(
        member_id=payee.claim.member_id,
        sealed=payee.account_sealed,
        where=f"claims_payee.account:{claim_id}",
        what="payee",
        by=by,
        why=why,
        at=at,
        object_id=payee.pk,
    ).decode()


# --- the appeal


@transaction.atomic
def appeal(
    *, claim_id: int, statement: str, publish_consent: bool, by: Account, at: datetime
) -> Appeal:
    """Put a refusal before a jury, once, within the rules' days (domain.md §3a).

    Locks the claim. Raises NotNow after the last day or a second time, Invalid for a statement
    under 20 characters.
    """
    claim = _locked(claim_id)
    policies.check_claimant(by, claim)
    decision = check_appealable(claim)
    statement = _text(statement, field="statement")
    if len(statement) < LEAST_STATEMENT:
        raise Invalid(
            _("Please write at least %(least)s characters: the jury knows only what stands here.")
            % {"least": LEAST_STATEMENT},
            field="statement",
        )
    made = Appeal.objects.create(
        claim=claim,
        decision=decision,
        statement=statement,
        publish_consent=publish_consent,
        by=by,
        at=at,
    )
    _move(claim, Status.APPEALED, by=by, at=at, due_at=rules.verdict_due(claim, at))
    return made


def check_appealable(claim: Claim) -> Decision:
    """The decision that may be appealed now. Raises NotNow with the reason why not."""
    if claim.status != Status.REFUSED or claim.decided_at is None:
        raise _not_in_this_state(claim)
    last = rules.appeal_due(claim, claim.decided_at)
    if clock.now() >= last:
        raise NotNow(
            _("The last day for an appeal was %(day)s.")
            % {"day": day_in_words(rules.last_day(last))}
        )
    decision = claim.decisions.filter(confirmed_at__isnull=False).latest("confirmed_at")
    if Appeal.objects.filter(decision=decision).exists():
        raise NotNow(_("This decision has been appealed already; that is possible once."))
    return decision


@transaction.atomic
def withdraw_appeal(*, claim_id: int, by: Account, at: datetime) -> Claim:
    """Take the appeal back; the refusal stands and cannot be appealed again. Locks the claim."""
    claim = _locked(claim_id)
    policies.check_claimant(by, claim)
    made = _move(claim, Status.REFUSED, by=by, at=at, due_at=None)
    claim.appeals.filter(withdrawn_at__isnull=True).update(withdrawn_at=at)
    return made


@transaction.atomic
def overturn(
    *, claim_id: int, verdict: dict[str, Any], at: datetime, by: Account | None = None
) -> Claim:
    """The jury has granted it; `verdict` (numbers and words of the verdict) goes into the history.
    For jury.actions alone. Locks the claim."""
    claim = _locked(claim_id)
    return _grant(claim, by=by, at=at, code="claim_overturned", facts={"verdict": verdict})


@transaction.atomic
def uphold(
    *, claim_id: int, verdict: dict[str, Any], at: datetime, by: Account | None = None
) -> Claim:
    """The refusal stands after the jury's vote. For jury.actions alone. Locks the claim."""
    claim = _locked(claim_id)
    _move(
        claim,
        Status.UPHELD,
        by=by,
        at=at,
        due_at=None,
        decided_at=at,
        facts={"verdict": verdict},
    )
    _tell(claim, "claim_upheld", at)
    return claim


@transaction.atomic
def date_jury(
    *,
    claim_id: int,
    code: str,
    due_at: datetime,
    facts: dict[str, Any],
    at: datetime,
    by: Account | None = None,
) -> Claim:
    """By when the jury acts: voting opened (jury_opened), was extended (jury_extended), or waits
    for jurors (jury_waits). For jury.actions alone. Locks the claim."""
    claim = _locked(claim_id)
    if claim.status != Status.APPEALED:
        raise _not_in_this_state(claim)
    claim.due_at = due_at
    claim.save(update_fields=["due_at"])
    _record(claim, code, by=by, at=at, facts=facts)
    return claim


# --- what every verb uses


def _locked(claim_id: int) -> Claim:
    return Claim.objects.select_for_update().get(pk=claim_id)


def _still(claim: Claim, at: datetime) -> timedelta:
    return rules.stood_still(claim.events.all(), at)


def _not_in_this_state(claim: Claim) -> NotNow:
    return NotNow(
        _("Claim %(number)s is at “%(state)s”; this step does not belong there.")
        % {"number": claim.number, "state": claim.get_status_display()}
    )


def _move(
    claim: Claim,
    to: Status,
    *,
    by: Account | None,
    at: datetime,
    due_at: datetime | None,
    owner: Account | None = None,
    facts: dict[str, Any] | None = None,
    **changes: Any,
) -> Claim:
    """The one place where a status changes, with who has it now and by when (design §9.7).

    The caller holds the row's lock. Raises NotNow for what the table does not know.
    """
    old = Status(claim.status)
    if to not in TRANSITIONS[old]:
        raise _not_in_this_state(claim)
    changes |= {"status": to, "due_at": due_at, "owner": owner}
    for field, value in changes.items():
        setattr(claim, field, value)
    claim.save(update_fields=list(changes))
    _record(claim, "moved", by=by, at=at, old=old, new=to, facts=facts)
    return claim


def _record(
    claim: Claim,
    code: str,
    *,
    by: Account | None,
    at: datetime,
    old: str = "",
    new: str = "",
    facts: dict[str, Any] | None = None,
) -> ClaimEvent:
    return ClaimEvent.objects.create(
        claim=claim, code=code, old=old, new=new, facts=facts or {}, by=by, at=at
    )


def _tell(claim: Claim, code: str, at: datetime, **facts: object) -> None:
    """A notice to whoever made the claim. The name is masked: notices leave the house."""
    facts = {"number": claim.number, "name": mask_name(claim.member.name)} | facts
    members.notify(code=code, facts=facts, at=at, account_id=claim.filed_by_id)
