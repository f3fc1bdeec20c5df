"""The desk's pages of this room: people to look up; plans, their rules and questions to set up;
lists of members, pre-checks."""

from members.admin import imports, people, plans, prechecks
from members.admin.people import MemberAdmin, masked_contact

__all__ = ["MemberAdmin", "imports", "masked_contact", "people", "plans", "prechecks"]
