"""One claim from joining to payout, in a browser, by nine people, each at their own page.

A village: the plan with a panel of three and 2,000 invented members who share; one comes by the
front door, three come back and judge, five are staff. Time is moved by the clock's row; what falls
due is done by the actions that beat calls. The story is told once in each look; every page that it
meets is looked at (tests/browser.py).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core import mail
from django.core.cache import cache
from django.core.management import call_command
from django.urls import reverse
from django.utils.translation import override

from assessments.models import Arrears, Payout, Period, Share
from assessments.states import PayoutState
from claims import actions as claim_actions
from claims.models import Claim
from claims.rules import last_day
from claims.states import Status
from disclosures.models import Disclosure
from jury import reference as jury_reference
from jury.models import Case, ExamAttempt, ExamQuestion, Juror
from members import bulk, quiz
from members.models import AccessRecord, Account, Membership, Plan
from mutualaid import clock
from mutualaid.clock import SHANGHAI
from mutualaid.money import yuan
from mutualaid.templatetags import look as words
from portal import due
from tests import make
from tests.browser import (
    DESK,
    LOOKS,
    PHONE,
    Look,
    Person,
    World,
    app_code,
    code_in,
)

pytestmark = pytest.mark.django_db(transaction=True)

CLAIMANT, JURORS = "林秀梅", ("周文", "吴建国", "郑玉兰")
VILLAGE = 2000
BENEFIT = 30_000_000  # fen, under 40 years
COVERED, DIAGNOSED = date(2022, 3, 1), date(2022, 3, 5)
STORY = "三月五日在医院确诊，已经做了手术，正在化疗，家里还有老人要照顾。"
REASON = "没有看到写明浸润的病理报告，只有影像报告，所以第一项条件没有得到证明。"
CHANGE = "请在六月底以前补交盖章的病理报告，上传或寄到服务中心。"
STATEMENT = "病理报告在医院病理科，病历里已经写明浸润。请各位看一看病历第一页。"


def at(month: int, day: int, hour: int = 10) -> datetime:
    """That hour in Shanghai, in the winter of the story."""
    return datetime(2021 if month == 12 else 2022, month, day, hour, tzinfo=SHANGHAI)


def now_is(instant: datetime) -> None:
    """The clock goes there, and what has fallen due meanwhile is done."""
    clock.move_to(instant, frozen=True)
    due.run_due(clock.now())


@pytest.fixture
def village(settings: Any, live_server: Any) -> Plan:
    """The plan, its exam and its crowd; nobody of the story yet."""
    settings.ACCOUNT_RATE_LIMITS = False  # nine people sign in from one address within minutes
    settings.MFA_TOTP_TOLERANCE = 1
    cache.clear()
    mail.outbox.clear()
    plan = make.plan(shares_from=date(2022, 4, 1))
    jury_reference.ensure_questions()
    bulk.crowd(plan_id=plan.pk, joined_on=[date(2021, 6, 1)], people=VILLAGE)
    return plan


# --- what a member does


def email_of(name: str) -> str:
    return f"p{''.join(f'{ord(sign):x}' for sign in name)}@example.org"


def registers(world: World, name: str) -> Person:
    """E-mail and password, then the code that was mailed."""
    person = world.person(name)
    person.goes("/accounts/signup/")
    person.fills(email=email_of(name), password1=make.PASSWORD, password2=make.PASSWORD)
    person.presses("Create an account", within="main")
    assert mail.outbox[-1].to == [email_of(name)]
    person.fills(code=code_in(str(mail.outbox[-1].body)))
    person.presses("Go on")
    person.reads("Welcome")
    return person


def signs_in_again(person: Person) -> None:
    """Out, a wrong password, the right one."""
    person.follows("Sign out")
    person.presses("Sign out", within="main")
    person.goes("/accounts/login/?next=/me/")
    person.fills(login=email_of(person.name), password="not-the-password")
    person.presses("Sign in", within="main")
    assert person.page.locator(".error-summary").count() == 1
    person.fills(login=email_of(person.name), password=make.PASSWORD)
    person.presses("Sign in", within="main")
    assert person.path == "/me/"


def comes_back(world: World, plan: Plan, name: str) -> Person:
    """A member since last year, who signs in with a mailed code."""
    account = make.account(email_of(name))
    EmailAddress.objects.create(user=account, email=account.email, verified=True, primary=True)
    make.membership(plan, account=account, name=name)
    person = world.person(name)
    person.goes("/accounts/login/?next=/me/")
    person.follows("A code by e-mail")
    person.fills(email=account.email or "")
    person.presses("Send me a code", within="main")
    person.fills(code=code_in(str(mail.outbox[-1].body)))
    person.presses("Go on")
    return person


def adds_themselves(person: Person) -> None:
    person.follows("Add a person")
    person.presses("Save and go on")
    assert person.page.locator(".field-error").count() >= 2  # name and number were left out
    person.ticks("relation", "self")
    person.fills(name=person.name, id_number=make.id_number())
    person.presses("Save and go on")
    assert person.path == "/join/rules/"  # straight to the first step


def joins(person: Person) -> Membership:
    """What the plan is, the quiz, six questions, the payment, the check, the number."""
    person.goes("/join/")
    person.follows("Go on")
    person.presses("I have read this")
    passes_the_quiz(person)
    for _question in range(6):
        assert person.page.locator("input:checked").count() == 0  # nothing is pre-ticked
        person.ticks("answer", "no")
        person.presses("Save, next question")
    assert person.path == "/join/payment/"
    person.ticks("agree")
    person.presses("Agree and go on")
    assert person.path == "/join/check/"
    person.ticks("agree")
    person.presses("Join now")
    membership = Membership.objects.get(member__name=person.name, ended_at__isnull=True)
    person.sees(membership.number)
    return membership


def passes_the_quiz(person: Person) -> None:
    """One wrong at first; every answer comes back with its reason."""
    assert person.path == "/join/quiz/"
    wrong = quiz.QUESTIONS[0]
    for asked in quiz.QUESTIONS:
        given = next(code for code in asked.choices if (code == asked.right) == (asked != wrong))
        person.ticks(asked.code, given)
    person.presses("Send the answers")
    with override(person.look.language):
        person.sees(*[asked.why for asked in quiz.QUESTIONS])
    person.ticks(wrong.code, wrong.right)
    person.presses("Send the answers")
    person.follows("Go on")


def says_day(person: Person, on: date) -> str:
    """The date as this person's pages write it."""
    with override(person.look.language):
        return words.day(on)


