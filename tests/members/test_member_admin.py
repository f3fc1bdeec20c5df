"""Members on the desk: found by what is known of them, masked, and shown in full for a reason."""

from __future__ import annotations

import functools
import operator
import time
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from members import actions, phones
from members.admin import people
from members.models import AccessRecord, Account, Member, Phone
from mutualaid import clock
from mutualaid.errors import Forbidden, Invalid, NotNow
from mutualaid.prefix import PrefixPaginator
from tests import make

pytestmark = pytest.mark.django_db
LIST = reverse("admin:members_member_changelist")


@pytest.fixture
def officer() -> Account:
    return make.staff("data_officer")


def desk(officer: Account, *, fresh: bool = True) -> Client:
    client = make.desk_client(officer)
    if fresh:
        session = client.session
        session["account_authentication_methods"].append(
            {"method": "password", "at": time.time(), "reauthenticated": True}
        )
        session.save()
    return client


def with_phone(person: Member, number: str) -> Phone:
    account = make.guardian(person)
    sealed = phones.sealed(number, account_id=account.pk)._asdict()
    return Phone.objects.create(account=account, set_at=make.NOON, **sealed)


def found(client: Client, term: str) -> list[int]:
    answer = client.get(LIST, {"q": term})
    assert answer.status_code == 200
    return [member.pk for member in answer.context["cl"].result_list]


def id_number_of(person: Member, by: Account) -> str:
    return actions.open_id_number(member_id=person.pk, by=by, why="asked", at=make.NOON)


# --- found


def test_a_member_is_found_by_each_thing_that_is_known(officer: Account) -> None:
    one, _other = make.membership(name="欧阳明月"), make.membership(name="欧明")
    person = one.member
    with_phone(person, "13812345678")
    client, number = desk(officer), id_number_of(person, officer)
    email = make.guardian(person).email or ""

    for term in (
        number,
        f" {number[:6]} {number[6:14]} {number[14:].lower()} ",
        "13812345678",
        "+86 138 1234 5678",
        email,
        email.upper(),
        one.number,
        "欧阳",
        " 欧阳明月 ",
    ):
        assert found(client, term) == [person.pk], term
    for term in (
        "13812345679",
        "M999999999",
        "no@example.org",
        "330102198505051234",
        "赵",
        "%",
    ):
        assert found(client, term) == [], term


def test_a_family_is_found_by_its_phone_whole(officer: Account) -> None:
    person = make.member()
    with_phone(person, "13812345678")
    mother = make.member(make.guardian(person), name="王桂香", relation="parent")

    assert sorted(found(desk(officer), "13812345678")) == [person.pk, mother.pk]


def test_a_login_is_found_by_its_phone(officer: Account) -> None:
    phone = with_phone(make.member(), "13812345678")

    answer = desk(officer).get(reverse("admin:members_account_changelist"), {"q": "138 1234 5678"})

    assert [account.pk for account in answer.context["cl"].result_list] == [phone.account_id]


def test_names_are_paged_both_ways_and_nobody_is_lost(officer: Account) -> None:
    names = ["王芳", "王伟", "王伟", "王伟", "王小明", "汪洋", "王", "王a", "欧阳明"]
    made = [make.member(make.account(), name=f"{name}儿") for name in names]
    whole = Member.objects.filter(name__startswith="王")
    expected = sorted((m.pk for m in made if m.name.startswith("王")),
                      key=lambda pk: (whole.get(pk=pk).name.encode(), pk))  # fmt: skip
    pages: PrefixPaginator[Any] = PrefixPaginator(whole, "name", 2)

    there, token = [], ""
    while True:
        page = pages.page(token)
        there.append([member.pk for member in page["rows"]])
        if page["next"] is None:
            break
        token = page["next"]
    back, token = [], "last"
    while True:
        page = pages.page(token)
        back.append([member.pk for member in page["rows"]])
        if page["previous"] is None:
            break
        token = page["previous"]

    assert functools.reduce(operator.iadd, there, []) == expected
    assert functools.reduce(operator.iadd, reversed(back), []) == expected


def test_the_list_by_name_has_its_pages(officer: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people.MemberAdmin, "list_per_page", 2)
    for _ in range(5):
        make.member(make.account(), name="王小芳")
    client = desk(officer)

    first = client.get(LIST, {"q": "王"})
    second = client.get(LIST + first.context["cl"].steps["next"])

    assert first.context["cl"].steps["previous"] is None
    assert len(second.context["cl"].result_list) == 2
    assert second.context["cl"].steps["previous"] is not None


# --- masked


def test_nothing_on_the_pages_is_in_full(officer: Account) -> None:
    person = make.membership(name="欧阳明月").member
    with_phone(person, "13812345678")
    client, number = desk(officer), id_number_of(person, officer)
    login = make.guardian(person)

    for url in (
        f"{LIST}?q=欧阳",
        reverse("admin:members_member_change", args=[person.pk]),
        reverse("admin:members_account_change", args=[login.pk]),
        reverse("admin:members_account_changelist"),
    ):
        text = client.get(url).content.decode()
        assert "欧阳明月" not in text.replace('value="欧阳"', ""), url
        assert number not in text, url
        assert "13812345678" not in text, url
        assert (login.email or "-") not in text, url


# --- in full, for a reason


def test_a_reason_shows_the_person_once_and_is_written_down(officer: Account) -> None:
    person = make.membership(name="欧阳明月").member
    with_phone(person, "13812345678")
    number, client = id_number_of(person, officer), desk(officer)

    answer = client.post(
        reverse("admin:members_member_show", args=[person.pk]), {"reason": "asked"}
    )

    text = answer.content.decode()
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    for shown in ("欧阳明月", number, "13812345678", make.guardian(person).email or "-"):
        assert shown in text
    written = AccessRecord.objects.filter(member=person, by=officer, why="asked").order_by("pk")
    assert [record.what for record in written][-2:] == ["id_number", "contact"]


def test_without_a_reason_nothing_is_shown(officer: Account) -> None:
    person = make.member(name="欧阳明月")
    url = reverse("admin:members_member_show", args=[person.pk])
    client = desk(officer)

    answer = client.post(url, {"reason": ""})

    assert "欧阳明月" not in answer.content.decode()
    assert 'id="id_reason_error"' in answer.content.decode()
    assert client.get(url).status_code == 405
    assert not AccessRecord.objects.exists()


def test_a_login_that_is_not_fresh_is_asked_for_again(officer: Account) -> None:
    person = make.member(name="欧阳明月")

    answer = desk(officer, fresh=False).post(
        reverse("admin:members_member_show", args=[person.pk]), {"reason": "asked"}
    )

    assert answer.status_code == 302
    assert "reauthenticate" in answer["Location"]
    assert not AccessRecord.objects.exists()


def test_the_verb_refuses_who_may_not_and_what_is_no_reason(officer: Account) -> None:
    person, at = make.member(), clock.now()

    with pytest.raises(Forbidden):
        actions.show_person(member_id=person.pk, reason="asked", by=make.staff("finance"), at=at)
    with pytest.raises(Invalid):
        actions.show_person(member_id=person.pk, reason="own", by=officer, at=at)
    Member.objects.filter(pk=person.pk).update(erased_at=at)
    with pytest.raises(NotNow):
        actions.show_person(member_id=person.pk, reason="asked", by=officer, at=at)
