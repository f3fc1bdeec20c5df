"""The demo world: people who cannot exist, played through the same actions as everybody's.

Each person with a story is a generator that yields the instants at which something happens to it;
`play` puts all of them, and one pass over what falls due, into one order of time. The crowd is
written in sets by members.bulk. ID numbers carry a county that is assigned to nobody, e-mail
addresses end in .invalid. The same seed gives the same people, amounts and outcomes.
"""

from __future__ import annotations

import heapq
import io
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.hashers import make_password
from django.db import connections
from PIL import Image, ImageDraw

from assessments import actions as assessments
from assessments.models import PeriodCase
from assessments.states import Stage
from claims import actions as claims
from claims import criteria
from claims.models import Claim
from claims.states import Status
from jury import actions as jury
from jury import reference as exam
from jury.models import ExamQuestion, Seat
from members import actions as members
from members import bulk, reference
from members.models import Account, HealthQuestion, Member, Membership, Plan
from members.rules import demo_id_number
from mutualaid import clock
from mutualaid.clock import SHANGHAI
from mutualaid.roles import ensure_roles
from portal import due

SEED = 20211207
MEMBERS = 71_177  # a thousandth of the real plan on 2021-12-07 (domain.md §2a)
OPENED = date(2021, 6, 1)
SHARES_FROM = date(2021, 10, 16)  # the first period: disclosed 21 October, split 28 October
SHOWN = datetime(2021, 12, 9, 14, tzinfo=SHANGHAI)
PASSWORD = "xiangzhu-demo"  # noqa: S105 - printed by `manage.py demo --logins`
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105 - of the demo's staff
DOMAIN = "demo.invalid"

Story = Generator[datetime, None, None]


def at(text: str) -> datetime:
    """ "2021-09-03 10:20" in Shanghai."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


# --- the stage


@dataclass
class World:
    """What the stories share."""

    plan: Plan
    staff: dict[str, list[Account]]
    password: str  # encoded once: hashing sixty times would take longer than the rest
    questions: list[str]
    serial: int = 0
    accounts: dict[str, Account] = field(default_factory=dict)

    def number(self, born: date, sex: str, region: str) -> str:
        """The next ID number of nobody."""
        self.serial += 1
        return demo_id_number(region=region, birth_on=born, sex=sex, serial=self.serial)


def build(*, members_count: int = MEMBERS, seed: int = SEED) -> World:
    """Fill an empty database and leave the clock running from SHOWN."""
    make_movable()
    clock.move_to(at("2021-06-01 08:00"), frozen=True)
    world = prepare()
    stories = [*people(world), *jurors(world)]
    bulk.crowd(
        plan_id=world.plan.pk,
        joined_on=list(joining_days()),
        people=members_count - JOINING,
        seed=seed,
    )
    play([*stories, clockwork(at("2021-10-01 00:01"))], until=SHOWN)
    clock.move_to(SHOWN)
    return world


def joining_days() -> Iterator[date]:
    """From June to early December, half of them in the first weeks."""
    day, most = OPENED, clock.day(SHOWN) - timedelta(days=2)
    while day <= most:
        yield from [day] * (8 if day < date(2021, 7, 1) else 1)
        day += timedelta(days=1)


def make_movable() -> None:
    """The owner marks this database as one whose clock may be moved. Never in production."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("UPDATE mutualaid_clock SET movable = true")


def prepare() -> World:
    """Plan, rules, exam, roles and staff."""
    plan = reference.ensure_plan(code="critical", demo=True, shares_from=SHARES_FROM)
    exam.ensure_questions()
    password = make_password(PASSWORD)
    rules = plan.rules.latest("effective_on")
    asked = HealthQuestion.objects.filter(question_set=rules.question_set_id)
    return World(
        plan=plan,
        staff=hire(password),
        password=password,
        questions=list(asked.values_list("code", flat=True)),
    )


STAFF = {
    "adjuster": ["吴敏", "郑晓东"],
    "reviewer": ["何静", "宋建平", "高岚"],
    "finance": ["许文", "罗佳"],
    "data_officer": ["梁洁", "谢军"],
}


def hire(password: str) -> dict[str, list[Account]]:
    """Two of each role where two must agree (three reviewers), each with a second factor."""
    groups, hired = ensure_roles(), {}
    for role, names in STAFF.items():
        hired[role] = [
            open_account(
                f"{role.replace('_', '')}{n}",
                password,
                display_name=name,
                staff_number=f"D{len(hired)}{n:03d}",
                is_staff=True,
            )
            for n, name in enumerate(names, start=1)
        ]
        for account in hired[role]:
            account.groups.add(groups[role])
            TOTP.activate(account, TOTP_SECRET)
    return hired