def waits_until_covered(person: Person, membership: Membership) -> None:
    """90 days: the day is named from the beginning, and nothing is covered a day before it."""
    assert membership.covered_from == COVERED
    person.goes("/me/")
    person.reads("In the waiting period")
    person.sees(says_day(person, COVERED))
    now_is(at(2, 28, 23))
    person.goes("/me/")
    person.reads("In the waiting period")
    now_is(at(3, 1, 0))
    person.goes("/me/")
    person.reads("Covered")


REPORT: list[dict[str, str]] = [
    {"disease": "malignant_tumour"},
    {"diagnosed_on": DIAGNOSED.isoformat()},
    {"accident": "no"},
    {"hospital": "第一人民医院，三病区"},
    {"story": STORY},
    {"call_back": "上午打座机"},
    {"publish_consent": "yes"},
]


def reports(person: Person) -> Claim:
    """Seven questions, one left out first; the check; the number and what comes next."""
    person.goes("/claims/start/")
    person.sends(".task a")
    person.presses("Save and go on", status=400)
    for answer in REPORT:
        for name, value in answer.items():
            if person.page.locator(f"input[type='radio'][name='{name}']").count():
                person.ticks(name, value)
            else:
                person.fills(**{name: value})
        person.presses("Save and go on")
    person.sees(STORY)
    person.presses("This is true; send the report")
    claim = Claim.objects.get(member__name=person.name)
    person.sees(claim.number)
    return claim


