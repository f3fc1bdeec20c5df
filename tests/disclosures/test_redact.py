"""What of a case the public may see: three levels, and five who are alike."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from claims import criteria
from disclosures import redact

FACTS = redact.Facts(
    code="71-AAAAAAAA",
    benefit_fen=30_000_000,
    fee_fen=2_400_000,
    name="郭小秀",
    age=36,
    region="44",
    disease="malignant_tumour",
    joined_days=400,
    consent=True,
    by_jury=False,
)


def alike(count: int) -> Counter[redact.Alike]:
    return redact.count_alike([FACTS] * count)


def test_five_who_are_alike_are_shown_with_surname_bands_and_province() -> None:
    shown = redact.published(FACTS, alike(5))

    assert shown == {
        "code": "71-AAAAAAAA",
        "level": "full",
        "benefit_fen": 30_000_000,
        "fee_fen": 2_400_000,
        "surname": "郭**",
        "age_band": "30-39",
        "region": "44",
        "disease_group": "cancer",
        "joined_days": "365-729",
        "by_jury": False,
    }


def test_four_who_are_alike_are_shown_by_illness_and_amount_alone() -> None:
    shown = redact.published(FACTS, alike(4))

    assert shown == {
        "code": "71-AAAAAAAA",
        "level": "group",
        "benefit_fen": 30_000_000,
        "fee_fen": 2_400_000,
        "disease_group": "cancer",
    }


def test_without_consent_only_the_amount_is_shown_however_many_are_alike() -> None:
    shown = redact.published(replace(FACTS, consent=False, by_jury=True), alike(50))

    assert shown == {
        "code": "71-AAAAAAAA",
        "level": "amount",
        "benefit_fen": 30_000_000,
        "fee_fen": 2_400_000,
    }


@pytest.mark.parametrize(
    "change",
    [
        {"name": "林小秀"},
        {"age": 40},
        {"region": "37"},
        {"disease": "ami"},
        {"joined_days": 100},
        {"consent": False},
    ],
    ids=str,
)
def test_who_differs_in_one_thing_hides_nobody(change: dict[str, object]) -> None:
    others = [replace(FACTS, **change)] * 4  # type: ignore[arg-type]

    counted = redact.count_alike([FACTS, *others])

    assert redact.published(FACTS, counted)["level"] == "group"


def test_a_case_granted_by_a_jury_says_so() -> None:
    shown = redact.published(replace(FACTS, by_jury=True), alike(5))

    assert shown["by_jury"] is True


def test_every_disease_that_has_a_definition_has_a_group_of_its_own() -> None:
    known = [code for norm in criteria.norms() for code in criteria.codes(norm)]
    missing = [code for code in known if code not in redact.GROUP_OF]

    assert not missing
    assert set(redact.GROUP_OF.values()) <= set(redact.GROUPS)


def test_a_reason_shared_by_fewer_than_five_refused_claims_is_left_out() -> None:
    common = redact.Refusal("heart", "附件一 第 2 条", "心电图改变", "ECG changes")
    rare = redact.Refusal("brain", "附件一 第 12 条", "满 96 小时", "96 hours")

    rows = redact.refusals([common, common, rare], Counter({common: 5, rare: 4}))

    assert [(row["disease_group"], row["criterion_en"], row["count"]) for row in rows] == [
        ("heart", "ECG changes", 2),
        ("brain", "", 1),
    ]
