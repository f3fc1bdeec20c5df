"""The desk's pages of this room: people and plans to look up, lists of members, pre-checks."""

from members.admin import imports, people, prechecks
from members.admin.people import MemberAdmin, masked_contact

__all__ = ["MemberAdmin", "imports", "masked_contact", "people", "prechecks"]
