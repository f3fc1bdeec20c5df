"""For whom a page is: the person themselves, or one of their family (`?as=<member id>`).

Part of the edge, for the pages of every room: it reads the request and keeps the choice in the
session. Whether the account may act for that person is asked by each action again.
"""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from members import policies
from members.models import Account, HouseholdLink, Member

KEPT = "acting_for"


def household(account: Account) -> list[HouseholdLink]:
    """The people this account acts for, themselves first, then in the order they were added."""
    links = account.household.select_related("member").order_by("made_at", "pk")
    return sorted(links, key=lambda link: link.relation != HouseholdLink.Relation.SELF)


def acting_link(request: HttpRequest) -> HouseholdLink | None:
    """Whom the signed-in account acts for on this page; None if it has nobody yet.

    `?as=` chooses and is kept; "self" goes back. Raises Forbidden for a person of another family.
    """
    account = cast(Account, request.user)
    links = household(account)
    asked = request.GET.get("as", "")
    if asked == "self":
        request.session.pop(KEPT, None)
    elif asked.isascii() and asked.isdigit() and len(asked) < 18:  # noqa: PLR2004 - a bigint
        policies.check_acts_for(account, int(asked))
        request.session[KEPT] = int(asked)
    kept = request.session.get(KEPT)
    chosen = [link for link in links if link.member_id == kept]
    return next(iter(chosen or links), None)


def acting_member(request: HttpRequest) -> Member | None:
    """The member of `acting_link`."""
    link = acting_link(request)
    return link.member if link else None


def acting_bar(link: HouseholdLink | None) -> dict[str, Any] | None:
    """What components/acting.html shows; None where people act for themselves.

    A page hands it to its template as `acting` and fills the block `acting` with it.
    """
    if link is None or link.relation == HouseholdLink.Relation.SELF:
        return None
    return {
        "who": link.member.name,
        "name": link.get_relation_display(),
        "url": reverse("portal:me") + "?as=self",
        "label": _("Back to myself"),
    }
