"""Lists of members that a co-operative brings."""

from __future__ import annotations

import csv
import json
from contextlib import nullcontext
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections

from members import actions, bulk_import, phones, places
from members.actions import ends, importing
from members.models import (
    Account,
    Declaration,
    HouseholdLink,
    IdentityNumber,
    ImportRun,
    JoinDraft,
    Mandate,
    Member,
    Membership,
    Notice,
    Phone,
    Plan,
    RuleConsent,
)
from mutualaid import clock, sealed_files, vault
from mutualaid.errors import Forbidden, Invalid, NotNow, Refused
from tests import make
from tests.members import lists
from tests.trials import seed, trials

pytestmark = pytest.mark.django_db


@pytest.fixture
def plan() -> Plan:
    return make.plan()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "list.csv"


def why(run: ImportRun) -> list[tuple[int, str]]:
    return [(int(found["line"]), found["problem"]) for found in lists.problems(run)]


# --- what becomes of a line


def test_a_line_becomes_a_membership_with_all_it_rests_on(file: Path, plan: Plan) -> None:
    lists.write(file, [lists.row(7, email="Lin@Example.org", payment_agreed_on="2021-11-30")])

    run = lists.read(file, plan)

    assert (run.stage, run.lines, run.good, run.bad) == ("done", 1, 1, 0)
    membership = Membership.objects.get()
    rules, member = plan.rules.get(), membership.member
    assert membership.plan == plan
    assert membership.rules == rules
    assert membership.joined_at == make.NOON
    assert membership.ended_at is None
    assert membership.covered_from == date(2021, 12, 1) + timedelta(days=rules.waiting_days)
    assert (member.name, member.birth_on, member.sex) == ("林七梅".replace("七", chr(0x4E07)),
                                                         make.BORN, "f")  # fmt: skip
    payer = membership.payer
    assert (payer.email, payer.has_usable_password()) == ("lin@example.org", False)
    assert payer.phone.tail == "0007"
    assert payer.phone.verified_at is None
    link = HouseholdLink.objects.get(member=member)
    assert (link.account, link.relation, link.consent_way) == (payer, "self", "self")
    consent = RuleConsent.objects.get(membership=membership)
    assert (consent.rules, consent.kind, consent.by) == (rules, "accepted", payer)
    mandate = Mandate.objects.get(account=payer)
    assert mandate.given_at == lists.midnight("2021-11-30")
    assert mandate.expires_on == date(2021, 11, 30) + timedelta(days=rules.mandate_days)


def test_what_is_sealed_by_the_import_opens_like_any_other(file: Path, plan: Plan) -> None:
    lists.write(file, [lists.row(7)])
    lists.read(file, plan)

    member, by = Member.objects.get(), make.staff("reviewer")
    number = actions.open_id_number(member_id=member.pk, by=by, why="compare", at=make.NOON)
    declaration = Declaration.objects.get()
    answers = actions.open_declaration(
        declaration_id=declaration.pk, by=by, why="compare", at=make.NOON
    )

    assert number == lists.number(7)
    assert answers == {"paper": "no"}
    assert declaration.question_set.code == "paper"
    assert bytes(declaration.digest) == places.digest(member.pk, places.written(answers))
    assert bytes(IdentityNumber.objects.get().id_hash) == places.id_hash(number)
    phone = Phone.objects.get()
    assert bytes(phone.number_hash) == places.phone_hash("12000000007")
    opened = vault.open_text(
        bytes(phone.number_sealed),
        key=bytes(phone.key_wrapped),
        member_id=phone.account_id,
        where=places.phone(phone.account_id),
    )
    assert opened == "12000000007"


def test_a_family_has_one_account_and_one_message(file: Path, plan: Plan) -> None:
    child = lists.number(3, date(2015, 2, 3))
    lists.write(file, [
        lists.row(1, family="A"),
        lists.row(2, family="A", phone="", relation="配偶", consent="书面"),
        lists.row(3, family="A", phone="", relation="子女", id_number=child),
        lists.row(4, family="B"),
    ])  # fmt: skip

    lists.read(file, plan)

    assert Account.objects.count() == 2
    links = HouseholdLink.objects.filter(account__phone__tail="0001").order_by("pk")
    assert [(link.relation, link.consent_way) for link in links] == [
        ("self", "self"), ("spouse", "paper"), ("child", "guardian"),
    ]  # fmt: skip
    told = Notice.objects.get(account__phone__tail="0001")
    assert told.facts["people"] == 3
    assert "3" in actions_title(told)
    assert not Mandate.objects.exists()


