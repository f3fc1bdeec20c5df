"""A payment provider that a test commands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from assessments import providers
from assessments.providers import Answer, Outcome, Row, Transfer


class Obedient:
    """Fails the debits it is told to fail, answers transfers as told, and remembers all."""

    def __init__(self) -> None:
        self.failing: set[int] = set()
        self.answers: list[Outcome] = []  # to `pay`, in turn; PAID when there are none left
        self.told: dict[str, Outcome] = {}  # what `ask` says of a key
        self.asked_rows: list[list[Row]] = []
        self.paid: list[tuple[str, int]] = []

    def collect(
        self, *, period_id: int, attempt: int, rows: Iterable[Row]
    ) -> Iterator[tuple[int, str]]:
        self.asked_rows.append([])
        for row in rows:
            self.asked_rows[-1].append(row)
            if row[0] in self.failing:
                yield row[0], "no_funds"

    def pay(self, transfer: Transfer) -> Answer:
        self.paid.append((transfer.key, transfer.amount_fen))
        outcome = self.answers.pop(0) if self.answers else Outcome.PAID
        return Answer(outcome, "refused" if outcome is Outcome.FAILED else "")

    def ask(self, key: str) -> Answer:
        return Answer(self.told.get(key, Outcome.UNKNOWN))


@pytest.fixture(autouse=True)
def provider(monkeypatch: pytest.MonkeyPatch) -> Obedient:
    obedient = Obedient()
    monkeypatch.setattr(providers, "current", lambda: obedient)
    return obedient
