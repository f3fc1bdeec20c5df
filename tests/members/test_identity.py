"""Whether a name bears its number: asked when a person is added, by whoever the settings name."""

from __future__ import annotations

from typing import Any

import pytest

from members import actions, identity
from members.identity import Found
from members.models import Member
from mutualaid.errors import Invalid
from tests import make


class Silent:
    """A provider that is down."""

    def verify(self, name: str, number: str) -> Found:
        raise identity.NoAnswer("down")

    def score(self, name: str, number: str) -> int | None:
        raise identity.NoAnswer("down")


def add(name: str, number: str = "") -> Member:
    account = make.account()
    return actions.add_member(
        account_id=account.pk,
        name=name,
        id_number=number or make.id_number(),
        relation="self",
        by=account,
        at=make.NOON,
    )


@pytest.mark.django_db
def test_who_is_verified_is_kept_with_the_instant() -> None:
    assert add("林秀梅").verified_at == make.NOON


@pytest.mark.django_db
@pytest.mark.parametrize("provider", ["sandbox", "none", f"{__name__}.Silent"])
def test_who_cannot_be_told_is_added_without(provider: str, settings: Any) -> None:
    settings.IDENTITY_PROVIDER = provider

    assert add("林谜").verified_at is None


@pytest.mark.django_db
def test_a_name_that_does_not_bear_the_number_is_refused_and_nothing_kept() -> None:
    with pytest.raises(Invalid) as refusal:
        add("林错")

    assert refusal.value.field == "id_number"
    assert "林" not in str(refusal.value)
    assert not Member.objects.exists()


@pytest.mark.django_db
def test_a_number_with_a_typing_error_is_asked_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(identity.Sandbox, "verify", lambda self, name, number: asked.append(number))
    right = make.id_number()
    wrong = right[:-1] + ("0" if right[-1] != "0" else "1")

    with pytest.raises(Invalid):
        add("林秀梅", wrong)

    assert asked == []


def test_the_sandbox_says_the_same_of_the_same_person() -> None:
    box, number = identity.Sandbox(), make.id_number()

    assert box.verify("林秀梅", number) == box.verify("林秀梅", number) == Found.VERIFIED
    assert box.score("林秀梅", number) == box.score("林秀梅", number)
    assert (box.score("林错", number), box.score("林谜", number)) == (None, None)


def test_scores_of_the_sandbox_reach_from_end_to_end() -> None:
    scores = [identity.score("林秀梅", make.id_number()) for _ in range(500)]

    assert {type(score) for score in scores} == {int}
    found = [score for score in scores if score is not None]
    assert set(found) <= set(identity.SCORES)
    assert min(found) < 450
    assert max(found) > 850


def test_no_answer_is_no_score(settings: Any) -> None:
    settings.IDENTITY_PROVIDER = f"{__name__}.Silent"

    assert identity.score("林秀梅", make.id_number()) is None


def test_a_provider_that_is_not_there_is_no_silence(settings: Any) -> None:
    settings.IDENTITY_PROVIDER = "nowhere.at.All"

    with pytest.raises(ImportError):
        identity.verify("林秀梅", make.id_number())