def actions_title(told: Notice) -> str:
    from members import notices

    return notices.render(told.code, told.facts)[0]


def test_days_waited_before_count_only_if_the_line_says_so(file: Path, plan: Plan) -> None:
    lists.write(file, [
        lists.row(1, waiting_since=lists.long_ago(40)),
        lists.row(2, waiting_since=lists.long_ago(4_000)),
        lists.row(3),
    ])  # fmt: skip

    lists.read(file, plan)

    days = [(m.covered_from - date(2021, 12, 1)).days for m in Membership.objects.order_by("pk")]
    assert days == [50, 0, 90]


def test_joining_earlier_is_possible_before_the_first_roster_alone(file: Path) -> None:
    young = make.plan(code="young")
    young.shares_from = date(2022, 1, 7)
    young.save()
    lists.write(file, [lists.row(1, joined_on="2021/06/01"), lists.row(2, joined_on="2018-12-31")])

    run = lists.read(file, young)

    membership = Membership.objects.get()
    assert membership.joined_at == lists.midnight("2021-06-01")
    assert membership.covered_from == date(2021, 6, 1) + timedelta(days=90)
    assert why(run)[0][0] == 3


def test_health_answers_may_have_columns_of_their_own(file: Path, plan: Plan) -> None:
    codes = list(plan.rules.get().question_set.questions.values_list("code", flat=True))
    header = [
        "姓名",
        "身份证号",
        "关系",
        "手机号",
        "规则版本",
        *[f"健康：{code}" for code in codes],
    ]
    with file.open("w", encoding="utf-8-sig") as out:
        table = csv.writer(out)
        table.writerow(header)
        for serial, answer in enumerate(["没有", "不确定", "有", ""]):
            who = lists.row(serial)
            last = [*["no"] * (len(codes) - 1), answer]
            table.writerow([who["name"], who["id_number"], "本人", who["phone"], "2019-01", *last])

    run = lists.read(file, plan)

    assert (run.good, run.bad) == (1, 3)
    assert Declaration.objects.get().question_set == plan.rules.get().question_set
    assert [line for line, _why in why(run)] == [3, 4, 5]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_files_come_in_several_ways(file: Path, plan: Plan, encoding: str, delimiter: str) -> None:
    lists.write(file, [lists.row(1)], encoding=encoding, delimiter=delimiter)

    assert lists.read(file, plan).good == 1


def test_gbk_is_read_if_its_chinese_headers_prove_it(file: Path, plan: Plan) -> None:
    header = [{"name": "姓名"}.get(name, name) for name in lists.COLUMNS]
    lists.write(file, [lists.row(1, name="林秀梅")], header=header, encoding="gb18030")

    run = lists.read(file, plan)

    assert run.good == 1
    assert Member.objects.get().name == "林秀梅"


# --- files that are no list


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "names no columns"),
        (b"name,id_number,relation,declared,rules,phone\n", "nobody"),
        (b"name,id_number\n1,2\n", "does not name"),
        (b"name,name,id_number,relation,declared,rules,phone\n", "twice"),
        (b"name,id_number,relation,declared,rules\n1,2,3,4,5\n", "phone number"),
        (b"PK\x03\x04\xff\xff\xff\n\x80\x81\n", "no text"),
        ("name,id_number,relation,declared,rules,phone\n林秀梅,,,,,\n".encode("gbk"), "UTF-8"),
    ],
)
@pytest.mark.usefixtures("english")
def test_what_is_no_list_is_refused_in_a_sentence(
    file: Path, plan: Plan, text: bytes, words: str
) -> None:
    file.write_bytes(text)

    with pytest.raises(Invalid, match=words):
        lists.read(file, plan)

    assert not ImportRun.objects.exists()


def test_staff_need_the_permission(file: Path, plan: Plan) -> None:
    lists.write(file, [lists.row(1)])

    for role, allowed in (("finance", False), ("data_officer", True)):
        with nullcontext() if allowed else pytest.raises(Forbidden):
            actions.begin_import(path=str(file), file_name="list.csv", plan_id=plan.pk,
                                 dry_run=True, by=make.staff(role), at=make.NOON)  # fmt: skip


def test_a_plan_that_is_closed_or_asks_for_a_score_takes_no_list(file: Path, plan: Plan) -> None:
    lists.write(file, [lists.row(1)])
    score = make.plan(code="score", admission="score", min_score=650)
    closed = make.plan(code="closed")
    closed.closed_on = date(2021, 12, 1)
    closed.save()

    for refused in (score, closed):
        with pytest.raises(NotNow):
            lists.read(file, refused)


