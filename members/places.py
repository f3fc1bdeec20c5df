"""What a sealed value is bound to, and how answers are written before they are sealed.

One list for `actions` and `bulk`: a value sealed by one opens for the other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from mutualaid import vault


def id_number(member_id: int) -> str:
    """The place of a member's ID number."""
    return f"members_member.id_number:{member_id}"


def declaration(declaration_id: int) -> str:
    """The place of a declaration's answers."""
    return f"members_declaration.answers:{declaration_id}"


def draft(draft_id: int) -> str:
    """The place of the answers on the way to joining."""
    return f"members_joindraft.answers:{draft_id}"


def precheck_story(precheck_id: int) -> str:
    """The place of what somebody asks a reviewer about a health question."""
    return f"members_precheck.story:{precheck_id}"


def precheck_reply(precheck_id: int) -> str:
    """The place of the reviewer's written answer."""
    return f"members_precheck.reply:{precheck_id}"


def receipt(receipt_id: int) -> str:
    """The place of a receipt of joining."""
    return f"members_receipt.pdf:{receipt_id}"


def phone(account_id: int) -> str:
    """The place of an account's phone number."""
    return f"members_phone.number:{account_id}"


def phone_hash(number: str) -> bytes:
    """By which a phone number is found again (members_phone)."""
    return vault.keyed_hash(number, purpose="phone")


def written(answers: Mapping[str, str]) -> str:
    """Answers as canonical JSON: the same answers are the same text."""
    return json.dumps(dict(answers), sort_keys=True, separators=(",", ":"))


def digest(member_id: int, text: str) -> bytes:
    """By which a declaration is known to be unchanged, and says nothing of another member's."""
    return vault.keyed_hash(f"{member_id}\0{text}", purpose="declaration")


def id_hash(number: str) -> bytes:
    """By which an ID number is found again (members_identitynumber)."""
    return vault.keyed_hash(number, purpose="id number")


def feed_hash(token: str) -> bytes:
    """By which the secret link of a calendar is found again (members_calendarfeed)."""
    return vault.keyed_hash(token, purpose="calendar feed")