def adds_papers(person: Person, claim: Claim) -> None:
    """A photo; a wrong and an empty file, at which the photo stays; a PDF; all are there."""
    person.goes(f"/claims/{claim.number}/")
    person.uploads(("病历.jpg", "image/jpeg", make.paper_bytes()))
    person.sees("病历.jpg")
    wrong = ("笔记.jpg", "image/jpeg", b"only a note, whatever it calls itself")
    person.uploads(wrong, ("空白.pdf", "application/pdf", b""), status=400)
    for name, msgid in {
        "笔记.jpg": "“%(name)s” is neither a JPEG or PNG picture nor a PDF."
        " Please photograph the paper.",
        "空白.pdf": "“%(name)s” is empty. Please choose the file again.",
    }.items():
        beside = person.page.locator("#papers .field-error").all_inner_texts()
        assert any(person.words(msgid, name=name) in text for text in beside), beside
    person.sees("病历.jpg")
    assert person.page.locator("#papers").get_by_text("空白.pdf").count() == 1  # in its sentence
    person.uploads(("诊断证明.pdf", "application/pdf", make.paper_bytes("pdf")))
    person.sees("病历.jpg", "诊断证明.pdf")
    person.presses("All papers are there")
    assert claim.papers.filter(removed_at__isnull=True).count() == 2


def follows_the_claim(person: Person, claim: Claim) -> None:
    """The timeline says who acts next and by when, a name as soon as somebody has it."""
    claim.refresh_from_db()
    person.goes(f"/claims/{claim.number}/")
    now = person.page.locator(".timeline [aria-current='step']")
    assert now.count() == 1
    said = now.inner_text()
    assert claim.due_at
    assert says_day(person, last_day(claim.due_at)) in said
    if claim.owner:
        assert claim.owner.staff_number in said


def reads_the_refusal(person: Person, claim: Claim) -> None:
    """The letter: clause, the condition that failed, what would change it, the ways on."""
    person.goes(f"/claims/{claim.number}/")
    person.follows("Read the letter")
    decision = claim.decisions.get(confirmed_at__isnull=False)
    assert decision.failing == ["pathology"]
    assert decision.clauses
    person.sees(*decision.clauses, REASON, CHANGE)
    person.reads("What would change this decision", "Not shown", "Ask a jury of members")
    assert CLAIMANT not in person.text  # a letter may lie about on a table


# --- what staff do


def hires(role: str, *, with_app: bool = True) -> tuple[Account, str]:
    """An account of the staff, and the key in their code app ("" until they set one up)."""
    account = make.staff(role)
    EmailAddress.objects.create(user=account, email=account.email, verified=True, primary=True)
    secret = generate_totp_secret() if with_app else ""
    if secret:
        TOTP.activate(account, secret)
    return account, secret


def signs_in_at_the_desk(world: World, role: str, *, with_app: bool = True) -> Person:
    """The password alone opens nothing; with the code of the app the desk opens."""
    account, secret = hires(role, with_app=with_app)
    person = world.person(account.display_name)
    person.goes("/staff/")
    assert person.path.startswith("/accounts/login/")
    person.fills(login=account.email or "", password=make.PASSWORD)
    person.presses("Sign in", within="main")
    if not with_app:
        sets_up_the_app(person)
        return person
    person.fills(code="000000")
    person.presses("Sign in", within="main")
    assert person.path.startswith("/accounts/2fa/")
    person.fills(code=app_code(secret))
    person.presses("Sign in", within="main")
    person.goes("/staff/")
    person.reads("My work")
    return person


def sets_up_the_app(person: Person) -> None:
    """Who has no second factor yet gets no further than to setting it up."""
    person.goes("/staff/claims/claim/")
    assert person.path.startswith("/accounts/2fa/totp/activate/"), person.path
    secret = person.page.locator("#authenticator_secret").input_value()
    person.fills(code=app_code(secret))
    person.presses("Switch on")
    person.goes("/staff/")
    if person.path.startswith("/accounts/2fa/reauthenticate/"):
        person.fills(code=app_code(secret, later=1))
        person.presses("Go on")
    person.reads("My work")


