"""The writer of exams, jurors, cases, seats, ballots and verdicts: lock, check, write, record.

Locks are taken in one order: case, seat, then the claim (by claims.actions). A voter shares the
case's lock with other voters; whoever closes, refills or withdraws holds it alone. Before a case is
closed nothing here counts, returns or logs ballots.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.utils.translation import gettext as _

from claims import actions as claims
from claims.models import Appeal, Claim
from claims.rules import end_of_day
from claims.states import Status as ClaimStatus
from jury import draw, pack, policies, rules, tally
from jury.models import Ballot, Case, ExamAttempt, ExamQuestion, Juror, Seat, Verdict
from jury.states import TRANSITIONS, VOTING, Status
from members.actions import notify
from members.models import Account, HouseholdLink, Rules
from mutualaid import clock
from mutualaid.errors import Invalid, NotNow

# Letters and digits that nobody mistakes for one another on the phone.
LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
LOOK_AGAIN = timedelta(days=7)


def _code(length: int) -> str:
    return "".join(secrets.choice(LETTERS) for _place in range(length))


# --- the exam


@transaction.atomic
def begin_exam(*, by: Account, at: datetime) -> ExamAttempt:
    """Six questions of distinct topics; the one under way, if there is one. Locks the account.

    Raises Forbidden for who cannot be a juror, NotNow after a pass and during the wait after a
    failure (1 hour, doubling to 24). Questions of the last attempt are avoided.
    """
    Account.objects.select_for_update(no_key=True).get(pk=by.pk)
    policies.check_may_sit_exam(by, clock.now())
    under_way = ExamAttempt.objects.filter(account=by, finished_at__isnull=True).first()
    if under_way:
        return under_way
    attempts = ExamAttempt.objects.filter(account=by).order_by("-finished_at")
    _check_may_try(attempts)
    last = attempts.first()
    chosen = _choose_questions(avoid=set(last.questions) if last else set())
    return ExamAttempt.objects.create(
        account=by, questions=chosen, answers=[None] * len(chosen), begun_at=at
    )


def _check_may_try(attempts: Any) -> None:
    if attempts.filter(passed=True).exists():
        raise NotNow(_("You have passed the exam. There is nothing to repeat."))
    again = try_again_at(attempts)
    if again and clock.now() < again:
        raise NotNow(
            _("You can try again from %(when)s. Until then, the explanations are there to read.")
            % {"when": f"{again.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M}"}
        )


def try_again_at(attempts: Any) -> datetime | None:
    """From when these attempts (of one account) allow another; None if none has failed."""
    failed = attempts.filter(passed=False)
    last = failed.order_by("-finished_at").first()
    if last is None or last.finished_at is None:
        return None
    return rules.try_again_at(finished_at=last.finished_at, failures=failed.count())


def _choose_questions(*, avoid: set[int]) -> list[int]:
    """One question a topic, in random order; those to avoid only where a topic has no other."""
    topics: dict[str, list[int]] = {}
    for key, topic in ExamQuestion.objects.order_by("code").values_list("pk", "topic"):
        topics.setdefault(topic, []).append(key)
    if len(topics) < rules.EXAM_SIZE:
        raise NotNow(_("The exam is being prepared. Please come back tomorrow."))
    chance = secrets.SystemRandom()
    names = chance.sample(sorted(topics), rules.EXAM_SIZE)
    return [
        chance.choice([key for key in topics[name] if key not in avoid] or topics[name])
        for name in names
    ]


@transaction.atomic
def save_answer(
    *, attempt_id: int, place: int, answer: int, by: Account, at: datetime
) -> ExamAttempt:
    """Keep the answer (index of an option) to the question at `place` (from 0), not graded yet.

    Locks the attempt. Raises NotNow once it is handed in, Invalid (field "answer") for no option.
    """
    attempt = _open_attempt(attempt_id, by)
    if not 0 <= place < len(attempt.questions):
        raise Invalid(_("There is no such question in this exam."))
    _check_option(ExamQuestion.objects.get(pk=attempt.questions[place]), answer)
    attempt.answers[place] = answer
    attempt.save(update_fields=["answers"])
    return attempt


@transaction.atomic
def answer_exam(
    *, attempt_id: int, answers: Sequence[int], by: Account, at: datetime
) -> ExamAttempt:
    """Hand in and grade: all six right passes, and who meets the other conditions is a juror.

    `answers`: the index of an option for each question, in the order asked. Locks the attempt.
    Raises Invalid if one is missing, NotNow if it was handed in before.
    """
    attempt = _open_attempt(attempt_id, by)
    asked = ExamQuestion.objects.in_bulk(attempt.questions)
    questions = [asked[key] for key in attempt.questions]
    if len(answers) != len(questions):
        raise Invalid(_("Please answer all six questions before you hand in."), field="answer")
    for question, answer in zip(questions, answers, strict=True):
        _check_option(question, answer)
    attempt.answers = list(answers)
    attempt.passed = not rules.wrong(right=[q.right for q in questions], answers=attempt.answers)
    attempt.finished_at = at
    attempt.save(update_fields=["answers", "passed", "finished_at"])
    if attempt.passed and rules.may_serve(policies.standing(by, clock.now())):
        _certify(by, at)
    return attempt


def _open_attempt(attempt_id: int, by: Account) -> ExamAttempt:
    attempt = ExamAttempt.objects.select_for_update().get(pk=attempt_id)
    policies.check_own_attempt(by, attempt)
    if attempt.finished_at is not None:
        raise NotNow(_("This exam has been handed in. Its result does not change."))
    return attempt


def _check_option(question: ExamQuestion, answer: object) -> None:
    if not isinstance(answer, int) or not 0 <= answer < len(question.options_zh):
        raise Invalid(_("Choose one of the answers."), field="answer")


# --- the office


@transaction.atomic
def take_office(*, by: Account, at: datetime) -> Juror:
    """Become a juror, or one again, once every condition is met; locks the account.

    For who passed the exam before the 30 days were over. Raises NotNow while one is missing.
    """
    Account.objects.select_for_update(no_key=True).get(pk=by.pk)
    policies.check_may_sit_exam(by, clock.now())
    if not rules.may_serve(policies.standing(by, clock.now())):
        raise NotNow(_("A condition is still missing. The jury page says which, and from when."))
    return _certify(by, at)


def _certify(by: Account, at: datetime) -> Juror:
    own = by.household.get(relation=HouseholdLink.Relation.SELF)
    juror, _made = Juror.objects.update_or_create(
        account=by,
        defaults={"resigned_at": None},
        create_defaults={"member_id": own.member_id, "certified_at": at},
    )
    return juror


@transaction.atomic
def resign(*, by: Account, at: datetime) -> Juror:
    """Give up the office; open seats without a ballot go to the next drawn. Locks the juror.

    Raises NotNow for who is not in office. Ballots already cast stand.
    """
    juror = Juror.objects.select_for_update(no_key=True).filter(account=by).first()
    if juror is None or juror.resigned_at is not None:
        raise NotNow(_("You are not a juror at the moment. There is nothing to give up."))
    juror.resigned_at = at
    juror.save(update_fields=["resigned_at"])
    open_seats = Seat.objects.of_account(by).filter(case__status__in=VOTING, ballot__isnull=True)
    for seat_id in open_seats.filter(case__closes_at__gt=clock.now()).values_list("pk", flat=True):
        decline(seat_id=seat_id, by=by, at=at)
    return juror


# --- a panel


class Waiting(NamedTuple):
    """An appeal for which too few jurors are there."""

    claim: Claim
    found: int
    quorum: int


def convene_due(*, at: datetime) -> list[Case]:
    """Draw a panel for every appeal that has none, each in its own transaction.

    An appeal with fewer eligible jurors than a quorum waits (`waiting_for_jurors`) and its claim
    keeps a date. What goes wrong with one never stops the others: it is raised after them.
    """
    return _each(_convene, _without_case(), at)


def _each(
    step: Callable[[int, datetime], Case | None], ids: Sequence[int], at: datetime
) -> list[Case]:
    """One after the other; every one is tried, and an error is raised at the end."""
    done: list[Case] = []

    def one(key: int) -> None:
        case = step(key, at)
        if case is not None:
            done.append(case)

    with ExitStack() as rest:
        for key in reversed(ids):
            rest.callback(one, key)
    return done


def _without_case() -> list[int]:
    waiting = Appeal.objects.filter(
        claim__status=ClaimStatus.APPEALED, withdrawn_at__isnull=True, case__isnull=True
    )
    return list(waiting.order_by("at", "pk").values_list("pk", flat=True))


def waiting_for_jurors(*, at: datetime) -> list[Waiting]:
    """The appeals that too few jurors could judge, the oldest first: for the staff page."""
    found = []
    for appeal in Appeal.objects.filter(pk__in=_without_case()).order_by("at", "pk"):
        terms = _terms(appeal.claim, at)
        roster, excluded = _roster(appeal.claim, terms, at)
        if len(roster) - len(excluded) < terms.quorum:
            found.append(Waiting(appeal.claim, len(roster) - len(excluded), terms.quorum))
    return found


def _terms(claim: Claim, at: datetime) -> Rules:
    """The jury's numbers: of the rules in force when voting opens (design §5, money terms)."""
    return Rules.objects.in_force(claim.membership.plan, clock.day(at))


