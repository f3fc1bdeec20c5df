"""Adding a person: one person is one member, and the refusal does not tell whose."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from members import actions
from members.models import Account, DataKey, HouseholdLink, IdentityNumber, Member
from mutualaid.errors import Forbidden, Invalid, Refused
from tests import make

pytestmark = pytest.mark.django_db


def add(
    account: Account,
    number: str = "",
    name: str = "陈桂香",
    relation: str = "parent",
    by: Account | None = None,
) -> Member:
    return actions.add_member(
        account_id=account.pk,
        name=name,
        id_number=number or make.id_number(),
        relation=relation,
        by=by or account,
        at=make.NOON,
    )


def test_adding_reads_birth_and_sex_from_the_number_and_links_the_family() -> None:
    account = make.account()

    member = add(account, make.id_number(date(1963, 2, 3), "f"), name=" 陈 桂香 ")

    assert (member.birth_on, member.sex, member.name) == (date(1963, 2, 3), "f", "陈 桂香")
    link = HouseholdLink.objects.get()
    assert (link.account, link.member, link.relation) == (account, member, "parent")
    assert DataKey.objects.filter(member=member).exists()


def test_the_id_number_stands_nowhere_in_the_clear() -> None:
    number = make.id_number()

    member = add(make.account(), number)

    kept = bytes(member.id_number_sealed) + bytes(IdentityNumber.objects.get().id_hash)
    assert number.encode() not in kept
    assert (
        actions.open_id_number(member_id=member.pk, by=make.account(), why="check", at=make.NOON)
        == number
    )


def test_a_known_number_is_refused_without_telling_whose_it_is() -> None:
    number = make.id_number()
    add(make.account(), number, name="王建国")

    with pytest.raises(Invalid) as refusal:
        add(make.account(), number, name="王建国")

    assert refusal.value.field == "id_number"
    assert "王" not in str(refusal.value)
    assert Member.objects.count() == 1


def test_a_person_of_the_own_family_is_named_as_such() -> None:
    account, number = make.account(), make.id_number()
    add(account, number)

    with pytest.raises(Invalid, match=r"已经在您的家人|already in your family"):
        add(account, number)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "陈"}, "name"),
        ({"number": "330106"}, "id_number"),
        ({"relation": "cousin"}, "relation"),
    ],
)
def test_what_will_not_do_is_refused_at_its_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        add(make.account(), **change)

    assert refusal.value.field == field


def test_nobody_is_born_after_today() -> None:
    with pytest.raises(Invalid) as refusal:
        add(make.account(), make.id_number(date(2021, 12, 2)))

    assert refusal.value.field == "id_number"


def test_an_account_has_one_self() -> None:
    account = make.account()
    add(account, relation="self")

    with pytest.raises(Invalid) as refusal:
        add(account, relation="self")

    assert refusal.value.field == "relation"


def test_another_family_is_closed() -> None:
    with pytest.raises(Forbidden):
        add(make.account(), by=make.account())


@pytest.mark.django_db(transaction=True)
def test_two_accounts_at_once_make_one_member_of_one_number() -> None:
    number, accounts, start = make.id_number(), [make.account(), make.account()], Barrier(2)

    def try_it(account: Account) -> str:
        start.wait()
        try:
            add(account, number)
            return "added"
        except Refused:
            return "refused"
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(try_it, accounts)) == ["added", "refused"]
    assert Member.objects.count() == IdentityNumber.objects.count() == 1