def takes_the_next(person: Person, claim: Claim) -> None:
    person.goes("/staff/")
    person.presses("Take the next one")
    person.sees(claim.number)
    claim.refresh_from_db()
    assert claim.owner is not None
    assert claim.owner.display_name == person.name


def tab(person: Person, msgid: str) -> None:
    person.follows(msgid, within=".tabs")


def investigates(person: Person, claim: Claim) -> None:
    """Reads the report and a paper, writes a fact down, hands it on. Every reading is recorded."""
    takes_the_next(person, claim)
    assert STORY not in person.text
    person.follows("Read the report")
    person.sees(STORY)
    reads = AccessRecord.objects.filter(member=claim.member, by=claim.owner)
    assert reads.filter(what="illness").exists()
    tab(person, "Investigation")
    person.presses("Write it down")
    assert person.page.locator(".field-error").count() == 1
    person.fills(text="病历的日期和姓名与身份证一致。")
    person.chooses("paper", "1.1")
    person.presses("Write it down")
    person.sees("病历的日期和姓名与身份证一致。")
    assert reads.filter(what="evidence").exists()
    person.fills(report="到医院核对了病历，属实。没有见到盖章的病理报告。")
    person.presses("Finish, on to the reviewers")
    claim.refresh_from_db()
    assert claim.status == Status.REVIEWING


def answers_and_proposes(person: Person, claim: Claim) -> None:
    """Each condition with its paper; pathology is not shown, so only a refusal can be proposed."""
    takes_the_next(person, claim)
    tab(person, "Criteria")
    for code, given in make.met_answers(claim, pathology="not_shown").items():
        person.ticks(code, given["answer"])
        if given["answer"] == "met":
            person.chooses(f"{code}__paper", "1.1")
    person.presses("Save answers")
    person.follows("On to the decision")
    person.ticks("granted", "yes")
    person.fills(reason=REASON, would_change=CHANGE)
    person.presses("Propose", status=400)
    assert person.page.locator(".problems").count() == 1  # the tree does not say met
    person.ticks("granted", "no")
    person.presses("Preview the letter")
    person.reads("The letter, as the member will read it")
    person.presses("Propose")
    claim.refresh_from_db()
    assert claim.status == Status.PROPOSED


def cannot_confirm_their_own(person: Person, claim: Claim) -> None:
    person.goes(f"{reverse('admin:claims_claim_workspace', args=[claim.pk])}?tab=decision")
    assert person.page.locator("#do-confirm button").is_disabled()
    person.goes("/staff/")
    person.presses("Take the next one")
    person.reads("Nothing is waiting. Somebody else may have taken the last one.")


def confirms(person: Person, claim: Claim) -> None:
    takes_the_next(person, claim)
    tab(person, "Decision")
    person.sees(REASON, CHANGE)
    person.presses("Confirm")
    claim.refresh_from_db()
    assert claim.status == Status.REFUSED


def prepares_the_payout(person: Person, claim: Claim) -> None:
    """One person prepares, and cannot release what they prepared."""
    person.goes(reverse("admin:assessments_payout_changelist"))
    person.sees(claim.number, yuan(BENEFIT))
    person.sends("[aria-labelledby='prepare'] button.primary")
    assert person.page.locator("[aria-labelledby='release'] button").is_disabled()


def releases_the_payout(person: Person, claim: Claim) -> None:
    person.goes("/staff/")
    person.sees(claim.number)
    person.follows("Release a payout")
    person.sends("[aria-labelledby='release'] button.primary")
    person.reads("Released. It is sent now.")


def looks_at_the_closing(person: Person, period: Period) -> None:
    person.goes(reverse("admin:assessments_period_closing", args=[period.pk]))


