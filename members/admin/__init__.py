"""The desk's pages of this room: people and plans to look up, pre-checks."""

from members.admin import people, prechecks
from members.admin.people import by_number

__all__ = ["by_number", "people", "prechecks"]
