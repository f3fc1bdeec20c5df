"""A copy of all we hold of a family, and forgetting a person: asked for, waited for, done.

Forgetting is crypto-shredding: the data key of the person is deleted, and with it everything that
is sealed is unreadable, in every backup too once the key is gone from it. Books, shares and the
record of decisions stay, under numbers that lead to nobody.
"""

from __future__ import annotations

import hashlib
import json
import uuid
import zipfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from members import inbox, policies, rights, rules
from members.actions.accounts import end_logins
from members.actions.ends import end_membership
from members.actions.notifying import notify
from members.models import (
    AccessRecord,
    Account,
    DataExport,
    DataKey,
    Erasure,
    ErasureRequest,
    FamilyRequest,
    HelpCall,
    HouseholdLink,
    IdentityNumber,
    JoinDraft,
    Mandate,
    Member,
    Membership,
    NoticePreference,
    Phone,
    Receipt,
    Recovery,
)
from members.rights import Section
from mutualaid import clock
from mutualaid.errors import Forbidden, NotNow
from mutualaid.sealed_files import SealedWriter, open_file
from mutualaid.turns import only_one

EXPORT_DAYS, EXPORTS_A_DAY = 7, 3
HOLD_DAYS = 14  # in which a wish to be forgotten can be taken back
FORGOTTEN = "*"  # the name of somebody who was forgotten


# --- a copy of everything


@transaction.atomic
def ask_export(*, account_id: int, by: Account, at: datetime) -> DataExport:
    """Ask for a copy; a worker makes it. One that is under way comes back as it is. Locks the
    account. Raises NotNow after three a day."""
    account = Account.objects.select_for_update().get(pk=account_id)
    policies.check_own(by, account)
    under_way = account.exports.filter(made_at__isnull=True, gone_at__isnull=True).first()
    if under_way:
        return under_way
    if account.exports.filter(asked_at__gt=at - timedelta(days=1)).count() >= EXPORTS_A_DAY:
        raise NotNow(_("Three copies have been made today. The newest is on this page."))
    parts = 1 + _whose(account).count()
    return DataExport.objects.create(account=account, file=uuid.uuid4(), asked_at=at, parts=parts)


def _whose(account: Account) -> Any:
    """The people whose data the account may have: those who agreed that it acts for them."""
    return Member.objects.filter(
        household__account=account, household__consented_at__isnull=False, erased_at__isnull=True
    ).order_by("pk")


def exports_due(*, at: datetime) -> int:
    """Make the copies that were asked for, and remove those whose days are over; returns how many
    were made. What goes wrong with one never stops the others: it is raised after them."""
    _expire(at)
    waiting = DataExport.objects.filter(made_at__isnull=True, gone_at__isnull=True)
    made: list[bool] = []
    with ExitStack() as rest:
        for key in waiting.order_by("-pk").values_list("pk", flat=True):
            rest.callback(_and_keep, made, partial(_make, key))
    return sum(made)


def _and_keep(results: list[bool], step: Callable[[], bool]) -> None:
    results.append(step())


@transaction.atomic
def _expire(at: datetime) -> None:
    over = DataExport.objects.select_for_update(skip_locked=True).filter(
        made_at__lte=at - timedelta(days=EXPORT_DAYS), gone_at__isnull=True
    )
    _remove(over, at)


def _remove(exports: Iterable[DataExport], at: datetime) -> None:
    for export in exports:
        export.gone_at = at
        export.save(update_fields=["gone_at"])
        transaction.on_commit(partial(_path(export).unlink, missing_ok=True))


def _make(export_id: int) -> bool:
    """Write one copy from its beginning, sealed; whether it was this call that made it."""
    with only_one(f"members.export:{export_id}") as mine:
        export = DataExport.objects.select_related("account").get(pk=export_id)
        if not mine or export.made_at or export.gone_at:
            return False
        path = _path(export)
        path.unlink(missing_ok=True)  # half of one, from a process that was killed
        stream = _Stream(path)
        with override(inbox.ways_of(export.account_id).language):
            _write(export, stream)
        stream.sealed.close()
        _finish(export_id, stream)
    return True


@transaction.atomic
def _finish(export_id: int, stream: _Stream) -> None:
    export = DataExport.objects.select_for_update().get(pk=export_id)
    if export.gone_at is not None:  # the account was closed meanwhile
        _path(export).unlink(missing_ok=True)
        return
    at = clock.now()
    export.made_at, export.size, export.digest = at, stream.size, stream.digest.digest()
    export.save(update_fields=["made_at", "size", "digest"])
    until = clock.day(at) + timedelta(days=EXPORT_DAYS)
    facts = {"until_on": until.isoformat()}
    notify(code="export_ready", facts=facts, at=at, account_id=export.account_id)