def _roster(claim: Claim, terms: Rules, at: datetime) -> tuple[list[int], list[int]]:
    """Ids of every eligible juror, sorted, and of those among them with a conflict."""
    ripe = clock.midnight(clock.day(at) - timedelta(days=terms.juror_membership_days - 1))
    serving = Juror.objects.serving(claim.membership.plan, ripe)
    roster = list(serving.values_list("pk", flat=True))
    return roster, sorted(policies.conflicted(claim) & set(roster))


@transaction.atomic
def _convene(appeal_id: int, at: datetime) -> Case | None:
    """Freeze the roster, draw, seat, tell. Locks the claim, so that two make one case."""
    appeal = Appeal.objects.select_related("claim", "decision").get(pk=appeal_id)
    claim = Claim.objects.select_for_update().get(pk=appeal.claim_id)
    appeal.refresh_from_db()
    taken = Case.objects.filter(appeal=appeal).exists()
    if claim.status != ClaimStatus.APPEALED or appeal.withdrawn_at is not None or taken:
        return None
    terms = _terms(claim, at)
    roster, excluded = _roster(claim, terms, at)
    available = len(roster) - len(excluded)
    size = rules.panel_size(wanted=terms.panel_size, available=available, quorum=terms.quorum)
    if size is None:
        _wait_for_jurors(claim, available, terms, at)
        return None
    case = _open_case(appeal, terms, size, (roster, excluded), at)
    for place, juror_id in enumerate(_order(case)[:size], start=1):
        _seat(case, juror_id, place, at)
    _tell_opened(case, claim, at)
    return case


