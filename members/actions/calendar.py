"""The calendar subscription of a family: a secret link, made, renewed, removed."""

from __future__ import annotations

import secrets
from datetime import datetime

from django.db import transaction

from members import places
from members.models import Account, CalendarFeed


@transaction.atomic
def make_feed(*, by: Account, at: datetime) -> str:
    """A new secret link for this account's calendar; the old one stops working. Locks the account.

    Returns the token, 43 characters, which is shown once: only its keyed hash is kept.
    """
    account = Account.objects.select_for_update().get(pk=by.pk)
    token = secrets.token_urlsafe(32)
    CalendarFeed.objects.update_or_create(
        account=account, defaults={"token_hash": places.feed_hash(token), "made_at": at}
    )
    return token


@transaction.atomic
def remove_feed(*, by: Account, at: datetime) -> bool:
    """The link stops working. Locks the account; says whether there was one."""
    account = Account.objects.select_for_update().get(pk=by.pk)
    gone, _rows = CalendarFeed.objects.filter(account=account).delete()
    return gone > 0