class _Stream:
    """Where a ZIP is written to, in one go: sealed on its way, counted and digested as it was."""

    def __init__(self, path: Path) -> None:
        self.sealed = SealedWriter(path)
        self.size, self.digest = 0, hashlib.sha256()

    def write(self, data: bytes, /) -> int:
        self.sealed.write(bytes(data))
        self.digest.update(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing: the end flushes."""


def _write(export: DataExport, stream: _Stream) -> None:
    """One part for the login and one for each person, then the two tables of contents."""
    account, people = export.account, []
    with zipfile.ZipFile(cast(IO[bytes], stream), "w", zipfile.ZIP_DEFLATED) as archive:
        login = _part(archive, export, account, None, "")
        for number, member in enumerate(_whose(account), start=1):
            people.append((member, _part(archive, export, account, member, f"person-{number}/")))
        said = {
            "made_at": rights.plain(clock.now()),
            "account": _rows(login),
            "people": [_rows(found) for _member, found in people],
        }
        archive.writestr("data.json", json.dumps(said, ensure_ascii=False, indent=1))
        context = {
            "made_at": clock.now(),
            "login": login,
            "people": people,
            "language": get_language(),
        }
        archive.writestr("index.html", render_to_string("members/export.html", context))


@transaction.atomic
def _part(
    archive: zipfile.ZipFile,
    export: DataExport,
    account: Account,
    member: Member | None,
    folder: str,
) -> list[Section]:
    """What every room holds, with its files put away; the reads and the progress are kept."""
    found = []
    for section in rights.sections_of(account, member, clock.now()):
        for name, data in section.files:
            archive.writestr(f"{folder}{section.code}/{name}", data)
        section.files = []
        found.append(section)
    DataExport.objects.filter(pk=export.pk).update(
        parts_done=1 if member is None else int(folder[7:-1]) + 1
    )
    return found


def _rows(sections: list[Section]) -> dict[str, Any]:
    return {section.code: section.rows for section in sections}


@transaction.atomic
def open_export(*, export_id: int, by: Account, at: datetime) -> BinaryIO:
    """The copy for reading, opened. Who is in it is recorded as read. Raises NotNow while it is not
    made, and once its days are over."""
    export = DataExport.objects.select_related("account").get(pk=export_id)
    policies.check_own(by, export.account)
    over = export.made_at and clock.now() >= export.made_at + timedelta(days=EXPORT_DAYS)
    if export.gone_at is not None or over:
        raise NotNow(_("This copy is no longer there. Ask for a new one."))
    if export.made_at is None:
        raise NotNow(_("This copy is not ready yet. We send a message when it is."))
    AccessRecord.objects.bulk_create(
        AccessRecord(member=member, by=by, what="export", object_id=export.pk, why="own", at=at)
        for member in _whose(export.account)
    )
    return open_file(_path(export))


def export_until(export: DataExport) -> datetime | None:
    """The instant from which a copy that is made is gone."""
    return export.made_at + timedelta(days=EXPORT_DAYS) if export.made_at else None


def _path(export: DataExport) -> Path:
    return Path(settings.EXPORT_DIR) / export.file.hex


# --- being forgotten


@transaction.atomic
def ask_erasure(*, member_id: int, by: Account, at: datetime) -> ErasureRequest:
    """Ask that a person be forgotten, in fourteen days. Locks the member; a wish that waits comes
    back as it is.

    Who has a login of their own asks themselves; for others whoever acts for them (Forbidden).
    Raises NotNow, with every sentence, while a membership, claim, debt or office is open.
    """
    member = Member.objects.select_for_update().get(pk=member_id)
    check_may_erase(by, member)
    waiting = _waiting(member)
    if waiting:
        return waiting
    matters = rights.open_matters_of(member, at)
    if matters:
        raise NotNow(" ".join(matters))
    due_at = at + timedelta(days=HOLD_DAYS)
    made = ErasureRequest.objects.create(member=member, by=by, asked_at=at, due_at=due_at)
    _tell(member, "erasure_asked", at, due_at=due_at.isoformat())
    return made


def check_may_erase(by: Account, member: Member) -> None:
    """The person's own login; where they have none, whoever acts for them. Raises Forbidden."""
    policies.check_acts_for(by, member)
    own = member.household.filter(relation=HouseholdLink.Relation.SELF).first()
    if own is not None and own.account_id != by.pk:
        raise Forbidden(_("This person has a login of their own, so they ask for this themselves."))
    if member.erased_at is not None:
        raise NotNow(_("This person's data were erased at their wish. There is nothing to show."))


def _waiting(member: Member) -> ErasureRequest | None:
    found = ErasureRequest.objects.select_for_update().filter(
        member=member, withdrawn_at__isnull=True, done_at__isnull=True
    )
    return found.first()


@transaction.atomic
def withdraw_erasure(*, request_id: int, by: policies.Actor, at: datetime) -> ErasureRequest:
    """Take the wish back: anybody who acts for the person. Locks the member and the wish. Raises
    NotNow once its day has come, by the clock after the lock."""
    member_id = ErasureRequest.objects.values_list("member_id", flat=True).get(pk=request_id)
    member = Member.objects.select_for_update().get(pk=member_id)
    policies.check_acts_for(by, member, helped=True)
    request = ErasureRequest.objects.select_for_update().get(pk=request_id)
    over = request.withdrawn_at is not None or request.done_at is not None
    if over or clock.now() >= request.due_at:
        raise NotNow(_("This wish has been carried out or taken back. There is nothing to do."))
    request.withdrawn_at = at
    request.save(update_fields=["withdrawn_at"])
    _tell(member, "erasure_withdrawn", at)
    return request


def erasures_due(*, at: datetime) -> int:
    """Forget everybody whose days are over, each in a transaction of their own; returns how many.
    What goes wrong with one never stops the others: it is raised after them."""
    waiting = ErasureRequest.objects.filter(
        due_at__lte=at, withdrawn_at__isnull=True, done_at__isnull=True
    )
    done: list[bool] = []
    with ExitStack() as rest:
        for key in waiting.order_by("-due_at", "-pk").values_list("member_id", flat=True):
            rest.callback(_and_keep, done, partial(_erase_one, key, at))
    return sum(done)


@transaction.atomic
def _erase_one(member_id: int, at: datetime) -> bool:
    """False where the wish was taken back meanwhile, or something was begun since: then it ends,
    and they are told why."""
    member = Member.objects.select_for_update().get(pk=member_id)
    request = _waiting(member)
    if request is None or clock.now() < request.due_at:
        return False
    if rights.open_matters_of(member, at):
        request.withdrawn_at = at
        request.save(update_fields=["withdrawn_at"])
        _tell(member, "erasure_stopped", at)
        return False
    request.done_at = at
    request.save(update_fields=["done_at"])
    _tell(member, "erasure_done", at)
    _erase(member, request.by_id, at)
    return True


def _erase(member: Member, by_id: int, at: datetime) -> None:
    """The only place that forgets; the caller holds the member's lock. Every room first, then ours,
    and the key at the end."""
    for room in rights.rooms():
        room.forget(member.pk)
    accounts = [link.account for link in member.household.select_related("account")]
    own = member.household.filter(relation=HouseholdLink.Relation.SELF).first()
    for model in (HouseholdLink, FamilyRequest, JoinDraft, IdentityNumber, Receipt):
        model._base_manager.filter(member=member).delete()
    for account in accounts:
        _remove(account.exports.filter(gone_at__isnull=True), at)
    if own is not None:
        _close(own.account, at)
    member.name, member.id_number_sealed, member.verified_at = FORGOTTEN, b"", None
    member.birth_on, member.erased_at = member.birth_on.replace(month=1, day=1), at
    member.save()
    Erasure.objects.create(member=member, by_id=by_id, at=at)
    DataKey.objects.filter(member=member).delete()
    transaction.on_commit(partial(_note, member.pk, by_id, at))


def _close(account: Account, at: datetime) -> None:
    """The login of somebody who was forgotten: nobody can use it, and it says nothing of them."""
    if account.is_staff:
        return
    Mandate.objects.filter(account=account, revoked_at__isnull=True).update(revoked_at=at)
    end_logins(account)
    for model in (Phone, Recovery, NoticePreference, FamilyRequest):
        model._base_manager.filter(account=account).delete()
    HelpCall.objects.filter(account=account).update(reason=FORGOTTEN)
    account.display_name, account.is_active = "", False
    account.save()


def _tell(member: Member, code: str, at: datetime, **facts: object) -> None:
    said = {"name": rules.mask_name(member.name)} | facts
    for account_id in member.household.order_by("pk").values_list("account_id", flat=True):
        notify(code=code, facts=said, at=at, account_id=account_id)


# --- forgetting survives a restore


def _note(member_id: int, by_id: int, at: datetime) -> None:
    """Numbers alone, beside the database: after a restore they are forgotten once more."""
    path = Path(settings.ERASURE_LIST)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="ascii") as out:
        out.write(f"{member_id} {by_id} {at.isoformat()}\n")


def replay_erasures(
    *, lines: Iterable[str], at: datetime, told: Callable[[int], None] | None = None
) -> int:
    """Forget again whom a restored database remembers; returns how many. `lines` are those of
    settings.ERASURE_LIST. A membership that the backup still has open is ended as left."""
    count = 0
    for line in lines:
        member_id, by_id, _when = line.split()
        if _again(int(member_id), int(by_id), at):
            count += 1
            if told:
                told(int(member_id))
    return count


@transaction.atomic
def _again(member_id: int, by_id: int, at: datetime) -> bool:
    member = Member.objects.select_for_update().filter(pk=member_id, erased_at__isnull=True).first()
    if member is None:
        return False
    for key in Membership.objects.open().filter(member=member).values_list("pk", flat=True):
        end_membership(membership_id=key, reason=Membership.End.LEFT, by=None, at=at)
    _erase(member, by_id, at)
    return True
