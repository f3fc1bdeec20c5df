"""Whole histories of one person in two plans, made up by hypothesis: join, leave, stay, come back,
grow too old, change who pays, get new rules, miss a share. What must always be true is asked of
the tables after every step, by other means than the verbs use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from members import actions, rules
from members.models import HouseholdLink, Membership, Notice, Plan, RuleConsent
from mutualaid import clock
from mutualaid.clock import day
from mutualaid.errors import Invalid, NotNow
from tests import make
from tests.trials import trials

pytestmark = [pytest.mark.django_db, pytest.mark.trials]

VERBS = [
    "join", "join", "join_senior", "leave", "keep", "undo_join", "miss_a_share", "reinstate",
    "receive", "change_payer", "new_rules", "accept",
]  # fmt: skip
STEPS = st.lists(
    st.tuples(st.sampled_from(VERBS), st.integers(0, 130)), min_size=4, max_size=16
)  # fmt: skip


class History:
    """One person, the login of their own and their daughter's, a plan and the next one by age."""

    def __init__(self, born: date, *, next_waits: bool) -> None:
        self.senior = make.plan(
            code="senior", min_age_years=60, max_age_years=70, waiting_days=180,
            leave_undo_days=0,
        )  # fmt: skip
        self.plan = make.plan(code="main", next_plan=self.senior, next_plan_waits=next_waits)
        self.own, self.daughter = make.account(), make.account()
        self.member = make.member(self.own, born=born)
        HouseholdLink.objects.create(
            account=self.daughter, member=self.member, relation="parent", made_at=clock.now(),
            consented_at=clock.now(), consent_way="account",
        )  # fmt: skip
        self.ended: dict[int, tuple[Any, Any]] = {}

    def open(self, plan: Plan | None = None) -> Membership | None:
        found = Membership.objects.open().filter(member=self.member)
        return found.filter(plan=plan).first() if plan else found.first()

    def pass_days(self, days: int) -> None:
        """Time passes as beat sees it: once in a while, and on the day itself."""
        clock.move_to(clock.now() + timedelta(days=days), frozen=True)
        for due in (
            actions.leave_due, actions.age_out_due, actions.warn_due, actions.mandates_due,
            actions.payer_changes_due, actions.rules_due,
        ):  # fmt: skip
            due(at=clock.now())

    # --- what can happen; NotNow and Invalid are answers like any other

    def join(self) -> None:
        self._join(self.plan)

    def join_senior(self) -> None:
        self._join(self.senior)

    def _join(self, plan: Plan) -> None:
        make.answers(self.member, plan)
        actions.join(member_id=self.member.pk, plan_id=plan.pk, by=self.own, at=clock.now())

    def leave(self) -> None:
        self._with_open(actions.leave)

    def keep(self) -> None:
        self._with_open(actions.keep)

    def undo_join(self) -> None:
        self._with_open(actions.undo_join)

    def _with_open(self, verb: Callable[..., object]) -> None:
        if membership := self.open():
            verb(membership_id=membership.pk, by=self.own, at=clock.now())

    def miss_a_share(self) -> None:
        self._end("arrears")

    def receive(self) -> None:
        self._end("helped")

    def _end(self, reason: str) -> None:
        if membership := self.open():
            actions.end_membership(
                membership_id=membership.pk, reason=reason, by=None, at=clock.now()
            )

    def reinstate(self) -> None:
        last = self.member.memberships.order_by("pk").last()
        if last is not None:
            actions.reinstate(membership_id=last.pk, by=self.own, at=clock.now())

    def change_payer(self) -> None:
        membership = self.open()
        if membership is None:
            return
        one, other = self.own, self.daughter
        to = other if membership.payer == one else one
        change = actions.ask_payer_change(
            membership_id=membership.pk, to_account_id=to.pk, by=to, at=clock.now()
        )
        payer = membership.payer
        actions.answer_payer_change(change_id=change.pk, agree=True, by=payer, at=clock.now())

    def new_rules(self) -> None:
        newest = self.plan.rules.latest("effective_on")
        begins = max(clock.today() + timedelta(days=31), newest.effective_on + timedelta(days=40))
        waits = {90: 0, 0: 180, 180: 365}.get(newest.waiting_days, 90)
        make.new_rules(self.plan, begins, waiting_days=waits)

    def accept(self) -> None:
        membership = self.open(self.plan)
        coming = self.plan.rules.filter(effective_on__gt=clock.today()).first()
        if membership and coming:
            actions.accept_rules(
                membership_id=membership.pk, rules_id=coming.pk, by=self.own, at=clock.now()
            )

    # --- what must always be true

    def check(self) -> None:
        rows = list(self.member.memberships.order_by("plan_id", "joined_at", "pk"))
        for plan in (self.plan, self.senior):
            self._check_one_open([row for row in rows if row.plan_id == plan.pk])
        for row in rows:
            self._check_cover(row)
            self._check_end(row)
            self._check_age(row)
            assert row.payer in (self.own, self.daughter)
            assert row.consents.filter(kind=RuleConsent.Kind.ACCEPTED, rules=row.rules).exists()

    def _check_one_open(self, rows: list[Membership]) -> None:
        assert sum(row.ended_at is None for row in rows) <= 1
        for earlier, later in pairwise(rows):
            assert earlier.ended_at is not None
            assert earlier.ended_at <= later.joined_at

    def _check_cover(self, row: Membership) -> None:
        """Illness is covered after the days of the rules of joining, or of the one gone on from."""
        assert row.covered_from >= day(row.joined_at)
        if row.covered_from >= waited(row):
            return
        before = row.continues
        assert before is not None
        assert row.covered_from >= before.covered_from
        assert before.end_reason in ("arrears", "aged_out")
        if before.plan_id != row.plan_id:
            assert before.ended_at
            assert not before.terms_on(day(before.ended_at)).next_plan_waits

    def _check_end(self, row: Membership) -> None:
        """Every end has its reason, was told, and stays as it is."""
        assert (row.ended_at is None) == (row.end_reason is None)
        if row.ended_at is None:
            return
        known = self.ended.setdefault(row.pk, (row.ended_at, row.end_reason))
        assert known == (row.ended_at, row.end_reason)
        told = Notice.objects.filter(facts__number=row.number)
        assert told.exclude(code__in=["joined", "payer_changed", "payer_asked"]).exists()
        if row.end_reason == "left":
            assert row.leaving_at == row.ended_at or row.leaving_at is None

    def _check_age(self, row: Membership) -> None:
        """Nobody is in a plan past its age: an open membership is within it today."""
        if row.ended_at is None:
            age = rules.age_on(self.member.birth_on, clock.today())
            assert age <= row.terms_on(clock.today()).max_age_years


