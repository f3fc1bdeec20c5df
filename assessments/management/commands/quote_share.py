"""`manage.py quote_share`: the split of design §6 for anybody with a calculator. No database."""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from assessments.rules import quote_counted
from mutualaid.money import MOST_FEN

FIGURES = ["share_fen", "pool_fen", "benefits_fen", "fees_fen", "operator_fen", "surplus_out_fen"]
MOST_CASES = 10**9


class Command(BaseCommand):
    """Prints one line of JSON; bad input is one sentence on stderr and exit 2."""

    help = "Split a period on paper: what each of N members owes, in fen."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--members", metavar="N", help="members who share")
        add(
            "--benefit-fen",
            metavar="AxK",
            action="append",
            default=[],
            help="K cases of A fen each, such as 30000000x800; may be repeated",
        )
        add("--fee-bp", metavar="BP", default="800", help="fee in basis points (default 800)")
        add("--surplus-fen", metavar="S", default="0", help="surplus of the period before")
        add("--case-cap-fen", metavar="C", help="what one member bears of one case at most")
        add("--operator-bears", action="store_true", help="the operator bears the whole period")

    def run_from_argv(self, argv: list[str]) -> None:
        """As Django's, but argparse's own refusals are one sentence too, and touch no database."""
        try:
            options = vars(self.create_parser(argv[0], argv[1]).parse_args(argv[2:]))
            self.execute(*options.pop("args", ()), **options)
        except CommandError as error:
            self.stderr.write(str(error))
            raise SystemExit(2) from error

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            quoted = quote_counted(
                members=_members(options["members"]),
                benefits=_benefits(options["benefit_fen"]),
                fee_bp=_whole(options["fee_bp"], "--fee-bp"),
                surplus_in=_whole(options["surplus_fen"], "--surplus-fen"),
                case_cap=_optional(options["case_cap_fen"], "--case-cap-fen"),
                operator_bears=options["operator_bears"],
            )
        except ValueError as error:
            raise CommandError(str(error), returncode=2) from error
        self.stdout.write(json.dumps({figure: getattr(quoted, figure) for figure in FIGURES}))


def _whole(text: str, option: str) -> int:
    """A whole number, not negative, that a fen column can hold."""
    if not re.fullmatch(r"[0-9]{1,19}", str(text)) or int(text) > MOST_FEN:
        raise ValueError(
            _("%(option)s takes a whole number, not negative, not “%(text)s”.")
            % {"option": option, "text": text}
        )
    return int(text)


def _optional(text: str | None, option: str) -> int | None:
    return None if text is None else _whole(text, option)


def _members(text: str | None) -> int:
    if text is None:
        raise ValueError(_("Say how many members share: --members N."))
    return _whole(text, "--members")


def _benefits(texts: list[str]) -> list[tuple[int, int]]:
    if not texts:
        raise ValueError(_("Say what is granted: --benefit-fen AxK, K cases of A fen each."))
    return [_benefit(text) for text in texts]


def _benefit(text: str) -> tuple[int, int]:
    amount, cross, count = str(text).partition("x")
    wrong = ValueError(
        _("--benefit-fen takes AxK, such as 30000000x800, not “%(text)s”.") % {"text": text}
    )
    if not cross or not (amount.isdecimal() and count.isdecimal()):
        raise wrong
    pair = _whole(amount, "--benefit-fen"), _whole(count, "--benefit-fen")
    if pair[0] < 1 or not 1 <= pair[1] <= MOST_CASES:
        raise wrong
    return pair
