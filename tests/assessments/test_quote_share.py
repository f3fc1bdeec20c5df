"""The command line of outsiders: one line of JSON, or one sentence and exit 2."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("DATABASE_", "BROKER_", "MUTUALAID_", "DJANGO_")


def quote_share(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    environment |= {"MUTUALAID_DATA_DIR": str(tmp_path / "data"), "PYTHONUTF8": "1"}
    return subprocess.run(
        [sys.executable, "manage.py", "quote_share", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_real_plan_of_december_2021_shares_702_fen(tmp_path: Path) -> None:
    done = quote_share(
        tmp_path,
        *("--members", "71177000"),
        *("--benefit-fen", "30000000x800"),
        *("--benefit-fen", "10000000x2226"),
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    assert json.loads(done.stdout) == {
        "share_fen": 702,
        "pool_fen": 49_960_800_000,
        "benefits_fen": 46_260_000_000,
        "fees_fen": 3_700_800_000,
        "operator_fen": 0,
        "surplus_out_fen": 5_454_000,
    }
    assert not (tmp_path / "data").exists(), "no server was started"


def test_one_yuan_among_three_is_34_fen_with_2_left_over(tmp_path: Path) -> None:
    done = quote_share(tmp_path, "--members", "3", "--benefit-fen", "100x1", "--fee-bp", "0")

    got = json.loads(done.stdout)
    assert (got["share_fen"], got["surplus_out_fen"]) == (34, 2)


def test_surplus_cap_and_operator_are_heard(tmp_path: Path) -> None:
    capped = quote_share(
        tmp_path,
        *("--members", "100", "--benefit-fen", "5000x1", "--benefit-fen", "500x1"),
        *("--case-cap-fen", "10", "--surplus-fen", "40"),
    )
    borne = quote_share(tmp_path, "--members", "9", "--benefit-fen", "100x2", "--operator-bears")

    assert json.loads(capped.stdout) == {
        "share_fen": 15,
        "pool_fen": 1500,
        "benefits_fen": 5500,
        "fees_fen": 440,
        "operator_fen": 4400,
        "surplus_out_fen": 0,
    }
    assert json.loads(borne.stdout)["operator_fen"] == 216
    assert json.loads(borne.stdout)["share_fen"] == 0


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--members", "0", "--benefit-fen", "100x1"],
        ["--members=-3", "--benefit-fen", "100x1"],
        ["--members", "-3", "--benefit-fen", "100x1"],
        ["--members", "3"],
        ["--members", "3", "--benefit-fen", "100"],
        ["--members", "3", "--benefit-fen", "100x"],
        ["--members", "3", "--benefit-fen=-100x1"],
        ["--members", "3", "--benefit-fen", "-100x1"],
        ["--members", "3", "--benefit-fen", "100x0"],
        ["--members", "3", "--benefit-fen", "1.5x2"],
        ["--members", "3", "--benefit-fen", "100x1", "--fee-bp", "8%"],
        ["--members", "3", "--benefit-fen", "100x1", "--surplus-fen=-1"],
        ["--members", "3", "--benefit-fen", "100x1", "--case-cap-fen", "ten"],
        ["--members", "9" * 30, "--benefit-fen", "100x1"],
        ["--members", "3", "--benefit-fen", "100x1", "--unknown"],
        ["--members", "3", "--benefit-fen"],
    ],
    ids=" ".join,
)
def test_bad_input_is_one_sentence_on_stderr_and_exit_2(words: list[str], tmp_path: Path) -> None:
    done = quote_share(tmp_path, *words)

    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr
