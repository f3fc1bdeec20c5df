"""The columns of a list of members in words, and a small list to begin with. Reads only."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _

from members import imports
from members.models import Plan, Rules
from members.rules import demo_id_number


class Column(NamedTuple):
    """A column: our name, what it says, an example, and whether a list has to have it."""

    name: str
    meaning: Any
    example: str
    needed: bool

    @property
    def chinese(self) -> str:
        """The header that people write."""
        return imports.HEADERS[self.name][1]


def _column(name: str, meaning: Any, example: str) -> Column:
    return Column(name, meaning, example, name in imports.REQUIRED)


COLUMNS = [
    _column("name", _("The full name, as it stands on the ID card."), "林秀梅"),
    _column("id_number", _("The 18 digits of the ID card; the last may be an X."), "—"),
    _column("relation", _("To the holder of the account: self, parent, spouse or child."), "本人"),
    _column(
        "family",
        _("Lines that stand together and have the same word here are one family: one account."),
        "A1",
    ),
    _column(
        "phone",
        _("The mobile number of the account; it signs in with it. This or the e-mail address."),
        "—",
    ),
    _column("email", _("The e-mail address of the account."), "lin@example.org"),
    _column(
        "consent",
        _("“paper” for an adult who is not the holder and has signed that the family acts."),
        "书面",
    ),
    _column(
        "declared",
        _(
            "“paper” if you keep the signed health declaration. Or leave it out, and give each"
            " question a column “health:CODE” with the answer “no”."
        ),
        "书面",
    ),
    _column("rules", _("The version of the rules that the person accepted."), "2019-01"),
    _column(
        "joined_on",
        _("The day of joining, only for a plan that shares no costs yet. Empty: today."),
        "2021-12-01",
    ),
    _column(
        "waiting_since",
        _("Since when the person has waited already; those days count. Empty: from joining."),
        "2021-10-01",
    ),
    _column(
        "payment_agreed_on",
        _("The day on which the family agreed to debits. Empty: it agrees later, on its page."),
        "2021-11-30",
    ),
]


def sample(language: str, today: date) -> bytes:
    """Two families who cannot exist, for the main plan, with headers in that language; the mark in
    front tells a spreadsheet that it is UTF-8. Only a demo or a sandbox takes these lines."""
    names = [column.name for column in COLUMNS]
    heads = names if language == "en" else [column.chinese for column in COLUMNS]
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(heads)
    for row in _people(today):
        table.writerow([row.get(name, "") for name in names])
    return codecs.BOM_UTF8 + out.getvalue().encode()


def _people(today: date) -> list[Mapping[str, str]]:
    plan = Plan.objects.published().order_by("pk").first()
    begun = Rules.objects.published().filter(plan=plan, effective_on__lte=today)
    newest = begun.order_by("effective_on").last()
    both = {"declared": "paper", "rules": newest.version if newest else ""}

    def person(name: str, relation: str, years: int, serial: int, **more: str) -> dict[str, str]:
        born = date(today.year - years, 5, 5)
        number = demo_id_number(region="33", birth_on=born, sex="f", serial=49_000 + serial)
        return {"name": name, "relation": relation, "id_number": number} | both | more

    return [
        person("林秀梅", "self", 36, 1, family="A", phone="12000049001"),
        person("林建国", "spouse", 38, 2, family="A", consent="paper"),
        person("林小芳", "child", 6, 3, family="A"),
        person("赵一平", "self", 45, 4, family="B", phone="12000049004"),
    ]
