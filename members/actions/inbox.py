"""The inbox: how its owner wants to be told, and up to where they have read."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, time

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from members import inbox
from members.models import Account, NoticePreference
from members.ways import Ways
from mutualaid.errors import Forbidden, Invalid


@transaction.atomic
def set_preference(
    *,
    account_id: int,
    email: bool,
    sms: bool,
    digest: bool,
    quiet_from: time | None,
    quiet_until: time | None,
    language: str,
    by: Account,
    at: datetime,
) -> NoticePreference:
    """How copies of notices reach this account from now on; those that wait go by it, too.

    Times are Asia/Shanghai; both None for no quiet hours. What cannot be switched off goes out all
    the same (members/notices.py). Locks the preference. Raises Forbidden for another's account,
    Invalid (field "quiet_from", "quiet_until" or "language").
    """
    _check_own(by, account_id)
    if (quiet_from is None) != (quiet_until is None):
        missing = "quiet_from" if quiet_from is None else "quiet_until"
        raise Invalid(_("Quiet hours have a beginning and an end."), field=missing)
    if quiet_from is not None and quiet_from == quiet_until:
        raise Invalid(
            _("Quiet hours cannot last the whole day. To get nothing, switch e-mail and SMS off."),
            field="quiet_until",
        )
    if language not in dict(settings.LANGUAGES):
        raise Invalid(_("Choose one of the languages of this site."), field="language")
    preference = _locked(account_id)
    preference.email, preference.sms, preference.digest = email, sms, digest
    preference.quiet_from, preference.quiet_until = quiet_from, quiet_until
    preference.language = language
    preference.save()
    return preference


@transaction.atomic
def mark_read(*, account_id: int, to: int, by: Account, at: datetime) -> int:
    """Everything up to this notice has been seen; returns the newest that has. It never goes back.
    Locks the preference. Raises Forbidden for another's account, Invalid (field "to") for a notice
    that is not theirs."""
    _check_own(by, account_id)
    if not inbox.notices_of(by).filter(pk=to).exists():
        raise Invalid(_("This message is not in your inbox."), field="to")
    preference = _locked(account_id)
    if to > preference.read_to:
        preference.read_to = to
        preference.save(update_fields=["read_to"])
    return preference.read_to


def _check_own(by: Account, account_id: int) -> None:
    if by.pk != account_id or not by.is_active:
        raise Forbidden(_("This is not your own inbox."))


def _locked(account_id: int) -> NoticePreference:
    """Its row, made with the choices of the house where there was none."""
    NoticePreference.objects.bulk_create(
        [NoticePreference(account_id=account_id, **asdict(Ways()))], ignore_conflicts=True
    )
    return NoticePreference.objects.select_for_update().get(account=account_id)
