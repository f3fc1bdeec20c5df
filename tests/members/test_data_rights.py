"""A copy of everything, and being forgotten: asked for, waited for, done, and never by mistake."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.models import ForeignKey

from assessments import actions as assessments
from assessments import providers
from assessments.models import Arrears
from claims import files
from claims.models import Claim, Evidence, Payee
from claims.states import Status
from jury.models import Juror
from members import actions, rights
from members.models import (
    AccessRecord,
    Account,
    DataExport,
    DataKey,
    Erasure,
    ErasureRequest,
    HouseholdLink,
    IdentityNumber,
    Mandate,
    Member,
    Membership,
    Notice,
)
from mutualaid import clock
from mutualaid.errors import Forbidden, NotNow, Refused
from tests import make

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def export_of(account: Account) -> DataExport:
    asked = actions.ask_export(account_id=account.pk, by=account, at=clock.now())
    actions.exports_due(at=clock.now())
    asked.refresh_from_db()
    return asked


def copy_of(account: Account) -> zipfile.ZipFile:
    with actions.open_export(export_id=export_of(account).pk, by=account, at=clock.now()) as file:
        return zipfile.ZipFile(io.BytesIO(file.read()))


def left(membership: Membership) -> Membership:
    """Out of the plan, with nothing left to pay."""
    actions.leave(membership_id=membership.pk, by=membership.payer, at=clock.now())
    clock.move_to(clock.now() + 4 * DAY, frozen=True)
    actions.leave_due(at=clock.now())
    return membership


def ask(member: Member, by: Account | None = None) -> ErasureRequest:
    by = by or make.guardian(member)
    return actions.ask_erasure(member_id=member.pk, by=by, at=clock.now())


def wait() -> int:
    clock.move_to(clock.now() + actions.HOLD_DAYS * DAY, frozen=True)
    return actions.erasures_due(at=clock.now())


# --- the copy


def test_the_copy_has_what_every_room_holds_for_people_and_for_programs() -> None:
    claim = make.claim(Status.REFUSED)
    account = make.guardian(claim.member)
    number = actions.open_id_number(
        member_id=claim.member_id, by=account, why="own", at=clock.now()
    )

    archive = copy_of(account)

    said = json.loads(archive.read("data.json"))
    [person] = said["people"]
    assert said["account"]["account"][0]["email"] == account.email
    assert person["person"][0]["id_number"] == number
    assert person["claims"][0]["story"] == make.STORY
    assert {row["answer"] for row in person["declarations"]} == {"没有"}
    assert person["decisions"][0]["reason"] == "没有看到第一项条件的证明。"
    page = archive.read("index.html").decode()
    for text in (number, make.STORY, claim.number, str(account.email)):
        assert text in page


def test_papers_lie_beside_as_they_were_kept() -> None:
    claim = make.claim(Status.SUBMITTED)
    account = make.guardian(claim.member)

    archive = copy_of(account)

    said = json.loads(archive.read("data.json"))["people"][0]["papers"]
    kept = {f"person-1/papers/{row['file']}" for row in said}
    assert kept == {name for name in archive.namelist() if "/papers/" in name}
    assert len(kept) == 2
    assert any(archive.read(name).startswith(b"%PDF-") for name in kept)


def test_who_has_not_agreed_is_not_in_it() -> None:
    account = make.account()
    make.member(account)
    make.member(account, name="林父", relation="parent")

    said = json.loads(copy_of(account).read("data.json"))

    assert [person["person"][0]["name"] for person in said["people"]] == ["林秀梅"]


def test_what_is_read_for_the_copy_is_recorded_and_so_is_its_download() -> None:
    membership = make.membership()

    copy_of(membership.payer)

    found = AccessRecord.objects.filter(member=membership.member)
    assert {"id_number", "declaration"} <= set(
        found.filter(why="export").values_list("what", flat=True)
    )
    assert found.filter(what="export", why="own").count() == 1


def test_the_copy_lies_sealed(settings: Any) -> None:
    membership = make.membership(name="林秀梅")

    export = export_of(membership.payer)

    kept = (Path(settings.EXPORT_DIR) / export.file.hex).read_bytes()
    assert b"PK\x03\x04" not in kept
    assert "林秀梅".encode() not in kept


def test_one_under_way_is_not_asked_for_twice_and_three_a_day_are_enough() -> None:
    account = make.account()

    first = actions.ask_export(account_id=account.pk, by=account, at=clock.now())
    again = actions.ask_export(account_id=account.pk, by=account, at=clock.now())
    for _ in range(3):
        export_of(account)

    assert first == again
    with pytest.raises(NotNow):
        actions.ask_export(account_id=account.pk, by=account, at=clock.now())


def test_nobody_else_gets_it() -> None:
    export, stranger = export_of(make.account()), make.account()

    with pytest.raises(Forbidden):
        actions.open_export(export_id=export.pk, by=stranger, at=clock.now())
    with pytest.raises(Forbidden):
        actions.ask_export(account_id=export.account_id, by=stranger, at=clock.now())


def test_after_seven_days_it_is_gone(settings: Any) -> None:
    account = make.account()
    export = export_of(account)
    clock.move_to(clock.now() + 7 * DAY, frozen=True)

    with pytest.raises(NotNow):
        actions.open_export(export_id=export.pk, by=account, at=clock.now())
    with make.sent_at_once():
        actions.exports_due(at=clock.now())

    export.refresh_from_db()
    assert export.gone_at == clock.now()
    assert list(Path(settings.EXPORT_DIR).iterdir()) == []


def test_a_copy_that_fails_does_not_stop_the_others() -> None:
    broken = make.claim(Status.SUBMITTED)
    files.remove(Evidence.objects.values_list("file", flat=True))
    account, other = make.guardian(broken.member), make.account()
    actions.ask_export(account_id=account.pk, by=account, at=clock.now())
    actions.ask_export(account_id=other.pk, by=other, at=clock.now())

    with pytest.raises(FileNotFoundError):
        actions.exports_due(at=clock.now())

    assert DataExport.objects.get(account=other).made_at
    assert DataExport.objects.get(account=account).made_at is None


def test_one_that_was_killed_begins_again_and_is_whole(settings: Any) -> None:
    account = make.membership().payer
    asked = actions.ask_export(account_id=account.pk, by=account, at=clock.now())
    folder = Path(settings.EXPORT_DIR)
    folder.mkdir(parents=True)
    (folder / asked.file.hex).write_bytes(b"half")

    actions.exports_due(at=clock.now())

    with actions.open_export(export_id=asked.pk, by=account, at=clock.now()) as file:
        assert zipfile.ZipFile(io.BytesIO(file.read())).testzip() is None


def test_every_table_that_points_at_a_person_is_in_the_copy_or_left_out_for_a_reason(
    settings: Any,
) -> None:
    """A room that begins to hold something of people is noticed here."""
    in_copy = {
        "Account", "AccessRecord", "Appeal", "Arrears", "Claim", "ClaimEvent", "Decision",
        "Declaration", "Evidence", "ExamAttempt", "Finding", "HelpCall", "HelpRecord",
        "HouseholdLink", "Investigation", "JoinDraft", "Juror", "Mandate", "Member", "Membership",
        "Message", "Notice", "NoticePreference", "Objection", "Payee", "Payout", "PeriodCase",
        "Phone", "PreCheck", "Receipt", "RuleConsent", "Seat", "Share",
    }  # fmt: skip
    left_out = {
        "DataKey", "IdentityNumber",  # keys and hashes say nothing
        "DataExport", "Erasure", "ErasureRequest", "FamilyRequest", "Recovery",  # errands, seen on
        "CalendarFeed", "PayerChange", "NoticeCopy",  # their pages and in the messages
        "CriterionAnswer", "EvidenceRequest",  # in the decision's table and the claim's steps
        "Plan", "Rules", "SplitRun", "JournalEntry", "ImportRun", "Invitation",  # who did it
    }  # fmt: skip
    people = {"Account", "Member", "Membership", "Claim"}
    pointing = {
        model.__name__
        for model in apps.get_models()
        if model.__module__.split(".")[0] in {name.split(".")[0] for name in settings.DATA_RIGHTS}
        and any(
            isinstance(field, ForeignKey) and field.remote_field.model.__name__ in people
            for field in model._meta.get_fields()
        )
    }

    assert pointing - in_copy - left_out == set()


# --- being forgotten


def test_after_fourteen_days_nothing_sealed_opens_and_nothing_names_the_person() -> None:
    membership = left(make.membership())
    member, account = membership.member, membership.payer
    EmailAddress.objects.create(user=account, email=str(account.email), verified=True)
    ask(member)

    assert wait() == 1

    member.refresh_from_db()
    account.refresh_from_db()
    assert member.erased_at == clock.now()
    assert (member.name, bytes(member.id_number_sealed)) == ("*", b"")
    assert (member.birth_on.month, member.birth_on.day) == (1, 1)
    assert not DataKey.objects.filter(member=member).exists()
    assert not IdentityNumber.objects.filter(member=member).exists()
    assert not HouseholdLink.objects.exists()
    assert (account.email, account.is_active) == (None, False)
    assert not EmailAddress.objects.exists()
    assert not Mandate.objects.live(clock.today()).exists()
    with pytest.raises(NotNow):
        actions.open_declaration(
            declaration_id=membership.declaration_id, by=account, why="own", at=clock.now()
        )


def test_the_books_and_the_register_keep_numbers_alone() -> None:
    claim = make.claim(Status.WITHDRAWN)
    left(claim.membership)
    ask(claim.member)

    wait()

    claim.refresh_from_db()
    assert Membership.objects.get(pk=claim.membership_id).number == claim.membership.number
    assert claim.call_back == ""
    assert Erasure.objects.get().member_id == claim.member_id


def test_the_same_person_can_come_back_as_somebody_new() -> None:
    number, account = make.id_number(), make.account()
    person: dict[str, Any] = {"name": "林秀梅", "relation": "self", "id_number": number}
    old = actions.add_member(account_id=account.pk, by=account, at=clock.now(), **person)
    ask(old)
    wait()
    other = make.account()

    new = actions.add_member(account_id=other.pk, by=other, at=clock.now(), **person)

    assert new.pk != old.pk


def test_a_child_is_forgotten_and_the_parents_login_stays() -> None:
    account = make.account()
    make.member(account)
    child = make.member(account, name="林小", born=clock.today() - 900 * DAY, relation="child")
    ask(child)

    wait()

    account.refresh_from_db()
    assert account.is_active
    assert [link.member.name for link in account.household.all()] == ["林秀梅"]
    assert Notice.objects.filter(account=account, code="erasure_done").exists()


def test_it_can_be_taken_back_until_its_instant_and_no_later() -> None:
    member = make.member()
    wish, account = ask(member), make.guardian(member)
    clock.move_to(wish.due_at - timedelta(seconds=1), frozen=True)
    taken_back = actions.withdraw_erasure(request_id=wish.pk, by=account, at=clock.now())
    second = ask(member)
    clock.move_to(second.due_at, frozen=True)

    with pytest.raises(NotNow):
        actions.withdraw_erasure(request_id=second.pk, by=account, at=clock.now())

    assert taken_back.withdrawn_at
    assert actions.erasures_due(at=clock.now()) == 1


def test_nothing_happens_before_its_day_and_nothing_twice() -> None:
    member = make.member()
    wish = ask(member)
    clock.move_to(wish.due_at - timedelta(seconds=1), frozen=True)

    early = actions.erasures_due(at=clock.now())
    clock.move_to(wish.due_at, frozen=True)
    first, again = actions.erasures_due(at=clock.now()), actions.erasures_due(at=clock.now())

    assert (early, first, again) == (0, 1, 0)
    assert Erasure.objects.count() == 1


def test_a_second_wish_is_the_first() -> None:
    member = make.member()

    assert ask(member) == ask(member)


@pytest.mark.parametrize(
    "status", [Status.REPORTED, Status.INVESTIGATING, Status.PROPOSED, Status.APPEALED]
)
def test_an_undecided_claim_comes_first(status: Status) -> None:
    claim = make.claim(status)
    left(claim.membership)

    with pytest.raises(NotNow) as refusal:
        ask(claim.member)

    assert claim.number in str(refusal.value)


def test_an_open_membership_comes_first() -> None:
    membership = make.membership()

    with pytest.raises(NotNow):
        ask(membership.member)

    assert not ErasureRequest.objects.exists()


def test_a_benefit_comes_first_that_is_not_paid_out() -> None:
    claim = make.claim(Status.GRANTED)
    left(claim.membership)

    with pytest.raises(NotNow) as refusal:
        ask(claim.member)

    assert claim.number in str(refusal.value)


def test_a_period_that_counts_the_person_comes_first() -> None:
    period = make.disclosure(cases=1, members=2).period
    member = Membership.objects.open().filter(plan=period.plan).latest("pk")
    left(member)

    matters = rights.open_matters_of(member.member, clock.now())

    assert any(str(period.number) in sentence for sentence in matters)


def test_a_debt_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:

    period = make.disclosure(cases=1, members=2).period
    clock.move_to(period.split_at, frozen=True)
    assessments.split_due(at=clock.now())
    monkeypatch.setattr(providers, "current", lambda: providers.Sandbox(fail_per_100k=100_000))
    assessments.debit_due(at=clock.now())
    owed = Arrears.objects.earliest("pk")

    matters = rights.open_matters_of(owed.member, clock.now())

    assert any(f"{owed.amount_fen / 100:.2f}" in sentence for sentence in matters)


def test_a_juror_gives_up_the_office_first() -> None:
    membership = left(make.membership())
    Juror.objects.create(
        member=membership.member, account=membership.payer, certified_at=clock.now()
    )

    with pytest.raises(NotNow):
        ask(membership.member)


def test_who_acts_or_pays_for_others_hands_that_on_first() -> None:
    account = make.account()
    own = make.member(account)
    make.membership(
        member=make.member(account, name="林小", born=clock.today() - 900 * DAY, relation="child")
    )

    with pytest.raises(NotNow):
        ask(own)


def test_who_has_a_login_asks_themselves() -> None:
    member, family = make.member(), make.account()
    HouseholdLink.objects.create(
        account=family, member=member, relation="parent", made_at=clock.now(),
        consented_at=clock.now(), consent_way="account",
    )  # fmt: skip

    with pytest.raises(Forbidden):
        ask(member, by=family)
    with pytest.raises(Forbidden):
        ask(member, by=make.account())


def test_what_was_begun_meanwhile_stops_it() -> None:
    membership = left(make.membership())
    ask(membership.member)
    make.membership(make.plan(waiting_days=0), member=membership.member, joined=clock.now())

    assert wait() == 0

    assert not Erasure.objects.exists()
    assert Notice.objects.filter(code="erasure_stopped").exists()
    assert DataKey.objects.filter(member=membership.member).exists()


def test_papers_and_bank_accounts_go_too(settings: Any) -> None:
    claim = make.claim(Status.REFUSED)
    claim.refresh_from_db()
    left(claim.membership)
    Payee.objects.create(
        claim=claim, relation="self", holder="林秀梅", bank="工商银行", account_sealed=b"x",
        account_tail="1234", account_hash=b"h", given_by=claim.filed_by, given_at=clock.now(),
    )  # fmt: skip
    ask(claim.member)

    with make.sent_at_once():
        wait()

    assert [path for path in Path(settings.EVIDENCE_DIR).rglob("*") if path.is_file()] == []
    payee = Payee.objects.get()
    assert (payee.holder, payee.bank, payee.account_tail) == ("*", "", "")
    assert set(Evidence.objects.values_list("name", flat=True)) == {"*"}
    assert Claim.objects.get(pk=claim.pk).status == Status.REFUSED


def test_after_a_restore_the_list_forgets_again(settings: Any, tmp_path: Path) -> None:
    kept, forgotten = make.member(), make.member(name="林父")
    account = make.guardian(forgotten)
    tables = ("members_member", "members_datakey")
    ask(forgotten)
    with make.sent_at_once():
        wait()
    numbers = Path(settings.ERASURE_LIST).read_text()
    restored = make.membership(name="林母").member  # whom the backup still has in a plan

    Path(settings.ERASURE_LIST).write_text(f"{numbers}{restored.pk} {account.pk} x\n")
    with make.sent_at_once():
        call_command("replay_erasures", verbosity=0)

    assert set(numbers.split()[:2]) == {str(forgotten.pk), str(account.pk)}
    restored.refresh_from_db()
    assert restored.erased_at
    assert not Membership.objects.open().filter(member=restored).exists()
    assert set(DataKey.objects.values_list("member_id", flat=True)) == {kept.pk}
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT count(*) FROM {table} WHERE {table}::text LIKE '%%林母%%'")  # noqa: S608
            assert cursor.fetchone()[0] == 0


# --- two at once


def at_once(step: Callable[[], Any], times: int = 2) -> list[Any]:
    start = Barrier(times)

    def run(_number: int) -> Any:
        start.wait()
        try:
            return step()
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


@pytest.mark.django_db(transaction=True)
def test_two_workers_make_one_copy_and_it_is_whole() -> None:
    account = make.membership().payer
    asked = actions.ask_export(account_id=account.pk, by=account, at=clock.now())

    made = at_once(lambda: actions.exports_due(at=make.NOON))

    assert sum(made) == 1
    with actions.open_export(export_id=asked.pk, by=account, at=clock.now()) as file:
        assert zipfile.ZipFile(io.BytesIO(file.read())).testzip() is None


@pytest.mark.django_db(transaction=True)
def test_two_workers_forget_once() -> None:
    member = make.member()
    ask(member)
    clock.move_to(clock.now() + actions.HOLD_DAYS * DAY, frozen=True)
    at = clock.now()

    done = at_once(lambda: actions.erasures_due(at=at))

    assert sum(done) == 1
    assert Erasure.objects.get().member == member


@pytest.mark.django_db(transaction=True)
def test_who_joins_at_that_instant_is_in_the_plan_or_forgotten_and_never_both() -> None:
    member, plan = make.member(), make.plan()
    account = make.guardian(member)
    make.answers(member, plan)
    wish = ask(member)
    clock.move_to(wish.due_at, frozen=True)
    at, steps = clock.now(), count()

    def step() -> str:
        try:
            if next(steps):
                return str(actions.erasures_due(at=at))
            actions.join(member_id=member.pk, plan_id=plan.pk, by=account, at=at)
        except Refused:
            return "refused"
        return "joined"

    at_once(step)

    member.refresh_from_db()
    joined = Membership.objects.open().filter(member=member).exists()
    assert joined == (member.erased_at is None) == DataKey.objects.filter(member=member).exists()
