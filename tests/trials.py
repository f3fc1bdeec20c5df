"""How many trials a long test makes, and the seed of all chance in a run.

`make soak` makes the full number, everyday runs a tenth. The seed is in the header of each run and
comes back with `SOAK_SEED=… make soak`.
"""

from __future__ import annotations

import os
import secrets

SOAK = bool(os.environ.get("SOAK"))


def seed() -> int:
    """One for the whole run: the workers inherit it from the process that hands out the work."""
    return int(os.environ.setdefault("SOAK_SEED", str(secrets.randbelow(10**9))))


def trials(full: int) -> int:
    """`full` in `make soak`, else a tenth, at least one. Mark the test `pytest.mark.trials`."""
    return full if SOAK else max(1, full // 10)
