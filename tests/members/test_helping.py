"""The help line acts for a member: by a code that they read out, for a reason, on the record."""

from __future__ import annotations

import threading
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError, connection, transaction
from django.utils import translation

from members import actions, policies, rights, sms
from members.models import (
    Account,
    HelpCall,
    HelpRecord,
    HouseholdLink,
    Mandate,
    Membership,
    Notice,
    NoticePreference,
)
from mutualaid import clock
from mutualaid.errors import Forbidden, Invalid, NotNow, Refused
from tests import make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("english")]

REASON = "退出计划"
_phones = count(12_033_000_001)


@pytest.fixture(autouse=True)
def letters(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


def login() -> tuple[Account, str]:
    """A login by phone, and the number."""
    number = str(next(_phones))
    with translation.override("en"):  # a request leaves its own language behind
        make.browser_by_phone(number)
    account = actions.account_by_phone(number)
    assert account
    return account, number


def family(name: str = "林秀梅") -> tuple[Membership, str]:
    """A member who signs in by phone, and the number."""
    account, number = login()
    return make.membership(member=make.member(account, name=name)), number


def begin(term: str, account: Account, by: Account, reason: str = REASON) -> HelpCall:
    with make.sent_at_once():
        return actions.begin_help_call(
            term=term, account_id=account.pk, reason=reason, by=by, at=clock.now()
        )


def consent(call: HelpCall, code: str) -> HelpCall | None:
    return actions.consent_help_call(call_id=call.pk, code=code, by=call.by, at=clock.now())


def agreed(by: Account | None = None) -> tuple[HelpCall, Membership]:
    """A call in which the family has agreed, and the membership it is about."""
    membership, number = family()
    call = begin(number, membership.payer, by or make.staff("help_line"))
    done = consent(call, make.sms_code(number))
    assert done
    return done, membership


def act(call: HelpCall, verb: str, key: int) -> HelpRecord:
    return actions.act_in_call(
        call_id=call.pk, verb=verb, object_id=key, by=call.by, at=clock.now()
    )


def later(**time: int) -> None:
    clock.move_to(clock.now() + timedelta(**time), frozen=True)


def wrong(number: str) -> str:
    return f"{(int(make.sms_code(number)) + 1) % 10**6:06d}"


# --- the code


def test_the_code_goes_to_the_phone_of_the_login_and_says_who_asks_and_for_what() -> None:
    membership, number = family()

    call = begin(membership.number, membership.payer, make.staff("help_line"))

    said = sms.written(number)[-1]
    assert REASON in said
    assert "客服" in said, "in the member's language, not in that of the desk"
    assert call.consented_at is None
    assert call.until_at == clock.now() + timedelta(minutes=30)
    assert make.sms_code(number).encode() not in bytes(call.code_hash)


def test_it_speaks_the_language_that_the_member_chose() -> None:
    membership, number = family()
    NoticePreference.objects.create(account=membership.payer, language="en")

    with translation.override("zh-hans"):
        begin(number, membership.payer, make.staff("help_line"))

    assert "help line" in sms.written(number)[-1]


def test_without_a_phone_it_goes_to_the_address() -> None:
    membership = make.membership()
    email = str(membership.payer.email)

    call = begin(email, membership.payer, make.staff("help_line"))

    (letter,) = mail.outbox
    assert letter.to == [email]
    code = next(word for word in letter.body.split("验证码") if word[:6].isdigit())[:6]
    assert REASON in letter.body
    assert consent(call, code)


def test_a_login_that_nothing_can_be_sent_to_cannot_be_helped() -> None:
    membership = make.membership()
    Account.objects.filter(pk=membership.payer_id).update(email=None)

    with pytest.raises(NotNow, match="neither phone nor address"):
        begin(membership.number, membership.payer, make.staff("help_line"))


def test_each_thing_that_a_caller_can_tell_leads_to_the_login() -> None:
    membership, number = family()
    account = membership.payer
    id_number = actions.open_id_number(
        member_id=membership.member_id, by=account, why="own", at=clock.now()
    )

    for term in (number, id_number, membership.number):
        begin(term, account, make.staff("help_line"))
        later(days=2)

    assert account.help_calls.count() == 3


@pytest.mark.parametrize("term", ["林秀梅", "", "M000999999", "12000000000"])
def test_what_does_not_lead_to_the_login_begins_nothing(term: str) -> None:
    membership, _number = family()

    with pytest.raises(Invalid) as refusal:
        begin(term, membership.payer, make.staff("help_line"))

    assert refusal.value.field == "account"
    assert not HelpCall.objects.exists()


@pytest.mark.parametrize(
    "reason",
    ["", "abc", "x" * 61, "call 4008123456", "see www.example", "open http://a", "a.cn now"],
)
def test_the_reason_is_written_and_carries_no_number_and_no_page(reason: str) -> None:
    membership, number = family()
    sent = len(sms.written(number))

    with pytest.raises(Invalid) as refusal:
        begin(number, membership.payer, make.staff("help_line"), reason)

    assert refusal.value.field == "reason"
    assert len(sms.written(number)) == sent


def test_asking_again_and_again_waits_longer_and_longer() -> None:
    membership, number = family()
    by = make.staff("help_line")

    begin(number, membership.payer, by)
    with pytest.raises(NotNow):
        begin(number, membership.payer, by)
    later(minutes=1)
    begin(number, membership.payer, by)
    later(minutes=1)
    with pytest.raises(NotNow):
        begin(number, membership.payer, make.staff("help_line"))


def test_whoever_helps_one_family_helps_no_other() -> None:
    call, _membership = agreed()
    other, number = family("赵一")

    begin(number, other.payer, call.by)

    call.refresh_from_db()
    assert call.closed_at == clock.now()


# --- consent


def test_the_member_agrees_by_the_code_and_is_told() -> None:
    call, membership = agreed()

    assert call.consented_at == clock.now()
    notice = membership.payer.notices.get(code="help_began")
    assert notice.facts["reason"] == REASON
    assert str(call.by.display_name) in str(notice.facts["who"])


def test_a_wrong_code_counts_and_the_fifth_ends_the_call() -> None:
    membership, number = family()
    call = begin(number, membership.payer, make.staff("help_line"))

    for _try in range(4):
        assert consent(call, wrong(number)) is None
    call.refresh_from_db()
    assert (call.tries, call.closed_at) == (4, None)
    assert consent(call, wrong(number)) is None

    call.refresh_from_db()
    assert (call.tries, call.closed_at) == (5, clock.now())
    with pytest.raises(NotNow):
        consent(call, make.sms_code(number))


def test_after_four_wrong_ones_the_right_one_still_counts() -> None:
    membership, number = family()
    call = begin(number, membership.payer, make.staff("help_line"))
    for _try in range(4):
        consent(call, wrong(number))

    assert consent(call, make.sms_code(number))


def test_many_wrong_codes_of_one_helper_wait_whatever_the_family() -> None:
    by = make.staff("help_line")
    for _family in range(3):
        membership, number = family()
        call = begin(number, membership.payer, by)
        for _try in range(5 if _family < 2 else 1):
            consent(call, wrong(number))

    with pytest.raises(NotNow, match="tried often"):
        consent(call, make.sms_code(number))


def test_the_code_counts_ten_minutes_to_the_instant() -> None:
    membership, number = family()
    call = begin(number, membership.payer, make.staff("help_line"))

    clock.move_to(call.asked_at + timedelta(minutes=10), frozen=True)
    with pytest.raises(NotNow, match="no longer counts"):
        consent(call, make.sms_code(number))

    clock.move_to(call.asked_at + timedelta(minutes=10, microseconds=-1), frozen=True)
    assert consent(call, make.sms_code(number))


def test_the_code_of_one_call_opens_no_other() -> None:
    membership, number = family()
    first = begin(number, membership.payer, make.staff("help_line"))
    code = make.sms_code(number)
    later(minutes=1)
    second = begin(number, membership.payer, make.staff("help_line"))

    assert consent(second, code) is None
    assert consent(first, code)


def test_only_who_began_the_call_goes_on_with_it() -> None:
    membership, number = family()
    call = begin(number, membership.payer, make.staff("help_line"))
    other = make.staff("help_line")

    for verb, more in (
        ("consent_help_call", {"code": make.sms_code(number)}),
        ("close_help_call", {}),
    ):
        with pytest.raises(Forbidden):
            getattr(actions, verb)(call_id=call.pk, by=other, at=clock.now(), **more)
    with pytest.raises(Forbidden):
        actions.act_in_call(
            call_id=call.pk, verb="leave", object_id=membership.pk, by=other, at=clock.now()
        )


# --- who may


@pytest.mark.parametrize("role", ["adjuster", "reviewer", "finance", "data_officer"])
def test_only_the_help_line_begins_a_call(role: str) -> None:
    membership, number = family()

    with pytest.raises(Forbidden):
        begin(number, membership.payer, make.staff(role))


def test_a_member_with_nothing_but_a_login_begins_none() -> None:
    membership, number = family()

    with pytest.raises(Forbidden):
        begin(number, membership.payer, make.account())


@pytest.mark.parametrize("near", ["the member", "somebody who shares a login with them"])
def test_nobody_helps_their_own_family(near: str) -> None:
    membership, number = family()
    by = make.staff("help_line")
    person = membership.member
    if near != "the member":
        person = make.member(make.account(), name="林大山", relation="parent")
        brother = make.guardian(person)
        _link(brother, membership.member_id)
    _link(by, person.pk)

    with pytest.raises(Forbidden, match="your own family"):
        begin(number, membership.payer, by)


def _link(account: Account, member_id: int) -> None:
    HouseholdLink.objects.create(
        account=account, member_id=member_id, relation="parent", made_at=clock.now()
    )


def test_a_login_of_the_staff_is_helped_by_nobody() -> None:
    membership, number = family()
    Account.objects.filter(pk=membership.payer_id).update(is_staff=True)

    with pytest.raises(Forbidden):
        begin(number, membership.payer, make.staff("help_line"))


def test_whoever_loses_the_role_in_the_middle_does_nothing_more() -> None:
    call, membership = agreed()
    call.by.groups.clear()
    call.by = Account.objects.get(pk=call.by_id)

    with pytest.raises(Forbidden):
        act(call, "leave", membership.pk)


# --- what is done


def test_the_help_line_leaves_for_a_member_and_it_stands_on_the_record() -> None:
    call, membership = agreed()

    record = act(call, "leave", membership.pk)

    membership.refresh_from_db()
    assert membership.leaving_at is not None
    assert (record.call, record.member, record.verb) == (call, membership.member, "leave")
    notice = membership.payer.notices.get(code="help_did_for")
    assert notice.facts["what_en"] == "leaving the plan"
    assert "林**" in str(notice.facts["name"])
    assert membership.payer.notices.filter(code="leaving").exists()


def test_each_thing_of_the_list_can_be_done_and_nothing_twice() -> None:
    call, membership = agreed()
    mandate = Mandate.objects.get(account=membership.payer)

    act(call, "leave", membership.pk)
    with pytest.raises(NotNow):
        act(call, "leave", membership.pk)
    act(call, "keep", membership.pk)
    with pytest.raises(NotNow):
        act(call, "keep", membership.pk)
    act(call, "revoke_mandate", mandate.pk)
    with pytest.raises(NotNow):
        act(call, "revoke_mandate", mandate.pk)

    verbs = list(call.records.order_by("pk").values_list("verb", flat=True))
    assert verbs == ["leave", "keep", "revoke_mandate"]
    assert HelpRecord.objects.get(verb="revoke_mandate").member is None


def test_a_joining_is_undone_while_its_days_last() -> None:
    account, number = login()
    person = make.member(account)
    membership = make.membership(member=person, joined=clock.now())
    call = begin(number, membership.payer, make.staff("help_line"))
    consent(call, make.sms_code(number))

    act(call, "undo_join", membership.pk)

    membership.refresh_from_db()
    assert membership.end_reason == Membership.End.UNDONE


def test_the_wish_to_be_forgotten_is_taken_back() -> None:
    account, number = login()
    person = make.member(account)
    wish = actions.ask_erasure(member_id=person.pk, by=account, at=clock.now())
    call = begin(number, account, make.staff("help_line"))
    consent(call, make.sms_code(number))

    act(call, "withdraw_erasure", wish.pk)

    wish.refresh_from_db()
    assert wish.withdrawn_at == clock.now()


@pytest.mark.parametrize(
    "verb",
    ["join", "give_mandate", "save_answer", "ask_erasure", "set_phone", "end_membership", ""],
)
def test_what_is_not_on_the_list_cannot_be_done(verb: str) -> None:
    call, membership = agreed()

    with pytest.raises(Forbidden):
        act(call, verb, membership.pk)

    assert not HelpRecord.objects.exists()


def test_every_other_verb_refuses_the_help_line_even_in_a_call() -> None:
    call, membership = agreed()
    behalf: Any = policies.OnBehalf(call)

    for verb in (actions.read_rules, actions.agree_payment, actions.join, actions.draft_answers):
        with pytest.raises(Forbidden):
            verb(
                member_id=membership.member_id, plan_id=membership.plan_id, by=behalf,
                at=clock.now(),
            )  # fmt: skip
    with pytest.raises(Forbidden):
        actions.give_mandate(
            account_id=call.account_id, plan_id=membership.plan_id, by=behalf, at=clock.now(),
            anew=True,
        )  # fmt: skip


def test_what_belongs_to_another_family_is_as_missing_as_what_is_not_there() -> None:
    call, _membership = agreed()
    other, _number = family("赵一")
    mandate = Mandate.objects.get(account=other.payer)
    said = set()

    for verb, key in (
        ("leave", other.pk), ("leave", 999_999), ("keep", other.pk), ("undo_join", other.pk),
        ("revoke_mandate", mandate.pk), ("revoke_mandate", 999_999), ("withdraw_erasure", 999_999),
        ("object_to_recovery", 999_999),
    ):  # fmt: skip
        with pytest.raises(Forbidden) as refusal:
            act(call, verb, key)
        said.add(str(refusal.value))

    assert len(said) == 1
    assert not HelpRecord.objects.exists()


def test_before_the_member_has_agreed_nothing_can_be_done() -> None:
    membership, number = family()
    call = begin(number, membership.payer, make.staff("help_line"))

    with pytest.raises(NotNow, match="has not agreed"):
        act(call, "leave", membership.pk)


def test_after_half_an_hour_the_call_is_over_to_the_instant() -> None:
    call, membership = agreed()

    clock.move_to(call.until_at, frozen=True)
    with pytest.raises(NotNow, match="over"):
        act(call, "leave", membership.pk)
    clock.move_to(call.until_at - timedelta(microseconds=1), frozen=True)
    assert act(call, "leave", membership.pk)


def test_the_verb_itself_looks_at_the_clock_too() -> None:
    call, membership = agreed()
    clock.move_to(call.until_at, frozen=True)

    with pytest.raises(NotNow, match="over"):
        actions.leave(membership_id=membership.pk, by=policies.OnBehalf(call), at=clock.now())


def test_a_call_that_was_closed_is_over() -> None:
    call, membership = agreed()
    actions.close_help_call(call_id=call.pk, by=call.by, at=clock.now())

    with pytest.raises(NotNow):
        act(call, "leave", membership.pk)
    with pytest.raises(NotNow):
        actions.close_help_call(call_id=call.pk, by=call.by, at=clock.now())


def test_the_end_by_the_clock_is_written_when_it_is_due() -> None:
    call, _membership = agreed()

    later(minutes=29)
    assert actions.help_calls_due(at=clock.now()) == 0
    later(hours=1)
    assert actions.help_calls_due(at=clock.now()) == 1
    assert actions.help_calls_due(at=clock.now()) == 0

    call.refresh_from_db()
    assert call.closed_at == call.until_at


# --- the record


def test_what_is_refused_leaves_no_record() -> None:
    call, membership = agreed()
    later(minutes=1)
    actions.leave(membership_id=membership.pk, by=membership.payer, at=clock.now())

    with pytest.raises(NotNow):
        act(call, "leave", membership.pk)

    assert not HelpRecord.objects.exists()


def test_what_cannot_be_recorded_is_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    call, membership = agreed()

    def broken(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(HelpRecord.objects, "create", broken)
    with pytest.raises(RuntimeError):
        act(call, "leave", membership.pk)

    membership.refresh_from_db()
    assert membership.leaving_at is None
    assert not Notice.objects.filter(code="leaving").exists()


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"reason": ""}, "help_call_has_a_reason"),
        ({"tries": 6}, "help_call_few_tries"),
        ({"consented_at": make.NOON - timedelta(seconds=1)}, "help_call_consented_in_time"),
        ({"consented_at": make.NOON + timedelta(minutes=30)}, "help_call_consented_in_time"),
        ({"closed_at": make.NOON - timedelta(seconds=1)}, "help_call_closed_in_time"),
        ({"until_at": make.NOON}, "help_call_ends"),
    ],
)
def test_the_database_refuses(change: dict[str, object], constraint: str) -> None:
    membership, number = family()
    call = begin(number, membership.payer, make.staff("help_line"))

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        HelpCall.objects.filter(pk=call.pk).update(**change)


