"""What disclosures hold of a person: objections they wrote, and what is public of their cases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.utils.translation import gettext as _

from assessments.models import PeriodCase
from disclosures.models import Objection
from members.models import Account, Member
from members.rights import Section, made


def sections(account: Account, member: Member | None, at: datetime) -> Iterator[Section]:
    """Objections belong to the login; the public number of a case to its member."""
    if member is None:
        yield _objections(account)
    else:
        yield _published(member)


def _objections(account: Account) -> Section:
    found = Objection.objects.filter(by=account).select_related("case").order_by("pk")
    columns = {
        "case": _("case"),
        "at": _("when"),
        "grounds": _("in your words"),
        "sustained": _("held"),
        "answer": _("answer"),
    }
    rows = [
        {
            "case": each.case.code,
            "at": each.at,
            "grounds": each.grounds,
            "sustained": each.sustained,
            "answer": each.answer,
        }
        for each in found
    ]
    return made("objections", _("Objections you made"), columns, rows)


def _published(member: Member) -> Section:
    found = PeriodCase.objects.filter(claim__member=member).select_related("claim", "period")
    columns = {"claim": _("claim"), "period": _("period"), "code": _("public number")}
    rows = [
        {"claim": each.claim.number, "period": each.period.number, "code": each.code}
        for each in found.order_by("pk")
    ]
    return made("published_cases", _("Cases laid open"), columns, rows)


def open_matters(member: Member, at: datetime) -> Iterator[str]:
    """Nothing of its own: what is under way is a matter of the claim and the payout."""
    yield from ()


def forget(member_id: int) -> None:
    """Nothing: what is published names nobody (design §9.5) and never changes."""
