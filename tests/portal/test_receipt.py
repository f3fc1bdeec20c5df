"""The receipt of joining as a PDF: asked for, made by a worker, for the family alone."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread

import pikepdf
import pypdfium2
import pytest
from django.conf import settings
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from members import actions, receipts, rights, rulebook
from members.models import AccessRecord, Membership, Receipt
from mutualaid import clock, pdf
from mutualaid.errors import Forbidden, Invalid, NotNow
from tests import make

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parent.parent.parent


def ask(membership: Membership, language: str = "zh-hans") -> Receipt:
    return actions.ask_receipt(
        membership_id=membership.pk, language=language, by=membership.payer, at=clock.now()
    )


def paper(membership: Membership, language: str = "zh-hans") -> bytes:
    receipt = ask(membership, language)
    actions.receipts_due(at=clock.now())
    return actions.open_receipt(
        receipt_id=receipt.pk, by=membership.payer, why="own", at=clock.now()
    )


def text_of(content: bytes) -> str:
    document = pypdfium2.PdfDocument(content)
    found = "\n".join(page.get_textpage().get_text_range() for page in document)
    return "".join(found.split())


def browser(membership: Membership) -> Client:
    client = Client()
    client.force_login(membership.payer)
    return client


def url(name: str, membership: Membership) -> str:
    return reverse(f"portal:{name}", args=[membership.number])


# --- what stands on it


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_page_and_paper_have_the_same_lines(language: str) -> None:
    membership = make.membership()
    client = browser(membership)
    client.cookies["django_language"] = language

    page = client.get(url("joined", membership))
    said = text_of(paper(membership, language))

    lines = [row for part in page.context["parts"] for row in part.rows]
    assert len(lines) >= 13
    for row in lines:
        for words in (row.label, row.value, row.code):
            assert "".join(words.split()) in said, words
            assert escape(words) in page.content.decode(), words


def test_it_says_what_it_has_to() -> None:
    membership = make.membership()
    said = text_of(paper(membership))

    for words in (
        membership.number,
        "林**",
        membership.plan.name,
        membership.rules.version,
        rulebook.digest(membership.rules),
        membership.declaration.question_set.code,
        bytes(membership.declaration.digest).hex(),
        settings.HELP_PHONE,
        "2021年8月30日",  # covered from
        "2021年6月8日",  # undone until
        "退出",
    ):
        assert "".join(words.split()) in said, words


def test_it_says_no_more_than_it_needs() -> None:
    membership = make.membership()
    member, by = membership.member, membership.payer
    number = actions.open_id_number(member_id=member.pk, by=by, why="own", at=clock.now())

    made = paper(membership)

    said = text_of(made) + str(pypdfium2.PdfDocument(made).get_metadata_dict())
    for words in (member.name, number, number[6:14], "1985", str(by.email)):
        assert words not in said
    assert "没有" not in said.replace("没有理由", "")


def test_later_rules_and_a_revoked_agreement_change_no_receipt() -> None:
    membership = make.membership()
    before = receipts.parts(membership)
    make.new_rules(membership.plan, clock.today() + timedelta(days=31), waiting_days=30)
    mandate = membership.payer.mandates.get()
    actions.revoke_mandate(mandate_id=mandate.pk, by=membership.payer, at=clock.now())

    after = receipts.parts(Membership.objects.get(pk=membership.pk))

    assert after == before


def test_the_fingerprint_of_the_rules_is_of_every_term_and_stands_on_their_page() -> None:
    membership = make.membership()
    rules = membership.rules
    digest = rulebook.digest(rules)

    page = Client().get(
        reverse("portal:rules_version", args=[membership.plan.code, rules.version])
    ).content.decode()  # fmt: skip
    rules.annual_cap_fen = 99

    assert digest in page
    assert rulebook.digest(rules) != digest


# --- the paper itself


def test_the_paper_is_tagged_has_its_fonts_with_it_and_a_language() -> None:
    membership = make.membership()
    for language, written in (("zh-hans", "zh-Hans"), ("en", "en")):
        with pikepdf.open(io.BytesIO(paper(membership, language))) as document:
            assert str(document.Root.Lang) == written
            assert document.Root.MarkInfo.Marked
            assert membership.number in str(document.docinfo["/Title"])
            with document.open_metadata() as metadata:
                assert metadata["pdfuaid:part"] == "1"
            for page in document.pages:
                for font in page.Resources.Font.values():
                    described = font.DescendantFonts[0].FontDescriptor
                    assert "/FontFile2" in described or "/FontFile3" in described


def test_hostile_words_of_a_plan_stay_text(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make.plan()
    plan.name_zh = '<link rel="attachment" href="file:///etc/passwd">计划'
    plan.save(update_fields=["name_zh"])

    made = paper(make.membership(plan))

    assert b"EmbeddedFile" not in made
    assert "file:///etc/passwd" in text_of(made)


# --- asked for, made, opened


def test_the_page_asks_waits_and_hands_it_out() -> None:
    membership = make.membership()
    client = browser(membership)

    before = client.get(url("joined", membership))
    client.post(url("receipt", membership))
    waiting = client.get(url("joined", membership))
    early = client.get(url("receipt", membership))
    actions.receipts_due(at=clock.now())
    ready = client.get(url("joined", membership))
    handed = client.get(url("receipt", membership))

    assert "hx-trigger" not in before.content.decode()
    assert 'hx-trigger="every 2s"' in waiting.content.decode()
    assert '<noscript><meta http-equiv="refresh"' in waiting.content.decode()
    assert early.status_code == 409
    assert "hx-trigger" not in ready.content.decode()
    assert url("receipt", membership) in ready.content.decode()
    assert handed.content.startswith(b"%PDF")
    assert membership.number in handed["Content-Disposition"]
    assert "no-store" in handed["Cache-Control"]
    record = AccessRecord.objects.get(what="receipt")
    assert (record.by, record.why) == (membership.payer, "own")


def test_a_request_makes_no_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(html: str) -> bytes:
        raise AssertionError("a page renders a PDF")

    monkeypatch.setattr(pdf, "render", never)
    membership = make.membership()
    client = browser(membership)

    client.post(url("receipt", membership))
    client.get(url("joined", membership))
    client.get(url("receipt", membership))

    assert Receipt.objects.get().made_at is None


def test_another_family_does_not_learn_that_it_exists() -> None:
    membership, stranger = make.membership(), make.account()
    paper(membership)
    client = Client()
    client.force_login(stranger)

    for path in (
        url("receipt", membership),
        f"/api/v1/cover/{membership.number}/receipts/zh-hans/file/",
        f"/api/v1/cover/{membership.number}/receipts/",
    ):
        assert client.get(path).status_code == 404, path
        assert client.post(path).status_code in {404, 405}, path
    for verb in (
        lambda: actions.ask_receipt(
            membership_id=membership.pk, language="en", by=stranger, at=clock.now()
        ),
        lambda: actions.open_receipt(
            receipt_id=Receipt.objects.get().pk, by=stranger, why="own", at=clock.now()
        ),
    ):
        with pytest.raises(Forbidden):
            verb()
    assert Receipt.objects.count() == 1


def test_it_is_asked_for_once_a_language() -> None:
    membership = make.membership()

    assert ask(membership) == ask(membership)
    assert ask(membership, "en") != ask(membership)
    with pytest.raises(Invalid):
        ask(membership, "fr")
    assert actions.receipts_due(at=clock.now()) == 2
    assert actions.receipts_due(at=clock.now()) == 0


def test_it_lies_sealed_and_goes_after_its_days() -> None:
    membership = make.membership()
    paper(membership)
    sealed = bytes(Receipt.objects.get().pdf_sealed or b"")

    clock.move_to(clock.now() + timedelta(days=actions.RECEIPT_DAYS), frozen=True)
    actions.receipts_due(at=clock.now())

    assert len(sealed) > 5_000
    assert b"%PDF" not in sealed
    assert not Receipt.objects.exists()
    assert paper(membership).startswith(b"%PDF")


def test_it_is_in_the_copy_of_all_data_and_goes_with_the_person() -> None:
    membership = make.membership()
    content = paper(membership)
    [section] = [
        found
        for found in rights.sections_of(membership.payer, membership.member, clock.now())
        if found.code == "receipts"
    ]
    actions.leave(membership_id=membership.pk, by=membership.payer, at=clock.now())
    clock.move_to(clock.now() + timedelta(days=4), frozen=True)
    actions.leave_due(at=clock.now())
    actions.ask_erasure(member_id=membership.member_id, by=membership.payer, at=clock.now())
    clock.move_to(clock.now() + timedelta(days=14), frozen=True)
    actions.erasures_due(at=clock.now())

    assert section.files == [(f"{membership.number}-zh-hans.pdf", content)]
    assert not Receipt.objects.exists()


def test_a_program_asks_for_it_and_takes_it() -> None:
    membership = make.membership()
    client = browser(membership)
    address = f"/api/v1/cover/{membership.number}/receipts/"

    asked = client.post(address, {"language": "en"}, content_type="application/json")
    early = client.get(f"{address}en/file/")
    actions.receipts_due(at=clock.now())
    ready = client.get(address).json()
    taken = client.get(f"{address}en/file/")

    assert asked.status_code == 202
    assert early.status_code == 409
    assert ready[0]["made_at"]
    assert taken.content.startswith(b"%PDF")


# --- workers


def test_what_goes_wrong_with_one_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = ask(make.membership()), ask(make.membership())
    render, calls = pdf.render, list[str]()

    def fails_once(html: str) -> bytes:
        calls.append(html)
        if len(calls) == 1:
            raise RuntimeError("no font")
        return render(html)

    monkeypatch.setattr(pdf, "render", fails_once)

    with pytest.raises(RuntimeError):
        actions.receipts_due(at=clock.now())

    first.refresh_from_db()
    second.refresh_from_db()
    assert first.made_at is None
    assert second.made_at is not None


KILLED = """
import os, signal, django
django.setup()
from members import actions
from mutualaid import clock, pdf
pdf.render = lambda html: os.kill(os.getpid(), signal.SIGKILL)
actions.receipts_due(at=clock.now())
"""


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_killed_leaves_a_receipt_that_waits() -> None:
    membership = make.membership()
    receipt = ask(membership)
    name = connections.settings["default"]
    login = f"{name['USER']}:{name['PASSWORD']}@{name['HOST']}:{name['PORT']}"
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "mutualaid.settings",
        "DATABASE_URL": f"postgresql://{login}/{name['NAME']}",
        "BROKER_URL": "redis://127.0.0.1:1/0",
    }

    killed = subprocess.run(
        [sys.executable, "-c", KILLED], cwd=ROOT, env=environment, capture_output=True, check=False
    )

    assert killed.returncode == -9, killed.stderr.decode()
    receipt.refresh_from_db()
    assert receipt.made_at is None
    with pytest.raises(NotNow):
        actions.open_receipt(receipt_id=receipt.pk, by=membership.payer, why="own", at=clock.now())
    assert actions.receipts_due(at=clock.now()) == 1
    assert paper(membership).startswith(b"%PDF")


@pytest.mark.django_db(transaction=True)
def test_two_workers_make_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    receipt = ask(make.membership())
    render, together = pdf.render, Barrier(2)
    rendered, made = list[int](), list[int]()

    def counted(html: str) -> bytes:
        rendered.append(1)
        return render(html)

    monkeypatch.setattr(pdf, "render", counted)

    def work() -> None:
        together.wait()
        made.append(actions.receipts_due(at=clock.now()))
        connections.close_all()

    threads = [Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    receipt.refresh_from_db()
    assert sorted(made) == [0, 1]
    assert len(rendered) == 1
    assert receipt.made_at is not None
