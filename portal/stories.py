"""How each story of the demo goes: from joining to where it stands when the world is shown.

A story is a generator that yields the instants at which something happens; between them it calls
the actions that a page would call, as the person whose turn it is.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from allauth.account.models import EmailAddress
from django.db import transaction
from PIL import Image, ImageDraw

from claims import actions as claims
from claims import criteria
from claims.models import Claim
from claims.states import Status
from jury import actions as jury
from jury.models import ExamQuestion, Seat
from members import actions as members
from members import quiz, sms
from members.models import Account, Membership, Plan
from members.rules import demo_id_number
from mutualaid import clock
from mutualaid.clock import SHANGHAI
from portal import cast
from portal.cast import Illness, Person, Refusal

DOMAIN = "demo.invalid"

Story = Generator[datetime, None, None]


def at(text: str) -> datetime:
    """ "2021-09-03 10:20" in Shanghai."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@dataclass
class World:
    """What the stories share."""

    plan: Plan
    staff: dict[str, list[Account]]
    password: str  # encoded once: hashing sixty times would take longer than the rest
    questions: dict[int, list[str]]  # codes of the health questions, by plan
    serial: int = 0
    accounts: dict[str, Account] = field(default_factory=dict)

    def number(self, born: date, sex: str, region: str) -> str:
        """The next ID number of nobody."""
        self.serial += 1
        return demo_id_number(region=region, birth_on=born, sex=sex, serial=self.serial)


def open_account(login: str, password: str, **fields: Any) -> Account:
    """An account as signing up leaves it, its address confirmed."""
    email = f"{login}@{DOMAIN}"
    account = Account.objects.create(email=email, password=password, made_at=clock.now(), **fields)
    EmailAddress.objects.create(user=account, email=email, verified=True, primary=True)
    return account


def signed_up(world: World, login: str) -> Account:
    if login not in world.accounts:
        world.accounts[login] = open_account(login, world.password)
    return world.accounts[login]


def joins(
    world: World, who: Person, relation: str = "self", plan: Plan | None = None
) -> Membership:
    """Add the person to the family of its login and join, every health question answered no."""
    by, now = signed_up(world, who.login), clock.now()
    plan = plan or world.plan
    born = date.fromisoformat(who.born)
    member = members.add_member(
        account_id=by.pk,
        name=who.name,
        id_number=world.number(born, who.sex, who.region),
        relation=relation,
        by=by,
        at=now,
    )
    if relation in {"parent", "spouse"}:
        _agrees(by, member.pk)
    what: dict[str, Any] = {"member_id": member.pk, "plan_id": plan.pk, "by": by, "at": now}
    members.read_rules(**what)
    members.take_quiz(**what, answers={asked.code: asked.right for asked in quiz.QUESTIONS})
    members.agree_payment(**what)
    for code in world.questions[plan.pk]:
        members.save_answer(**what, code=code, answer="no")
    return members.join(**what)


def _agrees(by: Account, member_id: int) -> None:
    """The code on the person's phone, read from where the demo's short messages are written."""
    now, number = clock.now(), f"100{member_id:08d}"
    asked: dict[str, Any] = {"account_id": by.pk, "member_id": member_id, "by": by, "at": now}
    with transaction.atomic():
        members.ask_consent(**asked, phone=number)
    code = re.findall(r"[0-9]{6}", sms.written(number)[-1])[0]
    members.answer_consent(**asked, code=code)


def paper(kind: str, lines: Iterable[str]) -> bytes:
    """A picture that looks like a paper and says that it is none."""
    page = Image.new("RGB", (900, 1200), "white")
    draw = ImageDraw.Draw(page)
    draw.text((60, 60), f"DEMO - {kind}", fill="black", font_size=44)
    for place, line in enumerate(lines):
        draw.text((60, 160 + 50 * place), line, fill="black", font_size=28)
    draw.rectangle((40, 40, 860, 1160), outline="black")
    out = io.BytesIO()
    page.save(out, "JPEG", quality=60)
    return out.getvalue()


