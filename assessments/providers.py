"""The payment provider: an interface and two of its kind. No table is read or written here.

`sandbox` lives in the process and moves no money; the same seed gives the same failures. `batch
file` writes a file for a bank and reads the bank's answer beside it. `settings.PAYMENT_PROVIDER`
chooses.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

from django.conf import settings

Row = tuple[int, int, int]  # membership, payer, fen


class Outcome(Enum):
    """What became of a transfer. UNKNOWN and NEVER_SEEN differ: only the latter may be sent."""

    PAID = "paid"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NEVER_SEEN = "never_seen"


@dataclass(frozen=True, slots=True)
class Answer:
    """The provider's word on one transfer, with its code where it failed."""

    outcome: Outcome
    code: str = ""


@dataclass(frozen=True, slots=True)
class Transfer:
    """One payout. `key` is the same at every try; `account` opens the number when it is needed,
    and leaves an access record."""

    key: str
    amount_fen: int
    holder: str
    bank: str
    account: Callable[[], str]


class Provider(Protocol):
    """Whoever moves money for us. Both verbs may be repeated with the same key without effect."""

    def collect(
        self, *, period_id: int, attempt: int, rows: Iterable[Row]
    ) -> Iterable[tuple[int, str]] | None:
        """Debit the rows in their order. Yields (membership, code) of those that failed; every
        other row has come in. None while there is no answer yet: ask again with the same rows."""

    def pay(self, transfer: Transfer) -> Answer:
        """Send once; with a key already known, only say what became of it."""

    def ask(self, key: str) -> Answer:
        """What became of a transfer."""


class Sandbox:
    """Moves nothing. A debit of 1,000 fails about six times, most often for a day or two."""

    def __init__(self, seed: str = "sandbox", fail_per_100k: int = 600) -> None:
        self.seed = seed
        self.fail_per_100k = fail_per_100k

    def collect(
        self, *, period_id: int, attempt: int, rows: Iterable[Row]
    ) -> Iterator[tuple[int, str]]:
        for membership_id, _payer, _fen in rows:
            code = self._failure(period_id, membership_id, attempt)
            if code:
                yield membership_id, code

    def _failure(self, period_id: int, membership_id: int, attempt: int) -> str:
        place = f"{period_id}:{membership_id}"
        if attempt == 0 and self._chance(place, 100_000) >= self.fail_per_100k:
            return ""
        if self._chance(f"{place}:closed", 20) == 0:
            return "account_closed"
        fails = attempt == 0 or self._chance(f"{place}:{attempt}", 10) < 3  # noqa: PLR2004
        return "no_funds" if fails else ""

    def _chance(self, of: str, sides: int) -> int:
        """A die thrown by a hash: the same throw for the same words."""
        digest = hashlib.sha256(f"{self.seed}:{of}".encode()).digest()
        return int.from_bytes(digest[:8]) % sides

    def pay(self, transfer: Transfer) -> Answer:
        lost = self._chance(transfer.key, 50) == 0  # the answer, not the money
        return Answer(Outcome.UNKNOWN if lost else Outcome.PAID)

    def ask(self, key: str) -> Answer:
        return Answer(Outcome.PAID)


class BatchFile:
    """Files in a folder that a bank's program picks up and answers.

    `debit-<period>-<attempt>.csv` is answered by the same name ending in `.failed.csv` (membership,
    code); `payout-<key>.csv` by `.result` (`paid`, or `failed,<code>`).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def collect(
        self, *, period_id: int, attempt: int, rows: Iterable[Row]
    ) -> Iterator[tuple[int, str]] | None:
        name = f"debit-{period_id}-{attempt}"
        if not (self.folder / f"{name}.csv").exists():
            self._write(f"{name}.csv", rows)
        answer = self.folder / f"{name}.failed.csv"
        return self._failures(answer) if answer.exists() else None

    def _failures(self, answer: Path) -> Iterator[tuple[int, str]]:
        with answer.open(newline="") as file:
            for membership_id, code in csv.reader(file):
                yield int(membership_id), code

    def pay(self, transfer: Transfer) -> Answer:
        if not self._order(transfer.key).exists():
            row = (transfer.amount_fen, transfer.holder, transfer.bank, transfer.account())
            self._write(self._order(transfer.key).name, [row])
        return self.ask(transfer.key)

    def ask(self, key: str) -> Answer:
        result = self._order(key).with_suffix(".result")
        if result.exists():
            word, _, code = result.read_text().strip().partition(",")
            return Answer(Outcome(word), code)
        return Answer(Outcome.UNKNOWN if self._order(key).exists() else Outcome.NEVER_SEEN)

    def _order(self, key: str) -> Path:
        return self.folder / f"payout-{key}.csv"

    def _write(self, name: str, rows: Iterable[tuple[object, ...]]) -> None:
        """Whole or not at all, and readable by this user alone."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.folder / f".{name}.{os.getpid()}"
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            csv.writer(file).writerows(rows)
        draft.replace(self.folder / name)


def current() -> Provider:
    """The provider of this installation."""
    if settings.PAYMENT_PROVIDER == "batch_file":
        return BatchFile(settings.PAYMENT_DIR)
    return Sandbox()