def waited(row: Membership) -> date:
    """The first day after the waiting period of the rules of joining, counted anew."""
    return day(row.joined_at) + timedelta(days=row.rules.waiting_days)


@contextmanager
def forgotten() -> Iterator[None]:
    """Nothing of what happens here stays."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@settings(
    max_examples=trials(300),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    born=st.dates(date(1961, 12, 15), date(1964, 6, 1)) | st.just(date(1964, 2, 29)),
    next_waits=st.booleans(),
    steps=STEPS,
)
def test_whatever_happens_the_register_stays_true(
    born: date, next_waits: bool, steps: list[tuple[str, int]]
) -> None:
    with forgotten():
        history = History(born, next_waits=next_waits)
        for verb, days in steps:
            try:
                with transaction.atomic():
                    getattr(history, verb)()
            except (NotNow, Invalid):
                pass
            history.check()
            history.pass_days(days)
            history.check()


def test_the_histories_reach_every_end_but_those_of_others() -> None:
    """That the trials above are not empty: one history by hand meets each verb and each end."""
    history = History(date(1962, 3, 1), next_waits=False)
    for verb, days in [
        ("join", 1), ("undo_join", 1), ("join", 1), ("leave", 1), ("keep", 5), ("leave", 5),
        ("join", 9), ("miss_a_share", 5), ("reinstate", 3), ("change_payer", 5),
        ("new_rules", 5), ("accept", 60), ("join_senior", 30), ("receive", 1),
    ]:  # fmt: skip
        getattr(history, verb)()
        history.check()
        history.pass_days(days)
        history.check()

    ends = [row.end_reason for row in history.member.memberships.order_by("pk")]
    assert ends == ["undone", "left", "arrears", "aged_out", "helped"]
