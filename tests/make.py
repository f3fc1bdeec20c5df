"""The world in one call: each maker brings its object to a state by the real actions.

Makers that need a time take `at`; the default is NOON, where every test's clock stands.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from io import BytesIO
from itertools import count
from smtplib import SMTPRecipientsRefused
from typing import Any

import pgtrigger
import pikepdf
import pytest
from django.core.mail import EmailMessage
from django.test import Client, TestCase
from PIL import Image

from assessments import actions as assessments
from assessments.models import Payout, Period, PeriodCase
from assessments.rules import Half
from assessments.states import PayoutState, Stage
from claims import actions as claim_actions
from claims import criteria
from claims.models import Claim, Payee
from claims.states import Status
from disclosures import actions as disclosures
from disclosures.models import Disclosure
from jury import actions as jury_actions
from jury import reference as jury_reference
from jury.models import Ballot, Case, ExamAttempt, ExamQuestion, Juror, Seat
from members import actions as member_actions
from members import quiz, reference, rules, sms
from members.actions.accounts import write_phone
from members.models import (
    Account,
    BenefitBand,
    Declaration,
    HealthQuestion,
    HelpCall,
    HouseholdLink,
    Member,
    Membership,
    NoticeCopy,
    Phone,
    Plan,
    PreCheck,
    Recovery,
    Rules,
)
from mutualaid import clock
from mutualaid.clock import SHANGHAI
from mutualaid.roles import ensure_roles

NOON = datetime(2021, 12, 1, 12, tzinfo=SHANGHAI)
PASSWORD = "correct-horse-battery"
_numbers = count(1)


def account(email: str = "", **fields: object) -> Account:
    """A login, as signing up leaves it."""
    email = email or f"person{next(_numbers)}@example.org"
    return Account.objects.create_user(email, PASSWORD, **fields)


_account = account  # for makers whose parameter has the same name


def staff(role: str, name: str = "") -> Account:
    """A member of staff with one role of mutualaid/roles.py."""
    number = next(_numbers)
    person = account(
        f"{role}{number}@example.org",
        is_staff=True,
        display_name=name or f"{role} {number}",
        staff_number=f"D{number:04d}",
    )
    person.groups.add(ensure_roles()[role])
    return person


# --- members ---------------------------------------------------------------------------------

JOINED = datetime(2021, 6, 1, 9, tzinfo=SHANGHAI)  # cover began long before NOON
BORN = date(1985, 5, 5)


def plan(**overrides: Any) -> Plan:
    """The plan 大病互助计划 as a village would run it: no case cap, a panel of three.

    With `overrides` (fields of Rules, or `code`) after the first, another plan with those rules.
    """
    known = Plan.objects.filter(code="critical").exists()
    if known and not overrides:
        return Plan.objects.get(code="critical")
    overrides = {"demo": True, "panel_size": 3, "quorum": 2} | overrides
    if known:
        overrides = {"code": f"plan-{next(_numbers)}"} | overrides
    return reference.ensure_plan(**overrides)


_plan = plan


def id_number(born: date = BORN, sex: str = "f") -> str:
    """An ID number of nobody, never the same twice: only the sandbox accepts its region."""
    return rules.demo_id_number(region="33", birth_on=born, sex=sex, serial=next(_numbers) % 1000)


def member(
    account: Account | None = None,
    name: str = "林秀梅",
    born: date = BORN,
    relation: str = "self",
    sex: str = "f",
) -> Member:
    """A person in the family of `account` (a new one by default), not yet in a plan."""
    by = account or _account()
    return member_actions.add_member(
        account_id=by.pk,
        name=name,
        id_number=id_number(born, sex),
        relation=relation,
        by=by,
        at=clock.now(),
    )


_member = member


def guardian(person: Member) -> Account:
    """The account that acts for this member."""
    return HouseholdLink.objects.filter(member=person).order_by("pk")[0].account


def consent(person: Member) -> None:
    """An adult whose family acts for them agrees, by the code on their phone."""
    by, phone = guardian(person), f"120{person.pk:08d}"
    if HouseholdLink.objects.get(account=by, member=person).consented_at is not None:
        return
    asked: dict[str, Any] = {"account_id": by.pk, "member_id": person.pk, "by": by}
    with sent_at_once():
        member_actions.ask_consent(phone=phone, at=clock.now(), **asked)
    member_actions.answer_consent(code=sms_code(phone), at=clock.now(), **asked)


@contextmanager
def sent_at_once() -> Iterator[None]:
    """What waits for the commit happens here, also inside the transaction of a test."""
    with TestCase.captureOnCommitCallbacks(execute=True):
        yield


def browser_by_phone(number: str) -> Client:
    """A browser of whoever has signed in with that number; a new account where it had none."""
    client = Client()
    with sent_at_once():
        client.post("/accounts/phone/", {"phone": number})
    client.post("/accounts/phone/code/", {"code": sms_code(number[-11:])})
    return client


def sms_code(phone: str) -> str:
    """The six digits of the newest short message to that number."""
    return str(re.findall(r"[0-9]{6}", sms.written(phone)[-1])[0])


def answers(person: Member, plan: Plan, **changed: str) -> None:
    """Every step on the way but the last: the rules, the quiz, the payment, and every health
    question answered with "no", but for `changed`."""
    by, at = guardian(person), clock.now()
    way: dict[str, Any] = {"member_id": person.pk, "plan_id": plan.pk, "by": by, "at": at}
    member_actions.read_rules(**way)
    right = {question.code: question.right for question in quiz.QUESTIONS}
    member_actions.take_quiz(answers=right, **way)
    member_actions.agree_payment(**way)
    asked = HealthQuestion.objects.filter(
        question_set__rules__plan=plan, question_set__rules__effective_on__lte=clock.day(at)
    ).distinct()
    for code in asked.values_list("code", flat=True):
        member_actions.save_answer(
            member_id=person.pk,
            plan_id=plan.pk,
            code=code,
            answer=changed.get(code, "no"),
            by=by,
            at=at,
        )


def membership(
    plan: Plan | None = None,
    joined: datetime = JOINED,
    member: Member | None = None,
    **person: Any,
) -> Membership:
    """An open membership: the clock goes to `joined` and back to where it stood. `person` goes to
    make.member; make.guardian(membership.member) is the account that pays."""
    then = clock.now()
    clock.move_to(joined, frozen=True)
    plan = plan or _plan()
    member = member or _member(**person)
    consent(member)
    answers(member, plan)
    made = member_actions.join(member_id=member.pk, plan_id=plan.pk, by=guardian(member), at=joined)
    clock.move_to(then, frozen=True)
    return made


_membership = membership


def correction(membership: Membership) -> tuple[Declaration, PreCheck]:
    """A correction of what was so on joining, and the review that waits for its answer."""
    kept = member_actions.correct_declaration(
        membership_id=membership.pk,
        code="lumps",
        answer="yes",
        since="before",
        story="去年三月在县医院查出甲状腺结节，医生说半年后复查。",
        by=guardian(membership.member),
        at=clock.now(),
    )
    return kept, kept.prechecks.get()


def new_rules(plan: Plan, begins: date, **changed: Any) -> Rules:
    """The next version of the plan's rules, announced at the clock's time: the newest with
    `changed`. `bands`: (from age, to age, fen) instead of those of before; `steps`: (from days,
    numerator, denominator)."""
    before = plan.rules.latest("effective_on")
    bands = changed.pop(
        "bands", [(b.from_age, b.to_age, b.benefit_fen) for b in before.bands.all()]
    )
    steps = changed.pop(
        "steps", [(s.from_days, s.numerator, s.denominator) for s in before.steps.all()]
    )
    fields = {
        field.attname: getattr(before, field.attname)
        for field in Rules._meta.concrete_fields
        if field.attname not in ("id", "published_at", "published_by_id")
    }
    fields |= {"version": f"{begins:%Y-%m}", "effective_on": begins} | changed
    made = Rules.objects.create(**fields)
    for low, high, fen in bands:
        made.bands.create(from_age=low, to_age=high, benefit_fen=fen)
    for days, part, whole in steps:
        made.steps.create(from_days=days, numerator=part, denominator=whole)
    made.published_at = clock.now()
    made.save(update_fields=["published_at"])
    member_actions.announce(rules=made, by=staff("reviewer"), at=clock.now())
    return made


def copies_sent() -> int:
    """Send the copies of notices that are due by the clock; how many went out."""
    return member_actions.copies_due(at=clock.now())


def failed_copy(account: Account) -> NoticeCopy:
    """A copy of this account's newest notice that a mail server has refused for good."""
    newest = account.notices.latest("pk")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EmailMessage, "send", _refuses)
        member_actions.copies_due(at=clock.now())
    return NoticeCopy.objects.get(notice=newest, account=account, channel="email")


