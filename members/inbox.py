"""The inbox as its owner sees it: which notices, what is new, how copies went. Reads only."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from members.models import Account, Membership, Notice, NoticeCopy, NoticePreference
from members.ways import Ways

MOST_UNREAD = 99


def ways_of(account_id: int) -> Ways:
    """How this account wants its copies; the default of the house if it has chosen nothing."""
    chosen = NoticePreference.objects.filter(account=account_id).first()
    if chosen is None:
        return Ways()
    return Ways(
        email=chosen.email,
        sms=chosen.sms,
        digest=chosen.digest,
        quiet_from=chosen.quiet_from,
        quiet_until=chosen.quiet_until,
        language=chosen.language,
    )


def notices_of(account: Account) -> QuerySet[Notice]:
    """Notices to this account, and to all payers of its plans since it first joined."""
    theirs = Q(account=account)
    if (everybody := _to_everybody(account)) is not None:
        theirs |= everybody
    return Notice.objects.filter(theirs)


def _to_everybody(account: Account) -> Q | None:
    paid = Membership.objects.filter(payer=account)
    first = paid.order_by("joined_at").values_list("joined_at", flat=True).first()
    if first is None:
        return None
    plans = list(paid.values_list("plan_id", flat=True).distinct())
    return Q(account__isnull=True, plan__in=plans, at__gte=first)


def read_to(account: Account) -> int:
    """The id of the newest notice that they have seen; 0 for none."""
    chosen = NoticePreference.objects.filter(account=account.pk)
    return chosen.values_list("read_to", flat=True).first() or 0


def unread(account: Account) -> int:
    """How many notices are newer than what they have seen; at most one more than MOST_UNREAD."""
    seen = read_to(account)
    own = Notice.objects.filter(account=account, pk__gt=seen)
    found = len(own.values_list("pk", flat=True)[: MOST_UNREAD + 1])
    everybody = _to_everybody(account)
    if everybody is not None and found <= MOST_UNREAD:
        others = Notice.objects.filter(everybody, pk__gt=seen)
        found += len(others.values_list("pk", flat=True)[: MOST_UNREAD + 1 - found])
    return found


def copies_of(account: Account, notices: Iterable[int]) -> dict[int, list[NoticeCopy]]:
    """The copies of these notices to this account, by notice."""
    found: dict[int, list[NoticeCopy]] = {}
    ours = NoticeCopy.objects.filter(account=account, notice__in=list(notices))
    for copy in ours.order_by("channel"):
        found.setdefault(copy.notice_id, []).append(copy)
    return found
