"""ID numbers, ages, waiting days, and what the public sees of a name."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from members.rules import (
    CHECK_CHARACTERS,
    COMPOUND_SURNAMES,
    DEMO_SERIALS,
    PROVINCES,
    IdNumber,
    age_band,
    age_on,
    check_character,
    check_id_number,
    covered_from,
    days_band,
    demo_id_number,
    mask_name,
    region_name,
)

SAMPLE = "11010519491231002X"  # the sample that the standard itself prints


def with_check(body: str) -> str:
    return body + check_character(body)


def test_the_sample_of_the_standard_is_read() -> None:
    assert check_id_number(SAMPLE, allow_demo=False) == IdNumber(
        number=SAMPLE, birth_on=date(1949, 12, 31), sex="f", region="11"
    )


@pytest.mark.parametrize(
    "text",
    [
        "11010519491231002x",
        " 110105 19491231 002X ",
        "110105-19491231-002X",
        "１１０１０５19491231002Ｘ",
    ],
)
def test_a_number_is_read_however_it_is_typed(text: str) -> None:
    assert check_id_number(text, allow_demo=False).number == SAMPLE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "110105491231002",
        "11010519491231002",
        "1101051949123100200",
        "11010519491231002Y",
        "X1010519491231002X",
        "110105194912310021",
        with_check("11010519490229002"),
        with_check("11010519491301002"),
        with_check("11010518991231002"),
        with_check("00010519491231002"),
        with_check("90010519491231002"),
        with_check("99440019491231002"),
    ],
)
def test_what_is_no_id_number_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"[.。]$"):
        check_id_number(text, allow_demo=False)


def test_an_old_number_of_15_digits_is_told_apart() -> None:
    with pytest.raises(ValueError, match="15"):
        check_id_number("110105491231002", allow_demo=False)


@given(st.integers(0, 16), st.integers(1, 9))
def test_every_single_wrong_digit_is_found(place: int, by: int) -> None:
    digit = (int(SAMPLE[place]) + by) % 10
    wrong = f"{SAMPLE[:place]}{digit}{SAMPLE[place + 1 :]}"

    with pytest.raises(ValueError, match=r"[.。]$"):
        check_id_number(wrong, allow_demo=False)


def test_every_check_character_occurs() -> None:
    bodies = [f"110105194912310{n:02d}" for n in range(100)]

    assert {check_character(body) for body in bodies} == set(CHECK_CHARACTERS)


@given(
    st.sampled_from(sorted(PROVINCES)),
    st.dates(date(1900, 1, 1), date(2100, 1, 1)),
    st.sampled_from("mf"),
    st.integers(0, DEMO_SERIALS - 1),
)
def test_a_demo_person_is_taken_by_the_demo_only(
    region: str, born: date, sex: str, serial: int
) -> None:
    number = demo_id_number(region=region, birth_on=born, sex=sex, serial=serial)

    assert check_id_number(number, allow_demo=True) == IdNumber(number, born, sex, region)
    with pytest.raises(ValueError, match=r"[.。]$"):
        check_id_number(number, allow_demo=False)


def test_demo_people_of_one_birthday_have_numbers_of_their_own() -> None:
    numbers = {
        demo_id_number(region="44", birth_on=date(1990, 1, 1), sex=sex, serial=serial)
        for sex in "mf"
        for serial in range(2000)
    }

    assert len(numbers) == 4000


def test_a_demo_person_beyond_the_serials_is_refused() -> None:
    with pytest.raises(ValueError, match="no demo person"):
        demo_id_number(region="44", birth_on=date(1990, 1, 1), sex="m", serial=DEMO_SERIALS)


def test_a_province_has_two_names() -> None:
    assert (region_name("44", "zh-hans"), region_name("44", "en")) == ("广东", "Guangdong")
    assert region_name("99", "en") == ""


@pytest.mark.parametrize(
    ("born", "day", "age"),
    [
        (date(1981, 12, 2), date(2021, 12, 1), 39),
        (date(1981, 12, 2), date(2021, 12, 2), 40),
        (date(2021, 12, 1), date(2021, 12, 1), 0),
        (date(2000, 2, 29), date(2021, 2, 28), 20),
        (date(2000, 2, 29), date(2021, 3, 1), 21),
        (date(2000, 2, 29), date(2020, 2, 29), 20),
    ],
)
def test_age_is_counted_in_whole_years(born: date, day: date, age: int) -> None:
    assert age_on(born, day) == age


def test_nobody_has_an_age_before_birth() -> None:
    with pytest.raises(ValueError, match=r"[.。]$"):
        age_on(date(2021, 12, 2), date(2021, 12, 1))


def test_the_day_of_joining_is_the_first_waiting_day() -> None:
    assert covered_from(date(2022, 1, 1), 90) == date(2022, 4, 1)
    assert covered_from(date(2022, 1, 1), 0) == date(2022, 1, 1)
    with pytest.raises(ValueError, match=r"[.。]$"):
        covered_from(date(2022, 1, 1), -1)


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("王芳", "王**"),
        ("王小芳", "王**"),
        (" 王 芳 ", "王**"),
        ("欧阳明月", "欧阳**"),
        ("欧阳明", "欧阳**"),
        ("欧阳", "欧**"),
        ("买买提·吐尔逊", "买**"),
        ("王", "王**"),
    ],
)
def test_only_the_surname_is_shown(name: str, masked: str) -> None:
    assert mask_name(name) == masked


@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=2, max_size=6))
def test_no_name_is_shown_whole_and_no_length_told(name: str) -> None:
    shown = mask_name(name).removesuffix("**")

    assert name.startswith(shown)
    assert len(shown) < len(name)
    assert len(shown) == 1 or shown in COMPOUND_SURNAMES


def test_a_missing_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"[.。]$"):
        mask_name("  ")


@pytest.mark.parametrize(
    ("age", "band"),
    [(0, "0-17"), (17, "0-17"), (18, "18-29"), (39, "30-39"), (40, "40-49"), (99, "60+")],
)
def test_ages_are_published_in_bands(age: int, band: str) -> None:
    assert age_band(age) == band


@pytest.mark.parametrize(
    ("days", "band"), [(0, "0-89"), (89, "0-89"), (90, "90-179"), (364, "180-364"), (2000, "730+")]
)
def test_days_are_published_in_bands(days: int, band: str) -> None:
    assert days_band(days) == band


@pytest.mark.parametrize("band", [age_band, days_band])
def test_nothing_negative_has_a_band(band: object) -> None:
    with pytest.raises(ValueError, match=r"[.。]$"):
        band(-1)  # type: ignore[operator]


@given(st.dates(date(1900, 1, 1), date(2020, 1, 1)), st.integers(0, 36_500))
def test_a_year_older_on_the_birthday_and_not_before(born: date, days: int) -> None:
    day = born + timedelta(days=days)

    assert 0 <= age_on(born, day + timedelta(days=1)) - age_on(born, day) <= 1