def _refuses(message: EmailMessage, *args: object, **kwargs: object) -> int:
    raise SMTPRecipientsRefused({message.to[0]: (550, b"no such user")})


# --- claims ----------------------------------------------------------------------------------

DIAGNOSED = date(2021, 10, 8)
STORY = "十月八日查出来的，已经做了手术，正在化疗。"


def paper_bytes(kind: str = "jpeg") -> bytes:
    """A small real file: "jpeg", "png" or "pdf" (two pages); no two are alike."""
    number, out = next(_numbers), BytesIO()
    if kind == "pdf":
        with pikepdf.new() as document:
            document.add_blank_page(page_size=(200 + number, 280))
            document.add_blank_page()
            document.save(out)
    else:
        colour = (number % 256, number // 256 % 256, 99)
        Image.new("RGB", (60, 80), colour).save(out, kind.upper())
    return out.getvalue()


def met_answers(claim: Claim, **changed: str) -> dict[str, dict[str, Any]]:
    """Answers to every condition that make the claim grantable today, but for `changed`."""
    lines = criteria.rows(claim_actions.definition(claim))
    answers = {
        line["leaf"]["code"]: _answer(line["leaf"], negated=line["negated"])
        for line in lines
        if "leaf" in line
    }
    answers["accident"] = {"answer": "met" if claim.accident else "not_met"}
    for code, answer in changed.items():
        answers[code] = {"answer": answer}
    return answers


def _answer(leaf: criteria.Node, *, negated: bool) -> dict[str, Any]:
    if negated:
        return {"answer": "not_met"}
    given: dict[str, Any] = {"answer": "met"}
    if "measure" in leaf:
        step = {"<": -1, ">": 1}.get(leaf["measure"]["op"], 0)
        given["measured"] = Decimal(leaf["measure"]["value"]) + step
    if "elapsed" in leaf:
        given["since"] = clock.today() - timedelta(days=leaf["elapsed"]["days"])
    return given


def claim(
    status: Status = Status.REPORTED,
    *,
    plan: Plan | None = None,
    membership: Membership | None = None,
    disease: str = "malignant_tumour",
    diagnosed_on: date = DIAGNOSED,
    **changed: Any,
) -> Claim:
    """A claim at that status, walked there by the real actions at the clock's time, with papers
    and with staff of its own. A refused one lacks the papers of its first condition of the
    illness; a waiting one is a heart attack. `changed`: other fields of the report."""
    membership = membership or _membership(plan=plan)
    by, at = guardian(membership.member), clock.now()
    fields: dict[str, Any] = {
        "disease": "ami" if status == Status.WAITING else disease,
        "diagnosed_on": diagnosed_on,
        "accident": False,
        "story": STORY,
        "hospital": "第一人民医院",
        "call_back": "",
        "publish_consent": True,
    } | changed
    made = claim_actions.report(membership_id=membership.pk, by=by, at=at, **fields)
    if status == Status.WITHDRAWN:
        claim_actions.withdraw(claim_id=made.pk, by=by, at=at)
    elif status != Status.REPORTED:
        _papers(made, by)
        _investigate(made, status)
    made.refresh_from_db()
    return made


_claim = claim


def _papers(made: Claim, by: Account) -> None:
    for kind, name, data in (
        ("diagnosis", "病理报告.pdf", paper_bytes("pdf")),
        ("record", "病历.jpg", paper_bytes()),
    ):
        claim_actions.add_paper(
            claim_id=made.pk, kind=kind, name=name, data=data, by=by, at=clock.now()
        )
    claim_actions.submit(claim_id=made.pk, by=by, at=clock.now())


def _investigate(made: Claim, status: Status) -> None:
    if status == Status.SUBMITTED:
        return
    work: dict[str, Any] = {"claim_id": made.pk, "by": staff("adjuster"), "at": clock.now()}
    claim_actions.take(**work)
    claim_actions.record_finding(text="病理报告的日期和姓名与病历一致。", place=1, page=1, **work)
    if status == Status.PAPERS_WANTED:
        due_on = clock.today() + timedelta(days=10)
        claim_actions.request_paper(
            kind="discharge", why="要有医院盖章的那一页。", due_on=due_on, **work
        )
    elif status != Status.INVESTIGATING:
        claim_actions.finish_investigation(report="到医院核对了病历，属实。", **work)
        _review(made, status)


def _review(made: Claim, status: Status) -> None:
    if status == Status.REVIEWING:
        return
    by, at = staff("reviewer"), clock.now()
    work: dict[str, Any] = {"claim_id": made.pk, "by": by, "at": at}
    claim_actions.take(**work)
    granted = status in (Status.PROPOSED, Status.GRANTED)
    answers = met_answers(made)
    if status == Status.WAITING:
        answers |= {"enzymes": {"answer": "not_shown"}, "ecg": {"answer": "met"}}
        answers["lvef"]["since"] = clock.today() - timedelta(days=30)
    elif not granted:
        answers[first_condition(made)] = {"answer": "not_shown"}
    claim_actions.answer_criteria(answers=answers, **work)
    if status == Status.WAITING:
        not_before = claim_actions.outcome(made, clock.today()).not_before or clock.today()
        claim_actions.wait_until(not_before=not_before, **work)
        return
    decision = claim_actions.propose(
        granted=granted,
        clauses=["附件一 第 1 条"],
        reason="材料齐全，符合条件。" if granted else "没有看到第一项条件的证明。",
        would_change="" if granted else "补交这一项的报告。",
        **work,
    )
    if status != Status.PROPOSED:
        claim_actions.confirm(decision_id=decision.pk, by=staff("reviewer"), at=at)
        _after(made, status)


def first_condition(made: Claim) -> str:
    """The code of the first condition of the illness itself."""
    disease = criteria.load(made.rules.norm, made.disease)
    return str(next(criteria.leaves(disease))["code"])


def _after(made: Claim, status: Status) -> None:
    if status in (Status.GRANTED, Status.REFUSED):
        return
    claim_actions.appeal(
        claim_id=made.pk,
        statement="报告就在医院，病历里写得很清楚，请大家看一看我的情况。",
        publish_consent=True,
        by=guardian(made.member),
        at=clock.now(),
    )
    if status == Status.UPHELD:
        claim_actions.uphold(claim_id=made.pk, verdict={"support": 1, "against": 2}, at=clock.now())


# --- jury ------------------------------------------------------------------------------------


def juror(plan: Plan | None = None, joined: datetime = JOINED, **person: Any) -> Juror:
    """A member of the plan who has passed the exam, in office. `person` goes to make.member."""
    fields: dict[str, Any] = {
        "name": f"周{chr(0x4E00 + next(_numbers))}",
        "born": date(1980, 3, 3),
    } | person
    made = _membership(plan, joined, **fields)
    by = guardian(made.member)
    pass_exam(by)
    return Juror.objects.get(account=by)


def pass_exam(by: Account, *, wrong: int = 0) -> ExamAttempt:
    """Sit the exam and hand it in with all answers right, but for the first `wrong`."""
    if not ExamQuestion.objects.exists():
        jury_reference.ensure_questions()
    attempt = jury_actions.begin_exam(by=by, at=clock.now())
    asked = ExamQuestion.objects.in_bulk(attempt.questions)
    answers = [asked[key].right for key in attempt.questions]
    for place in range(wrong):
        answers[place] = (answers[place] + 1) % len(asked[attempt.questions[place]].options_zh)
    return jury_actions.answer_exam(attempt_id=attempt.pk, answers=answers, by=by, at=clock.now())


def case(
    plan: Plan | None = None,
    panel: int = 3,
    quorum: int = 2,
    spare: int = 0,
    claim: Claim | None = None,
) -> Case:
    """An open jury case: a refused and appealed claim, and a panel drawn from `panel` + `spare`
    jurors of its plan, whose rules say so."""
    if plan is None and claim is None:
        plan = _plan() if (panel, quorum) == (3, 2) else _plan(panel_size=panel, quorum=quorum)
    claim = claim or _claim(Status.APPEALED, plan=plan)
    plan = claim.membership.plan
    for _missing in range(panel + spare - Juror.objects.serving(plan, clock.now()).count()):
        juror(plan)
    jury_actions.convene_due(at=clock.now())
    return Case.objects.get(appeal__claim=claim)


def ballot(seat: Seat, choice: str = "support", clause: str = "other") -> Ballot:
    """The seat's juror reads the case and votes."""
    by, at = seat.juror.account, clock.now()
    jury_actions.mark_read(seat_id=seat.pk, by=by, at=at)
    return jury_actions.vote(
        seat_id=seat.pk,
        choice=choice,
        clause=clause,
        reason="我看了双方的材料，按规则逐条对照，这是我的判断，没有别的考虑。",
        by=by,
        at=at,
    )


def ballots(case: Case, *, support: int = 0, against: int = 0, abstain: int = 0) -> list[Ballot]:
    """So many votes from seats that have not voted, in drawn order."""
    choices = ["support"] * support + ["against"] * against + ["abstain"] * abstain
    seats = case.seats.held().filter(ballot__isnull=True).order_by("drawn")[: len(choices)]
    return [ballot(seat, choice) for seat, choice in zip(seats, choices, strict=True)]


def close(case: Case) -> Case:
    """The closing instant comes, and with it what is due."""
    clock.move_to(case.closes_at, frozen=True)
    jury_actions.close_due(at=clock.now())
    case.refresh_from_db()
    return case


# --- assessments -----------------------------------------------------------------------------


def period(
    stage: Stage = Stage.SPLIT,
    *,
    plan: Plan | None = None,
    members: int = 3,
    cases: int = 1,
    benefit_fen: int | None = None,
    **changed: Any,
) -> Period:
    """The plan's next period at that stage, walked there by the actions that beat calls; the clock
    stays where the stage begins. `members` on its roster, the claimants of its `cases` among them;
    `benefit_fen` is what each is granted; `changed` goes to make.claim."""
    plan = plan or _plan()
    if benefit_fen is not None:
        # Small sums for arithmetic; no verb can do this to published rules.
        with pgtrigger.ignore("members.BenefitBand:parts_of_published_never_change"):
            BenefitBand.objects.filter(rules__plan=plan).update(benefit_fen=benefit_fen)
    made = _next_period(plan, for_cases=cases > 0)
    for _case in range(cases):
        claim(Status.GRANTED, plan=plan, **changed)
    for _more in range(members - Membership.objects.on_roster(plan, made.roster_at).count()):
        membership(plan)
    _walk(made, stage)
    made.refresh_from_db()
    return made


def _next_period(plan: Plan, *, for_cases: bool) -> Period:
    """The next open period; if it is for cases, one that a case granted now goes into, and those
    before it are walked to their end."""
    if plan.shares_from is None:
        plan.shares_from = clock.day(Half.of(clock.now()).roster_at)
        plan.save(update_fields=["shares_from"])
    while True:
        assessments.open_periods_due(at=clock.now())
        made = Period.objects.filter(plan=plan, stage=Stage.OPEN).earliest("number")
        if not for_cases or made.cutoff_at > clock.now():
            return made
        _walk(made, Stage.COLLECTED)


def _walk(made: Period, stage: Stage) -> None:
    steps: list[tuple[Stage, datetime, Callable[..., object]]] = [
        (Stage.LOCKED, made.roster_at, assessments.lock_due),
        (Stage.DISCLOSED, made.disclose_at, partial(_disclose, made)),
        (Stage.SPLIT, made.split_at, assessments.split_due),
        (Stage.COLLECTED, made.split_at, assessments.debit_due),
    ]
    for reached, instant, step in steps:
        if stage == Stage.OPEN:
            return
        clock.move_to(max(instant, clock.now()), frozen=True)
        step(at=clock.now())
        if reached == stage:
            return


def _disclose(made: Period, *, at: datetime) -> None:
    made.refresh_from_db()
    assessments.mark_disclosed(period_id=made.pk, digest="0" * 64, at=at)


def payee(made: Claim) -> Payee:
    """The member's own account, given and confirmed."""
    by, at = guardian(made.member), clock.now()
    claim_actions.give_payee(
        claim_id=made.pk,
        relation="self",
        holder=made.member.name,
        bank="某某银行",
        account="6222000012345678",
        reason="",
        by=by,
        at=at,
    )
    return claim_actions.confirm_payee(claim_id=made.pk, by=by, at=at)


def payout(state: PayoutState = PayoutState.PREPARED, *, case: PeriodCase | None = None) -> Payout:
    """The payout of a case (of a new period by default), prepared, or released by another."""
    case = case or period(Stage.SPLIT).cases.get()
    payee(case.claim)
    made = assessments.prepare_payout(claim_id=case.claim_id, by=staff("finance"), at=clock.now())
    if state != PayoutState.PREPARED:
        made = assessments.release_payout(payout_id=made.pk, by=staff("finance"), at=clock.now())
    if state in (PayoutState.SENT, PayoutState.PAID):
        assessments.send_payouts_due(at=clock.now())
        made.refresh_from_db()
    return made


# --- disclosures -----------------------------------------------------------------------------

_period = period  # for makers whose parameter has the same name


def disclosure(period: Period | None = None, **world: Any) -> Disclosure:
    """A published period by the action that beat calls, the clock at its hour. `world` goes to
    make.period."""
    made = period or _period(Stage.LOCKED, **world)
    clock.move_to(max(made.disclose_at, clock.now()), frozen=True)
    disclosures.publish_due(at=clock.now())
    return made.disclosures.latest("version")


# --- staff -----------------------------------------------------------------------------------


def recovery(account: Account, number: str = "12099990001") -> Recovery:
    """The account's own person asks for it back, with a new number."""
    link = account.household.get(relation="self")
    by = member_actions.open_id_number(
        member_id=link.member_id, by=account, why="test", at=clock.now()
    )
    with sent_at_once():
        asked, number = member_actions.ask_code(
            purpose="recover", phone=number, address="127.0.0.1", at=clock.now()
        )
    who = {"name": link.member.name, "id_number": by, "address": "127.0.0.1"}
    member_actions.ask_recovery(
        code_id=asked.pk, number=number, code=sms_code(number), at=clock.now(), **who
    )
    return Recovery.objects.get(account=account)


def help_call(membership: Membership, by: Account | None = None) -> HelpCall:
    """A call of the help line in which the payer of the membership has agreed; a login by phone."""
    account = membership.payer
    if not Phone.objects.filter(account=account).exists():
        write_phone(account.pk, f"1203{account.pk:07d}", clock.now())
    with sent_at_once():
        call = member_actions.begin_help_call(
            term=membership.number, account_id=account.pk, reason="请客服帮忙办",
            by=by or staff("help_line"), at=clock.now(),
        )  # fmt: skip
    code = sms_code(str(member_actions.phone_number(account)))
    agreed = member_actions.consent_help_call(
        call_id=call.pk, code=code, by=call.by, at=clock.now()
    )
    assert agreed is not None
    return agreed


def authenticated(
    client: Client, account: Account, *, ago: int = 0, method: str = "password"
) -> None:
    """This browser has shown who it is so many seconds ago: what allauth writes at a login."""
    session = client.session
    session["account_authentication_methods"] = [{"method": method, "at": time.time() - ago}]
    session["account_authentication_methods_user"] = str(account.pk)
    session.save()


def desk_client(account: Account, *, second_factor: bool = True, at: float | None = None) -> Client:
    """A browser of somebody who has logged in with a password and, by default, shown the second
    factor too: an hour ago, which is long enough to be asked again before what could do harm."""
    at = time.time() - 3600 if at is None else at
    client = Client()
    client.force_login(account)
    session = client.session
    methods = ["password", "mfa"] if second_factor else ["password"]
    session["account_authentication_methods"] = [{"method": method, "at": at} for method in methods]
    session["account_authentication_methods_user"] = str(account.pk)
    session.save()
    return client
