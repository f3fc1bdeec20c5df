"""What the jury holds of a person: exams, the office, seats and their own ballots."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.utils.translation import gettext as _

from jury.models import ExamAttempt, Juror, Seat
from members.models import Account, HouseholdLink, Member
from members.rights import Section, made


def sections(account: Account, member: Member | None, at: datetime) -> Iterator[Section]:
    """Exams and the office belong to the login. Ballots are the juror's own, and secret to all
    others."""
    if member is not None:
        return
    yield made(
        "exams",
        _("Exams for the jury"),
        {"begun_at": _("begun"), "finished_at": _("finished"), "passed": _("passed")},
        ExamAttempt.objects.filter(account=account)
        .order_by("pk")
        .values("begun_at", "finished_at", "passed"),
    )
    yield made(
        "juror",
        _("The office of a juror"),
        {"certified_at": _("since"), "resigned_at": _("until")},
        Juror.objects.filter(account=account).values("certified_at", "resigned_at"),
    )
    yield _seats(account)


def _seats(account: Account) -> Section:
    found = Seat.objects.filter(juror__account=account).select_related("case", "ballot")
    rows = []
    for seat in found.order_by("pk"):
        ballot = getattr(seat, "ballot", None)
        rows.append(
            {
                "case": seat.case.number,
                "seated_at": seat.seated_at,
                "declined_at": seat.declined_at,
                "choice": ballot.get_choice_display() if ballot else None,
                "reason": ballot.reason if ballot else None,
                "cast_at": ballot.cast_at if ballot else None,
            }
        )
    columns = {
        "case": _("case"),
        "seated_at": _("drawn"),
        "declined_at": _("declined"),
        "choice": _("your vote"),
        "reason": _("reasons"),
        "cast_at": _("when"),
    }
    return made("seats", _("Seats on juries"), columns, rows)


def open_matters(member: Member, at: datetime) -> Iterator[str]:
    """A juror gives up the office first."""
    own = HouseholdLink.objects.filter(member=member, relation=HouseholdLink.Relation.SELF)
    if Juror.objects.filter(account__in=own.values("account"), resigned_at__isnull=True).exists():
        yield _("This person is a juror. Give up the office on the page of the jury first.")


def forget(member_id: int) -> None:
    """Nothing: seats and ballots name no member, and their logins are closed."""