def open_account(login: str, password: str, **fields: Any) -> Account:
    """An account as signing up leaves it, its address confirmed."""
    email = f"{login}@{DOMAIN}"
    account = Account.objects.create(email=email, password=password, made_at=clock.now(), **fields)
    EmailAddress.objects.create(user=account, email=email, verified=True, primary=True)
    return account


# --- time


def play(stories: Iterable[Story], *, until: datetime) -> None:
    """Let every story go on at its instants, in order of time, the clock standing at each."""
    waiting = [(next(story), place, story) for place, story in enumerate(stories)]
    heapq.heapify(waiting)
    while waiting and waiting[0][0] <= until:
        instant, place, story = heapq.heappop(waiting)
        clock.move_to(instant, frozen=True)
        following = next(story, None)
        if following is not None:
            heapq.heappush(waiting, (following, place, story))


def clockwork(start: datetime) -> Story:
    """What beat does all day, done at one past midnight and at nine, for ever."""
    day = start
    while True:
        for hour, minute in ((0, 1), (9, 1), (18, 1)):
            yield day.replace(hour=hour, minute=minute)
            due.run_due(clock.now(), files=False)
        day += timedelta(days=1)


def go_on(until: datetime) -> None:
    """Play the months from where the clock stands, by the same `_due` actions that beat calls.

    Payouts that two people must make are made by the demo's finance staff.
    """
    now = clock.now()
    finance = list(
        Account.objects.filter(groups__name="finance", email__endswith=DOMAIN).order_by("pk")
    )
    stories = [clockwork(now + timedelta(minutes=1))]
    if len(finance) > 1:
        stories.append(cashier(finance, now))
    play([_after(story, now) for story in stories], until=until)
    clock.move_to(until)


def _after(story: Story, now: datetime) -> Story:
    """The part of a story that lies ahead."""
    for instant in story:
        if instant > now:
            yield instant


def cashier(finance: list[Account], start: datetime) -> Story:
    """Every afternoon finance prepares and releases what can be paid out."""
    day = start.replace(hour=15, minute=0, second=0, microsecond=0)
    while True:
        yield day
        for claim_id in payable():
            payout = assessments.prepare_payout(claim_id=claim_id, by=finance[0], at=clock.now())
            assessments.release_payout(payout_id=payout.pk, by=finance[1], at=clock.now())
        day += timedelta(days=1)


def payable() -> list[int]:
    """Claims whose period is split, whose payee has confirmed, and that nobody has prepared."""
    cases = PeriodCase.objects.active().filter(
        period__stage__in=[Stage.SPLIT, Stage.COLLECTING, Stage.COLLECTED],
        claim__payee__confirmed_at__isnull=False,
        payout__isnull=True,
    )
    return list(cases.order_by("pk").values_list("claim_id", flat=True))


# --- people with a story


@dataclass(frozen=True)
class Person:
    login: str
    name: str
    born: str
    sex: str
    region: str
    joined: str = "2021-06-02 09:30"


def signed_up(world: World, login: str) -> Account:
    if login not in world.accounts:
        world.accounts[login] = open_account(login, world.password)
    return world.accounts[login]


def joins(world: World, who: Person, relation: str = "self") -> Membership:
    """Add the person to the family of its login and join, every health question answered no."""
    by, now = signed_up(world, who.login), clock.now()
    born = date.fromisoformat(who.born)
    member = members.add_member(
        account_id=by.pk,
        name=who.name,
        id_number=world.number(born, who.sex, who.region),
        relation=relation,
        by=by,
        at=now,
    )
    what: dict[str, Any] = {"member_id": member.pk, "plan_id": world.plan.pk, "by": by, "at": now}
    members.read_rules(**what)
    for code in world.questions:
        members.save_answer(**what, code=code, answer="no")
    return members.join(**what)


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


@dataclass(frozen=True)
class Illness:
    """A claim as it goes: what, when, and what the papers show."""

    disease: str
    diagnosed: str
    reported: str
    story: str
    hospital: str = "市第一人民医院"
    publish: bool = True
    accident: bool = False
    shown: dict[str, dict[str, Any]] = field(default_factory=dict)  # answers other than the good


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