def _open_case(
    appeal: Appeal, terms: Rules, size: int, roster: tuple[list[int], list[int]], at: datetime
) -> Case:
    eligible, excluded = roster
    seed = secrets.token_bytes(32)
    return Case.objects.create(
        number=f"Z-{_code(6)}",
        appeal=appeal,
        pack=pack.freeze(appeal, claimant_first=bool(seed[0] & 1)),
        panel_size=size,
        quorum=terms.quorum,
        extension_hours=terms.extension_hours,
        roster=eligible,
        excluded=excluded,
        roster_digest=draw.roster_digest(eligible),
        seed=seed,
        seed_commitment=draw.commitment(seed),
        opened_at=at,
        closes_at=clock.now() + timedelta(hours=terms.voting_hours),
    )


def _order(case: Case) -> list[int]:
    """Every juror who could sit, in the drawn order: repeatable from what the case holds."""
    return draw.draw(
        case.roster,
        seed=bytes(case.seed),
        case=case.number,
        panel=case.panel_size,
        excluded=case.excluded,
    )


def _seat(case: Case, juror_id: int, place: int, at: datetime) -> Seat:
    seat = Seat.objects.create(case=case, juror_id=juror_id, drawn=place, seated_at=at)
    _notify_case("jury_seated", case, seat.juror.account_id, at)
    return seat


def _wait_for_jurors(claim: Claim, found: int, terms: Rules, at: datetime) -> None:
    """Nobody waits without a date: once the claim's has passed, it says by when we look again."""
    if claim.due_at is not None and clock.now() < claim.due_at:
        return
    claims.date_jury(
        claim_id=claim.pk,
        code="jury_waits",
        due_at=end_of_day(clock.today() + LOOK_AGAIN),
        facts={"found": found, "quorum": terms.quorum},
        at=at,
    )


def _tell_opened(case: Case, claim: Claim, at: datetime) -> None:
    _date_claim(case, "jury_opened", at)
    _notify_case("jury_opened", case, claim.filed_by_id, at)


def _date_claim(case: Case, code: str, at: datetime) -> None:
    facts = {"case": case.number}
    claim_id = case.appeal.claim_id
    claims.date_jury(claim_id=claim_id, code=code, due_at=case.closes_at, facts=facts, at=at)


def _notify_case(code: str, case: Case, account_id: int, at: datetime) -> None:
    facts = {"number": case.number, "closes_at": case.closes_at.isoformat()}
    notify(code=code, facts=facts, at=at, account_id=account_id)


# --- seats


