"""Every status is reached by real actions, and then says who acts next and by when."""

from __future__ import annotations

import pytest

from claims.states import OPEN, Status
from tests import make

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("status", Status)
def test_every_status_is_reached_by_the_actions(status: Status) -> None:
    claim = make.claim(status)

    assert claim.status == status
    assert (claim.due_at is not None) == (status in OPEN or status in ("granted", "refused"))
    assert claim.events.filter(new=status).exists()