class Course:
    """One claim on its way; each method is one step by the person whose turn it is."""

    def __init__(self, world: World, who: Person, ill: Illness, n: int) -> None:
        self.world, self.who, self.ill, self.n = world, who, ill, n
        self.claim_id = 0
        adjusters, reviewers = world.staff["adjuster"], world.staff["reviewer"]
        self.adjuster = adjusters[n % len(adjusters)]
        self.first = reviewers[n % len(reviewers)]
        self.second = reviewers[(n + 1) % len(reviewers)]

    @property
    def by(self) -> Account:
        return self.world.accounts[self.who.login]

    def day(self, days: int, hour: int = 10, minute: int = 0) -> datetime:
        """That many days after the report, spread a little so that no two are alike."""
        first = at(self.ill.reported).replace(hour=hour, minute=minute)
        return first + timedelta(days=days, minutes=self.n % 45)

    def report(self, membership: Membership) -> None:
        ill = self.ill
        claim = claims.report(
            membership_id=membership.pk,
            disease=ill.disease,
            diagnosed_on=date.fromisoformat(ill.diagnosed),
            accident=ill.accident,
            story=ill.story,
            hospital=ill.hospital,
            call_back="",
            publish_consent=ill.publish,
            by=self.by,
            at=clock.now(),
        )
        self.claim_id = claim.pk

    def send_papers(self) -> None:
        for kind, name in (
            ("diagnosis", "诊断证明.jpg"),
            ("test", "检查报告.jpg"),
            ("discharge", "出院小结.jpg"),
        ):
            data = paper(kind, [f"Case {self.n}", self.ill.disease, self.ill.diagnosed])
            claims.add_paper(
                claim_id=self.claim_id, kind=kind, name=name, data=data, by=self.by, at=clock.now()
            )

    def submit(self) -> None:
        claims.submit(claim_id=self.claim_id, by=self.by, at=clock.now())

    def taken(self, by: Account) -> None:
        claims.take(claim_id=self.claim_id, by=by, at=clock.now())

    def visit(self) -> None:
        claims.record_finding(
            claim_id=self.claim_id,
            text="到医院病案室核对了原件，日期和诊断与材料一致。",
            place=1,
            page=1,
            by=self.adjuster,
            at=clock.now(),
        )

    def finish(self) -> None:
        claims.finish_investigation(
            claim_id=self.claim_id,
            report="材料与医院存档一致。加入前的就诊记录已查，见调查发现。",
            by=self.adjuster,
            at=clock.now(),
        )

    def answer(self) -> None:
        claim = Claim.objects.get(pk=self.claim_id)
        answers = good_answers(
            claims.definition(claim), since=date.fromisoformat(self.ill.diagnosed)
        )
        if not self.ill.accident and "accident" in answers:
            answers["accident"] = {"answer": "not_met"}
        answers |= self.ill.shown
        claims.answer_criteria(
            claim_id=self.claim_id, answers=answers, by=self.first, at=clock.now()
        )

    def propose(self, *, granted: bool, reason: str, change: str = "") -> int:
        claim = Claim.objects.get(pk=self.claim_id)
        clauses = [leaf["clause"] for leaf in criteria.leaves(claims.definition(claim))]
        decision = claims.propose(
            claim_id=self.claim_id,
            granted=granted,
            clauses=list(dict.fromkeys(clauses))[-2:],
            reason=reason,
            would_change=change,
            by=self.first,
            at=clock.now(),
        )
        return decision.pk

    def confirm(self, decision_id: int) -> None:
        self.taken(self.second)
        claims.confirm(decision_id=decision_id, by=self.second, at=clock.now())

    def wait(self) -> None:
        """For the day that a condition names, if it names one."""
        claim = Claim.objects.get(pk=self.claim_id)
        not_before = claims.outcome(claim, clock.today()).not_before
        if not_before is not None:
            claims.wait_until(
                claim_id=self.claim_id, not_before=not_before, by=self.first, at=clock.now()
            )

    def pause(self) -> None:
        """A day on which nothing happens."""

    def give_payee(self) -> None:
        claims.give_payee(
            claim_id=self.claim_id,
            relation="self",
            holder=self.who.name,
            bank="示范银行",
            account=f"62000000000{self.n:05d}",
            reason="",
            by=self.by,
            at=clock.now(),
        )
        claims.confirm_payee(claim_id=self.claim_id, by=self.by, at=clock.now())


