"""The parts of `make lint` that a broken product would show: they run with the tests, too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
NOWHERE = {
    "DJANGO_SETTINGS_MODULE": "mutualaid.settings",
    "DATABASE_URL": "postgresql://nobody@localhost/none",
    "BROKER_URL": "redis://localhost/0",
}


@pytest.mark.parametrize("script", ["check_templates.py", "check_texts.py"])
def test_nothing_to_complain_about(script: str) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MUTUALAID_")} | NOWHERE
    checked = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / script)],
        check=False,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert (checked.returncode, checked.stdout) == (0, ""), checked.stdout + checked.stderr
