"""The world in one call: each maker brings its object to a state by the real actions.

Makers that need a time take `at`; the default is NOON, where every test's clock stands.
"""

from __future__ import annotations

from datetime import datetime
from itertools import count

from members.models import Account
from mutualaid.clock import SHANGHAI
from mutualaid.roles import ensure_roles

NOON = datetime(2021, 12, 1, 12, tzinfo=SHANGHAI)
PASSWORD = "correct-horse-battery"
_numbers = count(1)


def account(email: str = "", **fields: object) -> Account:
    """A login, as signing up leaves it."""
    email = email or f"person{next(_numbers)}@example.org"
    return Account.objects.create_user(email, PASSWORD, **fields)


def staff(role: str, name: str = "") -> Account:
    """A member of staff with one role of mutualaid/roles.py."""
    number = next(_numbers)
    person = account(
        f"{role}{number}@example.org",
        is_staff=True,
        display_name=name or f"{role} {number}",
        staff_number=f"D{number:04d}",
    )
    person.groups.add(ensure_roles()[role])
    return person


# --- members ---------------------------------------------------------------------------------

# --- claims ----------------------------------------------------------------------------------

# --- jury ------------------------------------------------------------------------------------

# --- assessments -----------------------------------------------------------------------------

# --- disclosures -----------------------------------------------------------------------------
