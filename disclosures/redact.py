"""What of a published case the public may see. Pure: facts in, an allowlist out (design §9.5).

Three levels, decided case by case:
*full*: surname, age band, province, disease group, band of days from joining to diagnosis, and
whether a jury granted it. Only if five published cases of the last 24 periods share the first five.
*group*: the disease group and the amount alone, because fewer than five share them.
*amount*: the amount alone, because its owner has not consented to publish more.

The fee stands beside every amount: it follows from it. What is not named here is not published.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from members.rules import age_band, days_band, mask_name

LEAST_ALIKE = 5
PERIODS_BACK = 24
FULL, GROUP, AMOUNT = "full", "group", "amount"


class Words(NamedTuple):
    """Reference data in both languages; Chinese binds."""

    zh: str
    en: str


# Wide enough that a group says little of a person. A disease without an entry is "other".
GROUPS: dict[str, Words] = {
    "cancer": Words("恶性肿瘤", "Cancer"),
    "heart": Words("心脏和大血管疾病", "Heart and great vessels"),
    "brain": Words("脑和神经系统疾病", "Brain and nervous system"),
    "organ": Words("重要器官衰竭或移植", "Failure or transplant of an organ"),
    "senses": Words("失明、失聪、失语或肢体缺失", "Loss of sight, hearing, speech or limbs"),
    "accident": Words("公共交通意外", "Accidents in public transport"),
    "other": Words("其他重大疾病", "Other critical illness"),
}
GROUP_OF = {
    "malignant_tumour": "cancer",
    "malignant_tumour_mild": "cancer",
    "transport_accident": "accident",
    "ami": "heart",
    "acute_myocardial_infarction": "heart",
    "coronary_bypass": "heart",
    "valve_surgery": "heart",
    "pulmonary_hypertension": "heart",
    "aorta_surgery": "heart",
    "stroke": "brain",
    "benign_brain_tumour": "brain",
    "encephalitis": "brain",
    "deep_coma": "brain",
    "paralysis": "brain",
    "alzheimer": "brain",
    "brain_injury": "brain",
    "parkinson": "brain",
    "motor_neurone_disease": "brain",
    "transplant": "organ",
    "kidney_failure": "organ",
    "hepatitis_failure": "organ",
    "liver_failure": "organ",
    "aplastic_anaemia": "organ",
    "limb_loss": "senses",
    "deafness": "senses",
    "blindness": "senses",
    "speech_loss": "senses",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the house knows of a granted case, before anything is left out.

    age: whole years on the day of first diagnosis; region: two digits of the province;
    joined_days: whole days from joining to that day, Asia/Shanghai.
    """

    code: str
    benefit_fen: int
    fee_fen: int
    name: str
    age: int
    region: str
    disease: str
    joined_days: int
    consent: bool
    by_jury: bool


class Alike(NamedTuple):
    """What can single a person out when it stands together."""

    surname: str
    age_band: str
    region: str
    group: str
    joined_days: str


def group_of(disease: str) -> str:
    """The code of the disease group."""
    return GROUP_OF.get(disease, "other")


def alike(facts: Facts) -> Alike:
    """The combination by which cases are counted."""
    return Alike(
        mask_name(facts.name),
        age_band(facts.age),
        facts.region,
        group_of(facts.disease),
        days_band(facts.joined_days),
    )


def count_alike(cases: Iterable[Facts]) -> Counter[Alike]:
    """How many cases share each combination. Who did not consent does not hide others."""
    return Counter(alike(facts) for facts in cases if facts.consent)


def level(facts: Facts, counted: Mapping[Alike, int]) -> str:
    """full, group or amount. `counted` holds this case too."""
    if not facts.consent:
        return AMOUNT
    return FULL if counted.get(alike(facts), 0) >= LEAST_ALIKE else GROUP


def published(facts: Facts, counted: Mapping[Alike, int]) -> dict[str, Any]:
    """The case as the public sees it: random code, amounts in fen, and what its level allows."""
    shown: dict[str, Any] = {
        "code": facts.code,
        "level": level(facts, counted),
        "benefit_fen": facts.benefit_fen,
        "fee_fen": facts.fee_fen,
    }
    if shown["level"] != AMOUNT:
        shown["disease_group"] = group_of(facts.disease)
    if shown["level"] == FULL:
        shown |= {
            "surname": mask_name(facts.name),
            "age_band": age_band(facts.age),
            "region": facts.region,
            "joined_days": days_band(facts.joined_days),
            "by_jury": facts.by_jury,
        }
    return shown


class Refusal(NamedTuple):
    """Why a claim was refused: its disease group and the first criterion that failed."""

    group: str
    clause: str
    criterion_zh: str
    criterion_en: str


def refusals(of_period: Iterable[Refusal], counted: Mapping[Refusal, int]) -> list[dict[str, Any]]:
    """The refused cases of a period as a table of counts, the most frequent first.

    A reason that fewer than five refused claims of the last 24 periods share is left out; then the
    disease group stands alone. `counted` holds those of this period too.
    """
    rows: Counter[Refusal] = Counter(
        reason if counted.get(reason, 0) >= LEAST_ALIKE else Refusal(reason.group, "", "", "")
        for reason in of_period
    )
    return [
        {
            "disease_group": reason.group,
            "clause": reason.clause,
            "criterion_zh": reason.criterion_zh,
            "criterion_en": reason.criterion_en,
            "count": count,
        }
        for reason, count in sorted(rows.items(), key=lambda row: (-row[1], row[0]))
    ]
