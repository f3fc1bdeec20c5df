"""What somebody has typed and not yet sent: kept in the session, sealed like the claim itself.

A session is a row of the database, and what is typed here is about an illness: it is sealed under
the member's key, bound to the account, and a read of it is recorded like any other.
"""

from __future__ import annotations

import base64
import json
from typing import Any, cast

from django.http import HttpRequest

from members import actions as members
from members.models import Account
from mutualaid import clock


def _name(what: str, number: int) -> str:
    return f"claims.{what}:{number}"


def _where(request: HttpRequest, name: str) -> str:
    return f"session.{name}:{request.user.pk}"


def load(request: HttpRequest, what: str, number: int, *, member_id: int) -> dict[str, Any]:
    """What was typed of `what` (report, appeal) for this membership or claim; {} if nothing."""
    name = _name(what, number)
    kept = request.session.get(name)
    if not kept:
        return {}
    text = members.open_sealed(
        member_id=member_id,
        sealed=base64.b64decode(kept),
        where=_where(request, name),
        what="draft",
        by=cast(Account, request.user),
        why="own",
        at=clock.now(),
        object_id=number,
    )
    return cast(dict[str, Any], json.loads(text))


def save(
    request: HttpRequest, what: str, number: int, typed: dict[str, Any], *, member_id: int
) -> None:
    """Keep it in place of what was kept before."""
    name = _name(what, number)
    text = json.dumps(typed, ensure_ascii=False)
    sealed = members.seal(member_id=member_id, text=text, where=_where(request, name))
    request.session[name] = base64.b64encode(sealed).decode()


def forget(request: HttpRequest, what: str, number: int) -> None:
    """It has been sent."""
    request.session.pop(_name(what, number), None)
