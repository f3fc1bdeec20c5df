"""The receipt of joining on paper: asked for, made by a worker, handed to the family.

A receipt is a row that waits, or holds the PDF sealed under the member's key. It is made in one
transaction: a worker that is killed leaves a row that waits.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import override

from members import places, policies, receipts
from members.actions.sealing import open_sealed, seal
from members.models import Account, Membership, Receipt
from mutualaid import clock, pdf
from mutualaid.errors import Invalid, NotNow

RECEIPT_DAYS = 30  # a receipt that is made is kept; then it can be asked for again
_A_PASS = 200


@transaction.atomic
def ask_receipt(*, membership_id: int, language: str, by: Account, at: datetime) -> Receipt:
    """Ask for the receipt as a PDF in that language; one that is there comes back as it is. Locks
    the membership. Raises Forbidden outside the family, Invalid for a language we do not write."""
    membership = Membership.objects.select_for_update().get(pk=membership_id)
    policies.check_acts_for(by, membership.member_id)
    if language not in dict(settings.LANGUAGES):
        raise Invalid(_("There is no receipt in this language."), field="language")
    receipt, _made = Receipt.objects.get_or_create(
        membership=membership,
        language=language,
        defaults={"member_id": membership.member_id, "asked_at": at},
    )
    return receipt


def receipts_due(*, at: datetime) -> int:
    """Make the receipts that were asked for, the oldest first, and remove those whose days are
    over; returns how many were made. What goes wrong with one never stops the others: it is raised
    after them."""
    over = Receipt.objects.filter(made_at__lte=at - timedelta(days=RECEIPT_DAYS))
    Receipt.objects.filter(pk__in=list(over.values_list("pk", flat=True)[:_A_PASS])).delete()
    waiting = Receipt.objects.filter(made_at__isnull=True).order_by("asked_at", "pk")
    made: list[int] = []
    with ExitStack() as rest:
        for key in reversed(waiting.values_list("pk", flat=True)[:_A_PASS]):
            rest.callback(partial(_make, key, made))
    return len(made)


@transaction.atomic
def _make(receipt_id: int, made: list[int]) -> None:
    """One receipt, unless it was forgotten or another worker has it in hand. Locks its row."""
    waiting = Receipt.objects.select_for_update(skip_locked=True, of=("self",))
    receipt = waiting.filter(pk=receipt_id, made_at__isnull=True).first()
    if receipt is None:
        return
    related = Membership.objects.select_related("member", "plan", "rules__plan", "declaration")
    membership = related.get(pk=receipt.membership_id)
    with override(receipt.language):
        html = render_to_string("members/pdf/receipt.html", receipts.paper(membership))
    receipt.pdf_sealed = seal(
        member_id=receipt.member_id, text=pdf.render(html), where=places.receipt(receipt_id)
    )
    receipt.made_at = clock.now()
    receipt.save(update_fields=["pdf_sealed", "made_at"])
    made.append(receipt_id)


@transaction.atomic
def open_receipt(*, receipt_id: int, by: Account, why: str, at: datetime) -> bytes:
    """The PDF, for the family; recorded. Raises NotNow while it is being made."""
    receipt = Receipt.objects.get(pk=receipt_id)
    policies.check_acts_for(by, receipt.member_id)
    if receipt.pdf_sealed is None:
        raise NotNow(_("The receipt is being made. Look again in a minute."))
    return open_sealed(
        member_id=receipt.member_id, sealed=receipt.pdf_sealed, where=places.receipt(receipt_id),
        what="receipt", by=by, why=why, at=at, object_id=receipt_id,
    )  # fmt: skip