def test_a_person_with_a_login_of_their_own_is_told_too() -> None:
    call, membership = agreed()
    daughter = make.account()
    own = HouseholdLink.objects.get(account=membership.payer, member=membership.member)
    own.relation = "parent"
    own.save()
    HouseholdLink.objects.create(
        account=daughter, member=membership.member, relation="self", made_at=clock.now()
    )

    act(call, "leave", membership.pk)

    told = Notice.objects.filter(code="help_did_for").values_list("account_id", flat=True)
    assert set(told) == {membership.payer_id, daughter.pk}


def test_the_copy_of_the_data_says_who_helped_why_and_what_was_done() -> None:
    call, membership = agreed()
    act(call, "leave", membership.pk)

    (section,) = [
        s for s in rights.sections(membership.payer, None, clock.now()) if s.code == "help_calls"
    ]

    (row,) = section.rows
    assert row["reason"] == REASON
    assert row["did"] == "leaving the plan (林秀梅)"
    assert call.by.staff_number in str(row["by"])


def test_of_who_is_forgotten_no_reason_stays() -> None:
    account, number = login()
    person = make.member(account)
    call = begin(number, account, make.staff("help_line"))
    actions.ask_erasure(member_id=person.pk, by=account, at=clock.now())
    later(days=15)

    actions.erasures_due(at=clock.now())

    call.refresh_from_db()
    assert call.reason == "*"


