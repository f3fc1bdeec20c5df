"""What somebody has typed and not yet sent: kept in the session, sealed like the claim itself.

A session is a row of the database, and what is typed here is about an illness: it is sealed under
the member's key, bound to the account, and a read of it is recorded like any other.
"""

from __future__ import annotations

import base64
import json
from typing import Any, cast

from django.contrib.sessions.backends.base import SessionBase

from members import actions as members
from members.models import Account
from mutualaid import clock


class Draft:
    """One thing on its way: what (report, appeal) of which membership or claim, by whom."""

    def __init__(
        self, session: SessionBase, what: str, number: int, *, member_id: int, by: Account
    ) -> None:
        self.session, self.number, self.member_id, self.by = session, number, member_id, by
        self.name = f"claims.{what}:{number}"
        self.where = f"session.{self.name}:{by.pk}"

    def load(self) -> dict[str, Any]:
        """What was typed so far; {} if nothing."""
        kept = self.session.get(self.name)
        if not kept:
            return {}
        text = members.open_sealed(
            member_id=self.member_id,
            sealed=base64.b64decode(kept),
            where=self.where,
            what="draft",
            by=self.by,
            why="own",
            at=clock.now(),
            object_id=self.number,
        )
        return cast(dict[str, Any], json.loads(text))

    def keep(self, typed: dict[str, Any]) -> None:
        """In place of what was kept before."""
        text = json.dumps(typed, ensure_ascii=False)
        sealed = members.seal(member_id=self.member_id, text=text, where=self.where)
        self.session[self.name] = base64.b64encode(sealed).decode()

    def forget(self) -> None:
        """It has been sent."""
        self.session.pop(self.name, None)