# --- lines that are not taken


@pytest.mark.usefixtures("english")
def test_every_bad_line_is_named_with_its_reason(file: Path, plan: Plan) -> None:
    rows = [lists.row(n + 10, **spoilt) for n, spoilt in enumerate(lists.SPOILT)]
    lists.write(file, rows)
    with file.open("a") as out:
        out.write('\n"unclosed,\na,b\n' + "x" * 9_000 + "\n")

    run = lists.read(file, plan)

    assert run.good == 0
    assert run.bad == run.lines == len(rows) + 4
    found = lists.problems(run)
    assert [int(line["line"]) for line in found] == list(range(2, len(rows) + 6))
    assert all(line["problem"] and line["原因"] for line in found)
    assert any(line["problem"] != line["原因"] for line in found)
    assert not Member.objects.exists()
    assert not Account.objects.exists()


def test_the_file_of_problems_masks_numbers_and_holds_no_formula(file: Path, plan: Plan) -> None:
    number = lists.number(1)
    lists.write(file, [
        lists.row(1, name="=HYPERLINK(1)", relation="+cousin"),
        lists.row(2, name=number, relation="cousin"),
    ])  # fmt: skip
    with file.open("a") as out:
        out.write(f"{number},{number}\n")

    run = lists.read(file, plan)

    text = b"".join(actions.problems_file(run=run)).decode()
    assert number not in text
    assert "'=HYPERLINK" in text
    assert "'+cousin" in text
    assert f"{number[:2]}***" in text


def test_problems_lie_sealed(file: Path, plan: Plan, settings: Any) -> None:
    lists.write(file, [lists.row(1, name="林秀梅", relation="cousin")])

    lists.read(file, plan)

    kept = [path for path in Path(settings.IMPORT_DIR).rglob("*") if path.is_file()]
    assert len(kept) == 2
    assert not any("林秀梅".encode() in path.read_bytes() for path in kept)


def test_the_first_of_two_equal_people_comes_in(file: Path, plan: Plan) -> None:
    known = make.member()
    lists.write(file, [
        lists.row(1),
        lists.row(2, id_number=lists.number(1)),
        lists.row(3, phone=lists.row(1)["phone"]),
        lists.row(4, email=make.guardian(known).email or ""),
    ])  # fmt: skip

    for part in (1, 5_000):  # a dry run judges like the real one, whatever the parts
        run = lists.read(file, plan, dry_run=True, part_lines=part)
        assert [line for line, _why in why(run)] == [3, 4, 5]
    run = lists.read(file, plan, part_lines=1)

    assert [line for line, _why in why(run)] == [3, 4, 5]
    assert Membership.objects.count() == 1


def test_an_address_may_come_from_a_line_that_is_itself_bad(file: Path, plan: Plan) -> None:
    lists.write(file, [
        lists.row(1, family="A", name="林"),
        lists.row(2, family="A", phone="", relation="spouse", consent="paper"),
        lists.row(3, family="B", phone=""),
    ])  # fmt: skip

    run = lists.read(file, plan)

    assert [line for line, _why in why(run)] == [2, 4]
    assert Membership.objects.get().payer.phone.tail == "0001"


def test_a_plan_with_a_ceiling_takes_no_more(file: Path) -> None:
    small = make.plan(code="small", ceiling_members=3)
    lists.write(file, [lists.row(n) for n in range(5)])

    run = lists.read(file, small, part_lines=2)

    assert (run.good, run.bad) == (3, 2)


def test_a_dry_run_writes_nothing(file: Path, plan: Plan) -> None:
    lists.write(file, [lists.row(1), lists.row(2, name="林")])

    run = lists.read(file, plan, dry_run=True)

    assert (run.stage, run.good, run.bad) == ("done", 1, 1)
    assert not Member.objects.exists()
    assert not Account.objects.exists()
    assert lists.read(file, plan).good == 1


# --- again, and beside others


def test_the_same_file_again_is_recognised(file: Path, plan: Plan) -> None:
    lists.write(file, [lists.row(1)])
    lists.read(file, plan)

    with pytest.raises(NotNow, match="1"):
        lists.read(file, plan)

    assert Membership.objects.count() == 1


def test_a_file_that_changed_in_between_is_not_read_on(file: Path, plan: Plan) -> None:
    lists.write(file, [lists.row(1)])
    run = actions.begin_import(path=str(file), file_name="list.csv", plan_id=plan.pk,
                               dry_run=False, by=None, at=make.NOON)  # fmt: skip
    lists.write(file, [lists.row(2)])

    with pytest.raises(NotNow):
        actions.run_import(run_id=run.pk, at=make.NOON)

    run.refresh_from_db()
    assert run.stage == "failed"
    assert not Membership.objects.exists()