def refused(
    world: World, who: Person, ill: Illness, n: int, *, reason: str, change: str
) -> Generator[datetime, None, Course]:
    yield at(who.joined)
    membership = joins(world, who)
    course = Course(world, who, ill, n)
    yield from reviewed(course, membership)
    decision = course.propose(granted=False, reason=reason, change=change)
    yield course.day(17)
    course.confirm(decision)
    return course


def only_refused(*args: Any, **words: Any) -> Story:
    yield from refused(*args, **words)


def appealed(
    *args: Any, appeal_at: str, statement: str, votes: Callable[[int], str | None], **words: Any
) -> Story:
    """A refusal put before the jury: the panel reads and votes over the next two days.

    `votes(place)` is the choice of the juror in that place of the panel, None for silence."""
    course = yield from refused(*args, **words)
    yield at(appeal_at)
    claims.appeal(
        claim_id=course.claim_id,
        statement=statement,
        publish_consent=True,
        by=course.by,
        at=clock.now(),
    )
    start = at(appeal_at) + timedelta(hours=4)
    yield start
    jury.convene_due(at=clock.now())
    for place in range(31):
        yield start + timedelta(minutes=70 * (place + 1))
        seats = Seat.objects.filter(case__appeal__claim=course.claim_id).order_by("drawn")
        choice = votes(place)
        if choice and place < len(seats):
            votes_now(seats[place], choice)


def votes_now(seat: Seat, choice: str) -> None:
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
    yield course.day(0)
    course.report(membership)
    if stop == Status.REPORTED:
        return
    yield course.day(1)
    course.send_papers()
    if stop == Status.WITHDRAWN:
        claims.withdraw(claim_id=course.claim_id, by=course.by, at=clock.now())
        return
    course.submit()
    if stop == Status.SUBMITTED:
        return
    yield course.day(3, 9)
    course.taken(course.adjuster)
    yield course.day(6)
    course.visit()
    if stop == Status.INVESTIGATING:
        return
    if stop == Status.PAPERS_WANTED:
        yield course.day(9)
        wanted(course)
        return
    yield course.day(10)
    course.finish()
    if stop == Status.REVIEWING:
        return
    yield course.day(12)
    course.taken(course.first)
    course.answer()
    if stop == Status.WAITING:
        not_before = claims.outcome(Claim.objects.get(pk=course.claim_id), clock.today()).not_before
        claims.wait_until(
            claim_id=course.claim_id, not_before=not_before, by=course.first, at=clock.now()
        )
        return
    course.propose(granted=True, reason=GRANT)


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


def finance(world: World) -> Story:
    yield from cashier(world.staff["finance"], at("2021-10-28 15:00"))


TUMOUR, HEART, COMA = "malignant_tumour", "ami", "deep_coma"


def _tumour(diagnosed: str, reported: str, story: str, **more: Any) -> Illness:
    return Illness(TUMOUR, diagnosed, reported, story, **more)


LUNG, BREAST, THYROID, BOWEL, STOMACH = (
    "体检发现肺部结节，手术后病理是肺腺癌。",
    "洗澡时摸到乳房有硬块，手术后确诊乳腺癌。",
    "脖子上长了包块，手术切了甲状腺，病理是癌。",
    "便血三个月，肠镜取了病理，是直肠癌。",
    "胃痛半年，胃镜病理是胃癌。",
)
ATTACK = "夜里胸口剧痛，送急诊，冠脉造影放了一个支架。"

# (person, illness): granted in three closed periods, in the one in disclosure, and after it.
GRANTED: list[tuple[Person, Illness]] = [
    (Person("granted1", "王建军", "1972-08-20", "m", "44"), _tumour("2021-09-12", "2021-09-19", LUNG)),
    (Person("granted2", "李桂兰", "1975-01-09", "f", "37"), _tumour("2021-09-14", "2021-09-22", BREAST)),
    (Person("granted3", "张伟", "1990-11-02", "m", "41"), Illness(HEART, "2021-09-16", "2021-09-25", ATTACK)),
    (Person("granted4", "刘洋", "1988-06-30", "f", "32"), _tumour("2021-09-24", "2021-10-01", THYROID)),
    (Person("granted5", "陈国栋", "1965-04-17", "m", "42"), _tumour("2021-09-28", "2021-10-05", LUNG)),
    (Person("granted6", "杨丽", "1979-12-05", "f", "51"), _tumour("2021-10-01", "2021-10-09", BREAST, publish=False)),
    (Person("granted7", "黄志强", "1970-02-22", "m", "44"), _tumour("2021-10-08", "2021-10-16", BOWEL)),
    (Person("granted8", "赵敏", "1993-09-18", "f", "61"), _tumour("2021-10-12", "2021-10-20", THYROID)),
    (Person("granted9", "徐海涛", "1968-07-07", "m", "37"), Illness(HEART, "2021-10-18", "2021-10-25", ATTACK)),
    (Person("granted10", "孙玉梅", "1974-10-11", "f", "41"), _tumour("2021-10-22", "2021-10-30", BREAST)),
    (Person("granted11", "马超", "1985-05-25", "m", "44"), _tumour("2021-10-27", "2021-11-03", LUNG)),
    (Person("granted12", "朱红", "1969-03-30", "f", "32"), _tumour("2021-11-01", "2021-11-08", STOMACH)),
    (Person("granted13", "胡斌", "1991-08-08", "m", "43"), _tumour("2021-11-06", "2021-11-14", BOWEL)),
]  # fmt: skip

