"""An adult agrees before somebody acts for them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from members import actions, sms
from members.models import Account, HouseholdLink, Member, Notice
from mutualaid import clock
from mutualaid.errors import Forbidden, Invalid, NotNow
from tests import make

pytestmark = pytest.mark.django_db
PHONE = "12012345678"


def mother(by: Account) -> Member:
    return make.member(by, name="陈桂香", born=date(1965, 4, 4), relation="parent")


def asked(by: Account, member: Member) -> dict[str, Any]:
    """Her family has asked her by a code."""
    who: dict[str, Any] = {"account_id": by.pk, "member_id": member.pk, "by": by}
    with make.sent_at_once():
        actions.ask_consent(phone=PHONE, at=clock.now(), **who)
    return who


def link(by: Account, member: Member) -> HouseholdLink:
    return HouseholdLink.objects.get(account=by, member=member)


def test_one_agrees_for_oneself_and_for_ones_child() -> None:
    by = make.account()
    own, child = make.member(by), make.member(by, born=date(2015, 1, 1), relation="child")

    assert [link(by, person).consent_way for person in (own, child)] == ["self", "guardian"]


@pytest.mark.parametrize(
    ("relation", "born"),
    [("parent", date(1965, 4, 4)), ("spouse", date(1986, 1, 1)), ("child", date(2003, 12, 1))],
)
def test_an_adult_is_asked_and_nobody_joins_for_them_before(
    relation: str, born: date, english: None
) -> None:
    by, plan = make.account(), make.plan()
    person = make.member(by, born=born, relation=relation)
    make.answers(person, plan)

    with pytest.raises(NotNow, match="has to agree"):
        actions.join(member_id=person.pk, plan_id=plan.pk, by=by, at=make.NOON)


def test_the_code_on_her_phone_lets_her_family_act() -> None:
    by = make.account()
    member = mother(by)
    who = asked(by, member)

    actions.answer_consent(code=f" {make.sms_code(PHONE)} ", at=clock.now(), **who)

    found = link(by, member)
    assert (found.consent_way, found.consented_at) == ("code", make.NOON)
    assert "陈**" in sms.written(PHONE)[0]
    assert "桂香" not in sms.written(PHONE)[0]


def test_a_wrong_code_counts_and_the_sixth_is_not_heard() -> None:
    by = make.account()
    member = mother(by)
    who = asked(by, member)
    right = make.sms_code(PHONE)
    wrong = "000000" if right != "000000" else "111111"

    heard = [actions.answer_consent(code=wrong, at=clock.now(), **who) for _try in range(5)]

    assert heard == [None] * 5
    with pytest.raises(NotNow):
        actions.answer_consent(code=right, at=clock.now(), **who)
    assert link(by, member).consented_at is None


def test_a_code_is_good_for_ten_minutes() -> None:
    by = make.account()
    who = asked(by, mother(by))
    clock.move_to(make.NOON + timedelta(minutes=10), frozen=True)

    with pytest.raises(NotNow):
        actions.answer_consent(code=make.sms_code(PHONE), at=clock.now(), **who)


def test_five_codes_a_day() -> None:
    by = make.account()
    member = mother(by)
    for _code in range(5):
        asked(by, member)

    with pytest.raises(NotNow):
        asked(by, member)


def test_a_number_that_is_none_is_refused_at_its_field() -> None:
    by = make.account()
    member = mother(by)

    with pytest.raises(Invalid) as refusal:
        actions.ask_consent(
            account_id=by.pk, member_id=member.pk, phone="12345", by=by, at=clock.now()
        )

    assert refusal.value.field == "phone"


def test_nobody_asks_for_another_family() -> None:
    by = make.account()
    member = mother(by)

    with pytest.raises(Forbidden):
        actions.ask_consent(
            account_id=by.pk, member_id=member.pk, phone=PHONE, by=make.account(), at=clock.now()
        )


# --- somebody with an account of their own


def ask(by: Account, name: str, number: str) -> object:
    return actions.ask_to_act(
        account_id=by.pk, name=name, id_number=number, relation="parent", by=by, at=clock.now()
    )


def here(number: str) -> Account:
    """陈桂香, who has an account of her own."""
    account = make.account()
    actions.add_member(
        account_id=account.pk, name="陈桂香", id_number=number, relation="self",
        by=account, at=clock.now(),
    )  # fmt: skip
    return account


def test_whoever_is_here_is_asked_in_their_inbox_and_accepts() -> None:
    number, son = make.id_number(date(1965, 4, 4)), make.account()
    own = here(number)
    make.member(son, name="林建国")

    request = ask(son, "陈桂香", number)
    actions.answer_request(request_id=request.pk, accept=True, by=own, at=clock.now())  # type: ignore[attr-defined]

    found = HouseholdLink.objects.get(account=son, relation="parent")
    assert found.consent_way == "account"
    assert Notice.objects.get(account=own, code="family_asked").facts == {"who": "林**"}
    assert Notice.objects.filter(account=son, code="family_accepted").exists()


@pytest.mark.parametrize("name", ["陈桂香", "陈秀英"])
def test_nobody_learns_who_is_here(name: str) -> None:
    number = make.id_number(date(1965, 4, 4))
    if name == "陈秀英":
        here(number)  # the number is known, the name is another

    assert ask(make.account(), name, number) is None
    assert not Notice.objects.filter(code="family_asked").exists()


def test_only_the_person_who_is_asked_answers_and_once() -> None:
    number, son = make.id_number(date(1965, 4, 4)), make.account()
    own = here(number)
    pk = ask(son, "陈桂香", number).pk  # type: ignore[attr-defined]

    with pytest.raises(Forbidden):
        actions.answer_request(request_id=pk, accept=True, by=son, at=clock.now())
    actions.answer_request(request_id=pk, accept=False, by=own, at=clock.now())
    with pytest.raises(NotNow):
        actions.answer_request(request_id=pk, accept=True, by=own, at=clock.now())

    assert not HouseholdLink.objects.filter(account=son).exists()


def test_a_link_ends_from_either_side_but_not_while_it_pays() -> None:
    number, son = make.id_number(date(1965, 4, 4)), make.account()
    own = here(number)
    actions.answer_request(
        request_id=ask(son, "陈桂香", number).pk, accept=True, by=own, at=clock.now()  # type: ignore[attr-defined]
    )  # fmt: skip
    between = HouseholdLink.objects.get(account=son)
    paid = make.membership(member=make.member(son, born=date(2015, 1, 1), relation="child"))

    with pytest.raises(NotNow):
        actions.end_link(
            link_id=HouseholdLink.objects.get(account=son, member=paid.member).pk, by=son,
            at=clock.now(),
        )  # fmt: skip
    actions.end_link(link_id=between.pk, by=own, at=clock.now())

    assert not HouseholdLink.objects.filter(pk=between.pk).exists()