@transaction.atomic
def decline(*, seat_id: int, by: Account, at: datetime) -> Seat:
    """Give the seat away without a reason; the next drawn takes it. Locks the case alone.

    Raises Forbidden for another's seat, NotNow after the vote or after a ballot.
    """
    seat, case = _locked_alone(seat_id)
    policies.check_own_seat(by, seat)
    _check_voting(case)
    _check_no_ballot(seat)
    seat.declined_at = at
    seat.save(update_fields=["declined_at"])
    _refill(case, at)
    return seat


def _locked_alone(seat_id: int) -> tuple[Seat, Case]:
    case = Case.objects.select_for_update().get(seats=seat_id)
    seat = Seat.objects.select_for_update(of=("self",)).select_related("juror").get(pk=seat_id)
    return seat, case


def _refill(case: Case, at: datetime) -> None:
    """Seat the next drawn who is still eligible; without one the panel goes on smaller."""
    last = max(case.seats.values_list("drawn", flat=True))
    claim = case.appeal.claim
    unfit = policies.conflicted(claim, besides=case)
    serving = set(
        Juror.objects.serving(claim.membership.plan, clock.now()).values_list("pk", flat=True)
    )
    for place, juror_id in enumerate(_order(case)[last:], start=last + 1):
        if juror_id in serving - unfit:
            _seat(case, juror_id, place, at)
            return


@transaction.atomic
def mark_read(*, seat_id: int, by: Account, at: datetime) -> Seat:
    """The juror has read the whole pack. Kept once; locks the seat."""
    seat, case = _locked_shared(seat_id)
    policies.check_own_seat(by, seat)
    _check_voting(case)
    if seat.read_at is None:
        seat.read_at = at
        seat.save(update_fields=["read_at"])
    return seat


@transaction.atomic
def vote(
    *, seat_id: int, choice: str, clause: str, reason: str, by: Account, at: datetime
) -> Ballot:
    """Cast the seat's one ballot, final. Shares the case's lock with voters and holds the seat's.

    Raises Forbidden for another's seat or a juror who has become unfit; NotNow before the pack is
    read, after a ballot, and from the closing instant on (the database's clock, after the lock);
    Invalid (with `field`) for a choice, clause or reason (20 characters) that will not do.
    """
    seat, case = _locked_shared(seat_id)
    policies.check_own_seat(by, seat)
    _check_no_ballot(seat)
    _check_voting(case)
    if seat.read_at is None:
        raise NotNow(_("Please read the whole case first, and say so at the end of the page."))
    policies.check_impartial(by, seat)
    check_ballot(case, choice, clause, reason)
    return Ballot.objects.create(
        seat=seat,
        choice=choice,
        clause=clause,
        reason=reason.strip(),
        receipt=f"{case.number.replace('-', '')}-{_code(4)}-{_code(4)}",
        cast_at=at,
    )


def _locked_shared(seat_id: int) -> tuple[Seat, Case]:
    """FOR SHARE lets voters pass one another and waits for whoever closes. What is read after it
    is what is committed then."""
    case_id = Seat.objects.values_list("case_id", flat=True).get(pk=seat_id)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM jury_case WHERE id = %s FOR SHARE", [case_id])
    seat = (
        Seat.objects.select_for_update(of=("self",))
        .select_related("juror", "case__appeal__claim__membership__plan")
        .get(pk=seat_id)
    )
    return seat, seat.case


def check_ballot(case: Case, choice: str, clause: str, reason: str) -> None:
    """Raises Invalid for a ballot that cannot be cast in this case."""
    if choice not in Ballot.Choice.values:
        raise Invalid(_("Choose one of the three answers."), field="choice")
    known = {row["code"] for row in case.pack["table"]} | {rules.OTHER_CLAUSE}
    if clause not in known:
        raise Invalid(_("Choose the condition that decided it for you."), field="clause")
    if not rules.long_enough(reason):
        raise Invalid(
            _("Please give your reason in at least %(least)s characters.")
            % {"least": rules.MIN_REASON},
            field="reason",
        )
    if len(reason) > rules.MAX_REASON:
        raise Invalid(
            _("Please keep your reason under %(most)s characters.") % {"most": rules.MAX_REASON},
            field="reason",
        )


def _check_no_ballot(seat: Seat) -> None:
    if Ballot.objects.filter(seat=seat).exists():
        raise NotNow(_("You have voted in this case. A vote is final, and yours stands."))