# --- two at once


def at_once(*work: Any) -> list[str]:
    """Each in a thread with a connection of its own: "done", or the name of the refusal."""
    start, said = threading.Barrier(len(work)), []

    def run(each: Any) -> None:
        try:
            start.wait()
            each()
            said.append("done")
        except Refused as refusal:
            said.append(type(refusal).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(each,)) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(said)


@pytest.mark.django_db(transaction=True)
def test_two_presses_at_once_do_it_once_and_record_it_once() -> None:
    call, membership = agreed()

    said = at_once(*[lambda: act(call, "leave", membership.pk)] * 2)

    assert said == ["NotNow", "done"]
    assert HelpRecord.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_closing_and_acting_at_once_is_one_after_the_other() -> None:
    call, membership = agreed()

    def close() -> None:
        actions.close_help_call(call_id=call.pk, by=call.by, at=clock.now())

    said = at_once(close, lambda: act(call, "leave", membership.pk))

    membership.refresh_from_db()
    done = membership.leaving_at is not None
    assert said == (["done", "done"] if done else ["NotNow", "done"])
    assert HelpRecord.objects.count() == int(done)


@pytest.mark.django_db(transaction=True)
def test_two_calls_begun_at_once_send_one_code() -> None:
    membership, number = family()
    people = [make.staff("help_line"), make.staff("help_line")]
    sent = len(sms.written(number))

    def ask(by: Account) -> None:
        actions.begin_help_call(
            term=number, account_id=membership.payer_id, reason=REASON, by=by, at=clock.now()
        )

    said = at_once(*[partial(ask, by) for by in people])

    assert said == ["NotNow", "done"]
    assert len(sms.written(number)) == sent + 1


@pytest.mark.django_db(transaction=True)
def test_guesses_at_once_are_each_counted() -> None:
    membership, number = family()
    call = begin(number, membership.payer, make.staff("help_line"))
    guess = wrong(number)

    at_once(*[lambda: consent(call, guess)] * 6)

    call.refresh_from_db()
    assert call.tries == 5