UNFINISHED: list[tuple[Person, Illness, Status]] = [
    (Person("reported", "郭爱华", "1971-02-03", "f", "37"), _tumour("2021-12-02", "2021-12-08", LUNG), Status.REPORTED),
    (Person("submitted", "何平", "1983-06-06", "m", "42"), _tumour("2021-11-29", "2021-12-07", BOWEL), Status.SUBMITTED),
    (Person("investigated", "高翔", "1978-01-21", "m", "35"), _tumour("2021-11-20", "2021-11-30", STOMACH), Status.INVESTIGATING),
    (Person("reviewed", "罗艳", "1986-12-12", "f", "36"), _tumour("2021-11-10", "2021-11-22", THYROID), Status.REVIEWING),
    (Person("proposed", "郑强", "1967-11-16", "m", "34"), _tumour("2021-11-08", "2021-11-19", LUNG), Status.PROPOSED),
    (Person("withdrawn", "梁燕", "1982-10-01", "f", "45"), _tumour("2021-11-15", "2021-11-25", BREAST), Status.WITHDRAWN),
]  # fmt: skip

WAITING = (
    Person("waiting", "谢东", "1973-05-19", "m", "13"),
    Illness(
        HEART,
        "2021-10-30",
        "2021-11-15",
        ATTACK,
        shown={
            "ecg": {"answer": "not_shown"},
            "lvef": {"answer": "not_shown", "since": date(2021, 10, 30)},
        },
    ),
)
MOTHER = (
    Person("lin", "陈桂香", "1965-02-11", "f", "33", "2021-06-02 09:40"),
    _tumour("2021-11-10", "2021-11-25", BREAST),
)

# Three cases after life (domain.md §3b, §4), altered.
HEART_CASE = Illness(
    HEART,
    "2021-11-02",
    "2021-11-13",
    "他在地里干活时胸口剧痛，送到医院抢救，当天就走了。",
    shown={
        "ecg": {"answer": "not_shown"},
        "enzymes": {"answer": "not_shown"},
        "lvef": {"answer": "not_met"},  # it can never be measured
    },
)
COMA_CASE = Illness(
    COMA,
    "2021-11-04",
    "2021-11-16",
    "主动脉出血后昏迷，上了呼吸机，中间停了五十分钟又接着上，前后加起来超过四天。",
    shown={"life_support_96h": {"answer": "not_met", "measured": "68", "place": 2, "page": 1}},
)
STEROID_CASE = Illness(
    COMA,
    "2021-10-02",
    "2021-10-18",
    "摔倒后一直昏迷。以前皮肤有病，吃过一阵激素，加入时没有想到要说。",
    shown={"health_on_joining": {"answer": "not_met", "place": 3, "page": 1}},
)
WON_CASE = _tumour(
    "2021-09-10",
    "2021-09-22",
    "加入前一年因为胃炎断断续续吃过药，医院系统里连起来有 32 天。今年查出胃癌。",
    shown={"health_on_joining": {"answer": "not_met", "place": 3, "page": 1}},
)


def people(world: World) -> list[Story]:
    """Everybody with a story of illness, and the family of the first login."""
    stories = [granted(world, who, ill, n) for n, (who, ill) in enumerate(GRANTED, start=1)]
    stories += [
        unfinished(world, who, ill, n, stop=stop)
        for n, (who, ill, stop) in enumerate(UNFINISHED, start=20)
    ]
    stories.append(unfinished(world, *WAITING, 30, stop=Status.WAITING))
    stories.append(family(world))
    stories.append(unfinished(world, *MOTHER, 31, stop=Status.PAPERS_WANTED, relation="parent"))
    stories.append(finance(world))
    return stories + cases_after_life(world)