def test_a_run_left_in_the_middle_falls_due(
    file: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists.write(file, [lists.row(n) for n in range(10)])
    run = actions.begin_import(path=str(file), file_name="list.csv", plan_id=plan.pk,
                               dry_run=False, by=None, at=make.NOON)  # fmt: skip

    def killed(run: ImportRun) -> None:
        if run.done_lines >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        actions.run_import(run_id=run.pk, at=make.NOON, part_lines=2, told=killed)
    assert Membership.objects.count() == 4

    assert actions.imports_due(at=make.NOON) == 1

    run.refresh_from_db()
    assert (run.stage, run.good, Membership.objects.count()) == ("done", 10, 10)


def test_at_midnight_a_part_is_judged_again(
    file: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody is 59 when the part is read, and 60 when it is written."""
    birthday = date(1961, 12, 2)
    lists.write(file, [lists.row(1, id_number=lists.number(1, birthday)), lists.row(2)])
    clock.move_to(clock.midnight(date(2021, 12, 1)), frozen=True)
    write = importing._write_part

    def late(*args: Any) -> ImportRun:
        clock.move_to(clock.midnight(date(2021, 12, 2)), frozen=True)
        return write(*args)

    monkeypatch.setattr(importing, "_write_part", late)

    run = lists.read(file, plan)

    assert [line for line, _why in why(run)] == [2]
    assert clock.day(Membership.objects.get().joined_at) == date(2021, 12, 2)


@pytest.mark.django_db(transaction=True)
def test_who_joins_by_page_meanwhile_keeps_their_number(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page commits between the import's look at the registry and its COPY."""
    plan = make.plan()
    lists.write(file, [lists.row(n) for n in range(6)])
    by, looked = make.account(), bulk_import.known
    done: list[int] = []

    def join_by_page() -> None:
        actions.add_member(account_id=by.pk, name="林秀梅", id_number=lists.number(3),
                           relation="self", by=by, at=make.NOON)  # fmt: skip
        connections.close_all()

    def slow(*args: Any, **kwargs: Any) -> set[str]:
        found = looked(*args, **kwargs)
        if not done:
            done.append(1)
            thread = Thread(target=join_by_page)
            thread.start()
            thread.join()
        return found

    monkeypatch.setattr(bulk_import, "known", slow)

    run = lists.read(file, plan)

    assert (run.good, run.bad) == (5, 1)
    assert [line for line, _why in why(run)] == [5]
    assert by.household.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_who_begin_the_same_file_read_it_once(file: Path) -> None:
    plan = make.plan()
    lists.write(file, [lists.row(n) for n in range(40)])
    done: list[int] = []

    def begin() -> None:
        try:
            done.append(lists.read(file, plan, part_lines=5).good)
        except NotNow:
            done.append(-1)
        connections.close_all()

    threads = [Thread(target=begin) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ImportRun.objects.count() == 1
    assert Membership.objects.count() == 40
    assert sorted(done)[-1] == 40
    assert len(done) == 2


# --- many


@pytest.mark.trials
def test_good_and_bad_lines_mixed_lose_nothing_and_guess_nothing(file: Path, plan: Plan) -> None:
    rows = lists.mixed(trials(100_000), seed())
    lists.write(file, [row for row, _good in rows])

    run = lists.read(file, plan)

    expected = {n for n, (_row, good) in enumerate(rows, start=2) if not good}
    bad = {line for line, _why in why(run)}
    homeless = bad - expected
    assert expected <= bad
    assert run.good + run.bad == run.lines == len(rows)
    assert len(bad) == run.bad
    assert Membership.objects.count() == run.good == Member.objects.count()
    assert HouseholdLink.objects.count() == IdentityNumber.objects.count() == run.good
    for line in homeless:  # the only line of a family that names its phone may be the cut-off one
        assert not rows[line - 2][0]["phone"]


@pytest.mark.usefixtures("english")
def test_the_import_says_what_the_verbs_say(file: Path, plan: Plan) -> None:
    """A sample of lines once through the pages' verbs and once through the list."""
    rows = [
        lists.row(1),
        lists.row(2, name="林"),
        lists.row(3, id_number="330102198505051234"),
        lists.row(4, id_number="330102850505123"),
        lists.row(5, id_number=lists.number(5, date(1961, 12, 1))),
        lists.row(6, id_number=lists.number(6, date(1961, 12, 2))),
        lists.row(7, id_number=lists.number(7, date(2021, 11, 2))),
        lists.row(8, id_number=lists.number(8, date(2021, 11, 1))),
        lists.row(9, id_number=lists.number(9, date(2021, 12, 2))),
    ]
    singly = [_by_page(row, plan) for row in rows]
    for model in (JoinDraft,):
        model.objects.all().delete()
    other = [row | {"id_number": _next_serial(row["id_number"])} for row in rows]
    lists.write(file, other)

    said = dict(why(lists.read(file, plan)))

    assert [said.get(n + 2, "") for n in range(len(rows))] == singly
    assert 3 < len(said) < len(rows)


def _by_page(row: dict[str, str], plan: Plan) -> str:
    by, at = make.account(), clock.now()
    try:
        member = actions.add_member(account_id=by.pk, name=row["name"], id_number=row["id_number"],
                                    relation="self", by=by, at=at)  # fmt: skip
        make.answers(member, plan)
        actions.join(member_id=member.pk, plan_id=plan.pk, by=by, at=at)
    except Refused as error:
        return str(error)
    return ""


def _next_serial(number: str) -> str:
    """Another number of the same day of birth; a wrong one stays as it is."""
    from members import rules

    if len(number) != 18 or rules.check_character(number[:17]) != number[17]:
        return number
    body = f"{number[:4]}{int(number[4:6]) + 1:02d}{number[6:17]}"
    return body + rules.check_character(body)


# --- the command


def test_the_command_reports_in_numbers(file: Path, plan: Plan) -> None:
    lists.write(file, [lists.row(1), lists.row(2, name="林")])
    out = StringIO()

    call_command("import_members", str(file), plan="critical", json=True, stdout=out)

    found = json.loads(out.getvalue())
    assert (found["lines"], found["good"], found["bad"]) == (2, 1, 1)
    assert Path(found["errors"]).read_bytes().startswith(b"\xef\xbb\xbf")


def test_the_command_refuses_in_a_sentence(file: Path, plan: Plan) -> None:
    file.write_text("name\n1\n")

    with pytest.raises(CommandError, match="does not name"):
        call_command("import_members", str(file), plan="critical")
    with pytest.raises(CommandError, match="no plan"):
        call_command("import_members", str(file), plan="none")


# --- small parts


def test_a_sealed_list_is_read_from_any_byte(tmp_path: Path) -> None:
    path, plain = tmp_path / "sealed", bytes(range(256)) * 1_000
    writer = sealed_files.SealedWriter(path)
    for start in range(0, len(plain), 7_777):
        writer.write(plain[start : start + 7_777])
    writer.close()

    with sealed_files.open_file(path) as file:
        assert file.read() == plain
        for at in (0, 1, 65_535, 65_536, 200_001, len(plain), len(plain) + 9):
            file.seek(at)
            assert file.read(99) == plain[at : at + 99]
    assert plain[:64] not in path.read_bytes()


def test_a_sealed_list_that_is_cut_off_does_not_open(tmp_path: Path) -> None:
    path = tmp_path / "sealed"
    writer = sealed_files.SealedWriter(path)
    writer.write(b"x" * 200_000)
    writer.close()
    path.write_bytes(path.read_bytes()[: -4 * 10_000])

    with pytest.raises(vault.SealBroken), sealed_files.open_file(path) as file:
        file.read()


@pytest.mark.parametrize(
    ("text", "number"),
    [("13812345678", "13812345678"), ("+86 138-1234-5678", "13812345678"),
     ("0086１３８12345678", "13812345678"), ("12812345678", None), ("1381234567", None)],
)  # fmt: skip
def test_a_phone_number_is_read_however_it_is_spaced(text: str, number: str | None) -> None:
    if number is None:
        with pytest.raises(ValueError, match="11"):
            phones.normal(text, allow_demo=False)
    else:
        assert phones.normal(text, allow_demo=False) == number


def test_the_rows_of_an_import_are_columns_of_their_tables() -> None:
    with connection.cursor() as cursor:
        for table, columns in bulk_import.COLUMNS.items():
            cursor.execute(f"SELECT {columns} FROM members_{table} WHERE false")  # noqa: S608


def test_waiting_is_longer_for_who_joins_later_in_life() -> None:
    rules = make.plan(code="older", waiting_longer_from_age=40, waiting_longer_days=365).rules.get()

    assert ends.waiting_days(rules, date(1981, 12, 2), date(2021, 12, 1)) == 90
    assert ends.waiting_days(rules, date(1981, 12, 1), date(2021, 12, 1)) == 365