# --- what jurors do


def sits_the_exam(person: Person, *, wrong: int = 0) -> None:
    """Six questions on six pages, the check, the result."""
    person.goes("/jury/")
    person.follows("To the exam")
    person.presses("Begin the exam")
    attempt = ExamAttempt.objects.latest("begun_at", "pk")
    for place, key in enumerate(attempt.questions):
        asked = ExamQuestion.objects.get(pk=key)
        with override(person.look.language):
            person.sees(asked.text)
        answer = (asked.right + (place < wrong)) % len(asked.options_zh)
        person.ticks("answer", str(answer))
        person.presses("Save, next question")
    person.presses("Hand in the exam")
    person.reads("Not all answers were right" if wrong else "You have passed the exam")


def reads_both_sides(person: Person) -> None:
    """By the message on the jury page to the case: both sides, and nothing that names anybody."""
    person.goes("/jury/")
    person.sends(".task a")
    person.sees(STATEMENT, REASON)
    for secret in (CLAIMANT, "第一人民医院", STORY):
        assert secret not in person.page.content()


def votes(person: Person, choice: str) -> None:
    """Read, fill in, check, cast: the receipt says that it is in."""
    reads_both_sides(person)
    person.presses("I have read all four parts")
    person.presses("Check my vote")
    assert person.page.locator(".error-summary").count() == 1
    person.ticks("choice", choice)
    person.ticks("clause", "pathology")
    person.fills(reason="病历第一页写明浸润，和病理报告说的是同一件事，两页可以互相印证。")
    person.presses("Check my vote")
    person.presses("Cast my vote")
    person.reads("Your vote has been received")


# --- once more without script


def staff_refuse(claim: Claim) -> None:
    """What the desk does, by the actions: found, answered, proposed, confirmed."""
    work: dict[str, Any] = {"claim_id": claim.pk, "at": clock.now()}
    adjuster, reviewer = make.staff("adjuster"), make.staff("reviewer")
    claim_actions.take(by=adjuster, **work)
    claim_actions.record_finding(text="病历属实。", place=1, page=1, by=adjuster, **work)
    claim_actions.finish_investigation(report="到医院核对了病历。", by=adjuster, **work)
    claim_actions.take(by=reviewer, **work)
    answers = make.met_answers(claim, pathology="not_shown")
    claim_actions.answer_criteria(answers=answers, by=reviewer, **work)
    decision = claim_actions.propose(
        granted=False, clauses=["1"], reason=REASON, would_change=CHANGE, by=reviewer, **work
    )
    claim_actions.confirm(decision_id=decision.pk, by=make.staff("reviewer"), at=clock.now())


def test_the_members_part_works_without_javascript(
    village: Plan, live_server: Any, browser: Any
) -> None:
    world = World(browser, live_server.url, PHONE, script=False)
    person = registers(world, CLAIMANT)
    adds_themselves(person)
    waits_until_covered(person, joins(person))
    now_is(at(3, 10))

    claim = reports(person)
    adds_papers(person, claim)
    follows_the_claim(person, claim)
    staff_refuse(claim)

    reads_the_refusal(person, claim)
    assert world.faults == []


# --- the whole way


def appeals(person: Person, claim: Claim) -> None:
    """From the letter: what the jury sees, a statement, the check, the date."""
    person.goes(f"/claims/{claim.number}/letter/")
    person.follows("Appeal to the jury")
    person.fills(statement=STATEMENT)
    person.presses("Go on and check", status=400)
    person.ticks("publish_consent")
    person.ticks("agree")
    person.presses("Go on and check")
    person.sees(STATEMENT)
    person.presses("Send the appeal")
    claim.refresh_from_db()
    assert claim.status == Status.APPEALED