def good_answers(
    node: criteria.Node, *, since: date, positive: bool = True
) -> dict[str, dict[str, Any]]:
    """Every condition met, every exclusion not met, measured values at their bound."""
    if "not" in node:
        return good_answers(node["not"], since=since, positive=not positive)
    for branch in ("all_of", "any_of", "of"):
        if branch in node:
            found: dict[str, dict[str, Any]] = {}
            for child in node[branch]:
                found |= good_answers(child, since=since, positive=positive)
            return found
    answer: dict[str, Any] = {"answer": "met" if positive else "not_met", "place": 2, "page": 1}
    if node["kind"] in {"measured", "duration"}:
        answer["measured"] = node["measure"]["value"]
    if node["kind"] == "elapsed":
        answer |= {"since": since, "answer": "not_shown"}
    return {node["code"]: answer}


GRANT = "各项条件都有材料证明，两份材料互相印证。"


def reviewed(course: Course, membership: Membership) -> Story:
    """From the report to the first reviewer's desk, in fifteen days."""
    yield course.day(0)
    course.report(membership)
    yield course.day(2)
    course.send_papers()
    course.submit()
    yield course.day(3, 9)
    course.taken(course.adjuster)
    yield course.day(8)
    course.visit()
    yield course.day(14)
    course.finish()
    yield course.day(15)
    course.taken(course.first)
    course.answer()


def granted(world: World, who: Person, ill: Illness, n: int) -> Story:
    """Granted nineteen days after the report; the account confirmed two days later."""
    yield at(who.joined)
    membership = joins(world, who)
    course = Course(world, who, ill, n)
    yield from reviewed(course, membership)
    decision = course.propose(granted=True, reason=GRANT)
    yield course.day(19)
    course.confirm(decision)
    yield course.day(21)
    course.give_payee()


def refused(world: World, refusal: Refusal, n: int) -> Generator[datetime, None, Course]:
    """Refused seventeen days after the report."""
    yield at(refusal.who.joined)
    membership = joins(world, refusal.who)
    course = Course(world, refusal.who, refusal.ill, n)
    yield from reviewed(course, membership)
    decision = course.propose(granted=False, reason=refusal.reason, change=refusal.change)
    yield course.day(17)
    course.confirm(decision)
    return course


def only_refused(world: World, refusal: Refusal, n: int) -> Story:
    yield from refused(world, refusal, n)


def appealed(world: World, refusal: Refusal, n: int) -> Story:
    """A refusal put before the jury: the panel reads and votes over the next two days."""
    course = yield from refused(world, refusal, n)
    yield at(refusal.appeal_at)
    claims.appeal(
        claim_id=course.claim_id,
        statement=refusal.statement,
        publish_consent=True,
        by=course.by,
        at=clock.now(),
    )
    start = at(refusal.appeal_at) + timedelta(hours=4)
    yield start
    jury.convene_due(at=clock.now())
    for place, choice in enumerate(refusal.votes):
        yield start + timedelta(minutes=70 * (place + 1))
        votes_now(course.claim_id, place, choice)


def votes_now(claim_id: int, place: int, choice: str) -> None:
    """The juror in that place of the panel reads the case and votes."""
    seat = Seat.objects.filter(case__appeal__claim=claim_id).order_by("drawn")[place]
    by, now = seat.juror.account, clock.now()
    jury.mark_read(seat_id=seat.pk, by=by, at=now)
    jury.vote(
        seat_id=seat.pk,
        choice=choice,
        clause=seat.case.pack["clauses"][0]["code"],
        reason="双方的陈述和材料我都看完了，这一条写得很清楚，按规则应当这样决定。",
        by=by,
        at=now,
    )


