"""The payment agreement: given on joining, renewed, expiring, revoked."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import IntegrityError

from members import actions
from members.models import Mandate, Notice
from mutualaid import clock
from mutualaid.errors import Forbidden, NotNow
from tests import make

pytestmark = pytest.mark.django_db
JOINED_ON = date(2021, 6, 1)


def test_joining_gives_it_for_the_days_of_the_rules() -> None:
    membership = make.membership(make.plan(mandate_days=365))

    mandate = Mandate.objects.get(account=membership.payer)

    assert mandate.expires_on == JOINED_ON + timedelta(days=365)


def test_a_second_joining_leaves_it_as_it_is() -> None:
    membership = make.membership()
    child = make.member(membership.payer, born=date(2015, 1, 1), relation="child")

    make.membership(member=child, joined=make.NOON)

    assert Mandate.objects.get(account=membership.payer).given_at == make.JOINED


def test_renewed_it_holds_for_the_full_time_again() -> None:
    membership = make.membership()

    renewed = actions.give_mandate(
        account_id=membership.payer_id, plan_id=membership.plan_id, by=membership.payer,
        at=make.NOON, anew=True,
    )  # fmt: skip

    live = Mandate.objects.live(clock.today()).get(account=membership.payer)
    assert live == renewed
    assert live.expires_on == date(2021, 12, 1) + timedelta(days=730)


def test_it_is_revoked_once_by_its_holder() -> None:
    mandate = Mandate.objects.get(account=make.membership().payer)

    with pytest.raises(Forbidden):
        actions.revoke_mandate(mandate_id=mandate.pk, by=make.account(), at=make.NOON)
    actions.revoke_mandate(mandate_id=mandate.pk, by=mandate.account, at=make.NOON)
    with pytest.raises(NotNow):
        actions.revoke_mandate(mandate_id=mandate.pk, by=mandate.account, at=make.NOON)

    assert not Mandate.objects.live(clock.today()).exists()
    assert Notice.objects.filter(account=mandate.account, code="mandate_revoked").exists()


def test_an_account_has_one_live_mandate() -> None:
    mandate = Mandate.objects.get(account=make.membership().payer)

    with pytest.raises(IntegrityError, match="mandate_one_live"):
        Mandate.objects.create(
            account=mandate.account, given_at=make.NOON, expires_on=date(2030, 1, 1)
        )


def told(membership_payer: object) -> list[tuple[str, int]]:
    notices = Notice.objects.filter(account=membership_payer, code__startswith="mandate")  # type: ignore[misc]
    return [(notice.code, notice.facts["step"]) for notice in notices.order_by("pk")]


def test_its_end_is_told_thirty_and_seven_days_ahead_and_after_it_once_each() -> None:
    membership = make.membership(make.plan(mandate_days=365))
    expires_on = JOINED_ON + timedelta(days=365)

    for days in (31, 30, 29, 7, 6, 1, 0, -1):
        at = clock.midnight(expires_on - timedelta(days=days))
        actions.mandates_due(at=at)
        actions.mandates_due(at=at)

    assert told(membership.payer) == [
        ("mandate_expiring", 30), ("mandate_expiring", 7), ("mandate_expired", 0),
    ]  # fmt: skip


def test_days_without_a_beat_lose_no_notice_but_the_older_one() -> None:
    membership = make.membership(make.plan(mandate_days=365))
    expires_on = JOINED_ON + timedelta(days=365)

    actions.mandates_due(at=clock.midnight(expires_on - timedelta(days=5)))

    assert told(membership.payer) == [("mandate_expiring", 7)]


def test_who_pays_for_nobody_is_not_told() -> None:
    membership = make.membership(make.plan(mandate_days=365, leave_undo_days=0))
    actions.leave(membership_id=membership.pk, by=membership.payer, at=make.NOON)

    actions.mandates_due(at=clock.midnight(JOINED_ON + timedelta(days=360)))

    assert told(membership.payer) == []