def gives_the_account(person: Person, claim: Claim) -> None:
    """Another's name is refused; account, name and whose it is are confirmed."""
    person.goes(f"/claims/{claim.number}/")
    person.reads("The jury has granted it.")
    person.follows("Give the account")
    person.ticks("relation", "self")
    person.fills(holder="别人", bank="某某银行", account="6222 0000 1234 5678")
    person.presses("Go on and check", status=400)
    assert person.page.locator(".field-error").count() == 1
    person.fills(holder=CLAIMANT, account="6222 0000 1234 5678")
    person.presses("Go on and check")
    person.sees("某某银行", "5678")
    person.presses("This is right; confirm the account")


def surfaces(claim: Claim, people: list[Person]) -> list[str]:
    """What everybody who may look at the case sees of it, at this moment."""
    case = Case.objects.get(appeal__claim=claim)
    claimant, waiting, voted, reviewer = people
    seen = []
    for person, path in (
        (claimant, f"/claims/{claim.number}/"),
        (waiting, f"/jury/case/{case.number}/"),
        (waiting, "/jury/"),
        (voted, f"/jury/case/{case.number}/receipt/"),
        (reviewer, reverse("admin:claims_claim_workspace", args=[claim.pk])),
        (voted, "/periods/"),
    ):
        person.goes(path)
        seen.append(person.text)
    return seen


def the_panel_votes(claim: Claim, jurors: list[Person], claimant: Person, staff: Person) -> None:
    """Two for, one against; before the close nothing that anybody sees depends on the votes."""
    case = Case.objects.get(appeal__claim=claim)
    assert case.seats.count() == len(jurors)
    votes(jurors[0], "support")
    before = surfaces(claim, [claimant, jurors[2], jurors[0], staff])
    votes(jurors[1], "against")
    assert surfaces(claim, [claimant, jurors[2], jurors[0], staff]) == before
    votes(jurors[2], "support")
    jurors[0].goes(f"/jury/case/{case.number}/result/")
    jurors[0].reads("You have voted in this case.")  # no result yet

    now_is(case.closes_at)

    jurors[0].goes(f"/jury/case/{case.number}/result/")
    jurors[0].reads("The refusal is overturned")
    claim.refresh_from_db()
    assert claim.status == Status.GRANTED


def is_laid_open(reader: Person, period: Period) -> None:
    """Not before the 7th at nine; then the page, its figures and the PDF, without a name."""
    now_is(at(4, 7, 8))
    reader.goes("/periods/")
    assert reader.page.locator("main .task a").count() == 0
    now_is(at(4, 7, 9))
    reader.goes("/periods/")
    reader.sends("main .task a")
    disclosure = Disclosure.objects.get(period=period)
    reader.sees(yuan(disclosure.content["figures"]["share_fen"]), yuan(BENEFIT))
    assert CLAIMANT not in reader.page.content()
    [name] = [file.name for file in disclosure.files.all() if file.name.endswith(".pdf")]
    link = reader.page.locator(f"a[href$='{name}']").get_attribute("href")
    pdf = reader.context.request.get(f"{reader.world.url}{link}")
    assert pdf.body().startswith(b"%PDF-")


def is_split(period: Period, claim: Claim) -> None:
    """Not before the 14th; then everybody's share, the same, to the fen. Some debits fail."""
    now_is(datetime(2022, 4, 13, 23, 59, tzinfo=SHANGHAI))
    assert not Share.objects.filter(period_id=period.pk).exists()
    now_is(at(4, 14, 0))
    period.refresh_from_db()
    shares = list(Share.objects.filter(period_id=period.pk).values_list("amount_fen", flat=True))
    assert len(shares) == period.members
    assert set(shares) == {period.share_fen}
    cost = BENEFIT * (10_000 + period.rules.fee_bp) // 10_000 if period.rules else 0
    assert sum(shares) == cost + (period.surplus_out_fen or 0)
    assert Arrears.objects.filter(period=period).exists()
    claim.membership.refresh_from_db()
    assert claim.membership.end_reason == Membership.End.HELPED