def _check_voting(case: Case) -> None:
    if case.status not in VOTING or case.appeal.withdrawn_at is not None:
        raise NotNow(_("The vote on case %(number)s is over.") % {"number": case.number})
    if clock.now() >= case.closes_at:
        raise NotNow(
            _("The vote on case %(number)s closed at %(when)s, so nothing can be added.")
            % {
                "number": case.number,
                "when": f"{case.closes_at.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M}",
            }
        )


# --- the end


def close_due(*, at: datetime) -> list[Case]:
    """End what has been taken back, then close or extend what has run out, each in its own
    transaction. Returns the cases that are over now."""
    taken_back = list(Case.objects.appeal_withdrawn().values_list("pk", flat=True))
    over = _each(_end_withdrawn, taken_back, at)
    run_out = Case.objects.out_of_time(clock.now()).order_by("closes_at", "pk")
    return over + _each(_close, list(run_out.values_list("pk", flat=True)), at)


@transaction.atomic
def _close(case_id: int, at: datetime) -> Case | None:
    """Decide by tally.decide; verdict, claim and notices stand or fall together. Holds the case's
    lock, so every ballot is either counted or refused."""
    case = Case.objects.select_for_update().get(pk=case_id)
    if case.status not in VOTING or clock.now() < case.closes_at:
        return None
    choices = list(Ballot.objects.filter(seat__case=case).values_list("choice", flat=True))
    result = tally.decide(
        choices,
        panel=case.panel_size,
        quorum=case.quorum,
        extended=case.status == Status.EXTENDED,
    )
    if result.outcome is tally.Outcome.EXTEND:
        _extend(case, at)
        return None
    verdict = Verdict.objects.create(
        case=case,
        outcome=result.outcome,
        why=result.why,
        support=result.support,
        against=result.against,
        abstain=result.abstain,
        at=at,
    )
    _move(case, Status.CLOSED, closed_at=at)
    _carry_out(case, verdict, at)
    return case


def _extend(case: Case, at: datetime) -> None:
    """Once, counted from now: a beat that came late takes no time from the jurors. Not over."""
    closes_at = clock.now() + timedelta(hours=case.extension_hours)
    _move(case, Status.EXTENDED, closes_at=closes_at)
    _date_claim(case, "jury_extended", at)
    _tell_jurors("jury_extended", case, at)


def _carry_out(case: Case, verdict: Verdict, at: datetime) -> None:
    said = {
        "case": case.number,
        "outcome": verdict.outcome,
        "why": verdict.why,
        "support": verdict.support,
        "against": verdict.against,
        "abstain": verdict.abstain,
        "quorum": case.quorum,
    }
    overturned = verdict.outcome == Verdict.Outcome.OVERTURNED
    step = claims.overturn if overturned else claims.uphold
    step(claim_id=case.appeal.claim_id, verdict=said, by=None, at=at)
    _tell_jurors("jury_decided", case, at)


def _tell_jurors(code: str, case: Case, at: datetime) -> None:
    """Every juror who holds a seat, whether they have voted or not: a notice tells nothing."""
    for seat in case.seats.held().select_related("juror").order_by("drawn"):
        _notify_case(code, case, seat.juror.account_id, at)


@transaction.atomic
def withdraw_case(*, case_id: int, by: Account, at: datetime) -> Case:
    """The claimant takes the appeal back while it is before the jury: the first decision stands.

    Locks the case, then the claim; may-I is asked by claims.actions.withdraw_appeal.
    """
    case = Case.objects.select_for_update().get(pk=case_id)
    _check_voting(case)
    claims.withdraw_appeal(claim_id=case.appeal.claim_id, by=by, at=at)
    return _finish_withdrawn(case, at)


@transaction.atomic
def _end_withdrawn(case_id: int, at: datetime) -> Case | None:
    case = Case.objects.select_for_update().get(pk=case_id)
    if case.status not in VOTING or case.appeal.withdrawn_at is None:
        return None
    return _finish_withdrawn(case, at)


def _finish_withdrawn(case: Case, at: datetime) -> Case:
    _move(case, Status.WITHDRAWN, closed_at=at)
    _tell_jurors("jury_withdrawn", case, at)
    return case


def _move(case: Case, to: Status, **changes: Any) -> Case:
    """The one place where a case's status changes. The caller holds the row's lock."""
    if to not in TRANSITIONS[Status(case.status)]:
        raise NotNow(_("The vote on case %(number)s is over.") % {"number": case.number})
    for field, value in changes.items():
        setattr(case, field, value)
    case.status = to
    case.save(update_fields=["status", *changes])
    return case