def unfinished(
    world: World, who: Person, ill: Illness, n: int, *, stop: Status, relation: str = "self"
) -> Story:
    """A claim that stands somewhere on the way when the world is shown."""
    yield at(who.joined)
    membership = joins(world, who, relation)
    course = Course(world, who, ill, n)
    for days, step, reached in steps_of(course, membership):
        yield course.day(days)
        if stop == Status.WITHDRAWN and reached == Status.SUBMITTED:
            claims.withdraw(claim_id=course.claim_id, by=course.by, at=clock.now())
            return
        step()
        if stop == reached:
            return
    if stop == Status.PROPOSED:
        course.propose(granted=True, reason=GRANT)


def steps_of(
    course: Course, membership: Membership
) -> list[tuple[int, Callable[[], None], Status | None]]:
    """(days after the report, what is done, the status that this reaches)."""

    def in_hand() -> None:
        course.taken(course.first)
        course.answer()

    wants_paper = course.who == cast.MOTHER[0]
    return [
        (0, lambda: course.report(membership), Status.REPORTED),
        (1, course.send_papers, None),
        (2, course.submit, Status.SUBMITTED),
        (3, lambda: course.taken(course.adjuster), None),
        (6, course.visit, Status.INVESTIGATING),
        (9, lambda: wanted(course), Status.PAPERS_WANTED)
        if wants_paper
        else (9, course.pause, None),
        (10, course.finish, Status.REVIEWING),
        (12, in_hand, None),
        (12, course.wait, Status.WAITING),
    ]


def wanted(course: Course) -> None:
    claims.request_paper(
        claim_id=course.claim_id,
        kind="discharge",
        why="第一份出院小结缺医院盖章的那一页。护士站或病案室可以打印。",
        due_on=date(2021, 12, 20),
        by=course.adjuster,
        at=clock.now(),
    )
    claims.say(
        claim_id=course.claim_id,
        text="您好，出院小结带身份证复印件就能打印，不用本人去。来不及就告诉我。",
        by=course.adjuster,
        at=clock.now(),
    )


def juror(world: World, who: Person, certified: str) -> Story:
    """Joins in June, passes the exam in September."""
    yield at(who.joined)
    joins(world, who)
    yield at(certified)
    by = world.accounts[who.login]
    attempt = jury.begin_exam(by=by, at=clock.now())
    right = dict(ExamQuestion.objects.filter(pk__in=attempt.questions).values_list("pk", "right"))
    jury.answer_exam(
        attempt_id=attempt.pk,
        answers=[right[question] for question in attempt.questions],
        by=by,
        at=clock.now(),
    )


def family(world: World) -> Story:
    """林秀梅 with her mother, who is ill, and her son, who still waits."""
    who = Person("lin", "林秀梅", "1987-03-14", "f", "33")
    yield at(who.joined)
    joins(world, who)
    yield at("2021-11-20 20:10")
    joins(world, Person("lin", "周安", "2013-05-01", "m", "33"), "child")


def people(world: World) -> list[Story]:
    """Everybody with a story of illness, and the family of the first login."""
    stories = [granted(world, who, ill, n) for n, (who, ill) in enumerate(cast.GRANTED, start=1)]
    stories += [
        unfinished(world, who, ill, n, stop=stop)
        for n, (who, ill, stop) in enumerate(cast.UNFINISHED, start=20)
    ]
    stories.append(unfinished(world, *cast.WAITING, 30, stop=Status.WAITING))
    stories.append(family(world))
    stories.append(
        unfinished(world, *cast.MOTHER, 31, stop=Status.PAPERS_WANTED, relation="parent")
    )
    stories += [in_another_plan(world, who, code) for who, code in cast.OTHERS]
    return stories + cases_after_life(world)


def in_another_plan(world: World, who: Person, code: str) -> Story:
    """Somebody who joins one of the smaller plans, and waits."""
    yield at(who.joined)
    joins(world, who, plan=Plan.objects.get(code=code))


def cases_after_life(world: World) -> list[Story]:
    """Refused; refused and before the jury now; refused and upheld; refused and overturned."""
    first, *others = [(refusal, n) for n, refusal in enumerate(cast.REFUSALS, start=40)]
    stories = [only_refused(world, *first)]
    return stories + [appealed(world, refusal, n) for refusal, n in others]