def is_paid_out(claim: Claim) -> None:
    """Sent once; an answer that was lost is asked for at the next pass."""
    due.run_due(clock.now())
    due.run_due(clock.now())
    payout = Payout.objects.get(claim=claim)
    assert payout.state == PayoutState.PAID
    assert payout.amount_fen == BENEFIT
    assert payout.prepared_by != payout.released_by


def reads_their_share(person: Person, period: Period) -> None:
    share = yuan(period.share_fen or 0)
    person.goes("/me/")
    person.sees(share)
    person.goes("/shares/")
    person.sees(share)
    person.sends("main a[href*='/shares/']")
    person.sees(share)
    person.goes("/me/inbox/")


LOOKS_IN_TURN = [
    pytest.param(each, id=str(each), marks=[] if each in (PHONE, DESK) else [pytest.mark.soak])
    for each in LOOKS
]


@pytest.mark.parametrize("look", LOOKS_IN_TURN)
def test_one_claim_from_joining_to_payout(
    village: Plan, live_server: Any, browser: Any, look: Look
) -> None:
    world = World(browser, live_server.url, look)
    visitor = world.person("somebody")
    for path in ("/", "/how/", "/rules/", "/help/", "/privacy/", "/accessibility/", "/money/"):
        visitor.goes(path)

    claimant = registers(world, CLAIMANT)
    adds_themselves(claimant)
    signs_in_again(claimant)
    waiting = joins(claimant)
    jurors = [comes_back(world, village, name) for name in JURORS]
    waits_until_covered(claimant, waiting)

    now_is(at(3, 10))
    claim = reports(claimant)
    adds_papers(claimant, claim)
    follows_the_claim(claimant, claim)
    adjuster = signs_in_at_the_desk(world, "adjuster", with_app=False)
    investigates(adjuster, claim)
    follows_the_claim(claimant, claim)
    now_is(at(3, 14))
    first, second = [signs_in_at_the_desk(world, "reviewer") for _one in range(2)]
    answers_and_proposes(first, claim)
    cannot_confirm_their_own(first, claim)
    follows_the_claim(claimant, claim)
    confirms(second, claim)
    reads_the_refusal(claimant, claim)

    sits_the_exam(jurors[0], wrong=1)
    now_is(at(3, 14, 12))
    for juror in jurors:
        sits_the_exam(juror)
    assert Juror.objects.count() == len(JURORS)
    now_is(at(3, 15))
    appeals(claimant, claim)
    now_is(at(3, 15, 11))
    the_panel_votes(claim, jurors, claimant, first)
    gives_the_account(claimant, claim)

    now_is(at(4, 1))
    period = Period.objects.get(roster_at=at(4, 7, 0))
    is_laid_open(jurors[1], period)
    one, other = [signs_in_at_the_desk(world, "finance") for _one in range(2)]
    looks_at_the_closing(one, period)
    is_split(period, claim)
    looks_at_the_closing(one, period)
    prepares_the_payout(one, claim)
    releases_the_payout(other, claim)
    is_paid_out(claim)
    for day in range(15, 21):
        now_is(at(4, day, 0))
    reads_their_share(jurors[2], period)
    claimant.goes(f"/claims/{claim.number}/")

    call_command("check_books")
    assert world.faults == []


# --- whether this would notice


def test_what_is_wrong_with_a_page_is_named(live_server: Any, browser: Any) -> None:
    world = World(browser, live_server.url, PHONE)
    person = world.person("somebody")
    page = f"<title>x</title><style>p {{ color: red }}</style><pre>{'wide ' * 99}</pre>"
    person.page.route(
        "**/faulty/",
        lambda route: route.fulfill(
            body=f"{page}<img src='https://elsewhere.invalid/x.png'>",
            content_type="text/html",
            headers={"content-security-policy": "default-src 'self' 'unsafe-eval'"},
        ),
    )

    person.goes("/faulty/")

    for fault in (
        "content policy",
        "console: ",
        "asks https://elsewhere",
        "wider",
        "axe image-alt",
    ):
        assert any(fault in each for each in world.faults), (fault, world.faults)
