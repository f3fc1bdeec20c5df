"""The steps of a login between its first proof and the session."""

from __future__ import annotations

from typing import Any

from allauth.account.stages import EmailVerificationStage


class EmailStage(EmailVerificationStage):  # type: ignore[misc]
    """An address is confirmed before it logs in; who has none logs in by phone."""

    def handle(self) -> Any:
        user = self.login.user
        if user is not None and not user.email and not self.login.email:
            return None, True
        return super().handle()