def cases_after_life(world: World) -> list[Story]:
    """Refused; refused and before the jury now; refused and upheld; refused and overturned."""
    return [
        only_refused(
            world, Person("heart", "唐福生", "1971-09-09", "m", "53"), HEART_CASE, 40,
            reason="四项条件只有典型症状一项有材料证明，规则要求至少三项。抢救时间很短，没有留下心电图和检验结果。",
            change="如果医院还存有抢救时的心电图或肌钙蛋白化验单，请补交，我们会重新审核。",
        ),
        appealed(
            world, Person("coma", "曹志远", "1970-06-15", "m", "52"), COMA_CASE, 41,
            reason="呼吸机最长一段连续使用 68 小时，中间停过 50 分钟。规则要求连续 96 小时，没有允许间断。",
            change="如果停机的 50 分钟里有便携机或手动通气，请医院书面说明并盖章。",
            appeal_at="2021-12-07 14:00",
            statement="停机五十分钟是为了做检查，人一直没有醒过。加起来早就超过了九十六小时，请大家看看。",
            votes=lambda place: ("against", "support", "support")[place % 3] if place < 14 else None,
        ),
        appealed(
            world, Person("steroid", "邓海", "1976-04-04", "m", "53"), STEROID_CASE, 42,
            reason="加入前两年内连续服用激素超过 30 天，不符合加入那天的健康要求。",
            change="如果能证明服药没有超过 30 天，或开始服药在加入之后，请提供处方和病历。",
            appeal_at="2021-11-08 10:00",
            statement="激素是治皮肤病的，和这次摔倒没有关系。加入的时候页面上没有看到这一条。",
            votes=lambda place: "against" if place % 31 < 18 else "support",
        ),
        appealed(
            world, Person("won", "罗启明", "1989-01-27", "m", "33"), WON_CASE, 43,
            reason="开药记录连起来有 32 天，超过健康要求写的 30 天。",
            change="如果能证明中间停过药，例如药还有剩，或医生当时让停药，请提供病历。",
            appeal_at="2021-10-12 10:00",
            statement="药是分三次开的，中间好了就停了，药盒里还剩一半。系统把三次连在一起算成了 32 天。",
            votes=lambda place: "support" if place % 5 else "against",
        ),
    ]  # fmt: skip


JURORS = 36
_SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜"
_GIVEN = ("明", "丽", "强", "芳", "勇", "静", "军", "艳", "杰", "娟", "涛", "霞")


def jurors(world: World) -> list[Story]:
    chance = Random(SEED)  # noqa: S311 - a seeded world is the point
    stories = []
    for n in range(1, JURORS + 1):
        name = chance.choice(_SURNAMES) + chance.choice(_GIVEN)
        born = date(chance.randint(1965, 2000), chance.randint(1, 12), chance.randint(1, 28))
        who = Person(
            f"juror{n:02d}", name, born.isoformat(), chance.choice("mf"),
            chance.choice(["44", "37", "41", "32", "42", "33"]), f"2021-06-03 {9 + n // 6:02d}:{n % 6 * 10:02d}",
        )  # fmt: skip
        stories.append(juror(world, who, f"2021-09-15 {9 + n // 6:02d}:{n % 6 * 10:02d}"))
    return stories


# Members with a story: the family of three counts the mother among the unfinished.
JOINING = len(GRANTED) + len(UNFINISHED) + 1 + 3 + 4 + JURORS


def logins() -> list[tuple[str, str]]:
    """(who, e-mail) for whoever opens the demo. Every password is PASSWORD."""
    seat = (
        Seat.objects.filter(case__closed_at__isnull=True, declined_at__isnull=True)
        .filter(ballot__isnull=True)
        .select_related("juror__account")
        .order_by("drawn")
        .first()
    )
    found = [
        ("member: herself, her mother (a claim under way), her son (waiting period)", f"lin@{DOMAIN}"),
        ("member: granted, in the period now in disclosure", f"granted10@{DOMAIN}"),
        ("member: refused, may appeal", f"heart@{DOMAIN}"),
        ("member: before the jury", f"coma@{DOMAIN}"),
    ]  # fmt: skip
    if seat:
        found.append(("juror with an open case", seat.juror.account.email))
    for role, names in STAFF.items():
        found += [
            (f"staff, {role}", f"{role.replace('_', '')}{n}@{DOMAIN}")
            for n in range(1, len(names) + 1)
        ]
    return found


def is_empty() -> bool:
    """Nobody has ever joined here."""
    return not Member.objects.exists() and not Authenticator.objects.exists()
