"""Quorum and strict majority, for every panel of up to nine and every way it can vote."""

from itertools import permutations

import pytest

from jury.tally import ABSTAIN, AGAINST, SUPPORT, Outcome, Why, decide


def ballots(support: int, against: int, abstain: int) -> list[str]:
    return [SUPPORT] * support + [AGAINST] * against + [ABSTAIN] * abstain


def every_vote(panel: int) -> list[tuple[int, int, int]]:
    seats = range(panel + 1)
    return [(s, a, n) for s in seats for a in seats for n in seats if s + a + n <= panel]


@pytest.mark.parametrize("panel", range(1, 10))
@pytest.mark.parametrize("extended", [False, True])
def test_every_vote_of_a_small_panel(panel: int, extended: bool) -> None:
    for quorum in range(1, panel + 1):
        for support, against, abstain in every_vote(panel):
            got = decide(
                ballots(support, against, abstain), panel=panel, quorum=quorum, extended=extended
            )

            assert (got.support, got.against, got.abstain) == (support, against, abstain)
            # Said otherwise than in the code: overturned if and only if more than half of the
            # valid ballots support it and the quorum is there.
            valid, enough = support + against, support + against + abstain >= quorum
            assert (got.outcome is Outcome.OVERTURNED) == (enough and 2 * support > valid)
            assert (got.outcome is Outcome.EXTEND) == (not enough and not extended)
            assert (got.why is Why.NO_QUORUM) == (not enough)
            assert (got.why is Why.TIE) == (enough and 2 * support == valid)


@pytest.mark.parametrize("extended", [False, True])
def test_the_order_of_ballots_does_not_matter(extended: bool) -> None:
    for vote in [(2, 1, 1), (1, 1, 2), (1, 2, 1), (1, 0, 0)]:
        results = {
            decide(order, panel=4, quorum=2, extended=extended)
            for order in permutations(ballots(*vote))
        }

        assert len(results) == 1


def test_an_empty_box_is_extended_once_and_then_the_first_decision_stands() -> None:
    first = decide([], panel=9, quorum=5, extended=False)
    second = decide([], panel=9, quorum=5, extended=True)

    assert (first.outcome, first.why) == (Outcome.EXTEND, Why.NO_QUORUM)
    assert (second.outcome, second.why) == (Outcome.UPHELD, Why.NO_QUORUM)


def test_abstentions_count_for_the_quorum_and_not_for_the_majority() -> None:
    got = decide(ballots(2, 1, 18), panel=31, quorum=21, extended=False)

    assert (got.outcome, got.why, got.cast) == (Outcome.OVERTURNED, Why.MAJORITY, 21)


def test_thirteen_for_and_eighteen_against_uphold_the_refusal() -> None:
    """The case of the steroids, domain.md §3b."""
    got = decide(ballots(13, 18, 0), panel=31, quorum=21, extended=False)

    assert (got.outcome, got.why) == (Outcome.UPHELD, Why.MAJORITY)


@pytest.mark.parametrize(
    ("cast", "panel", "quorum"),
    [
        (["support", "maybe"], 3, 2),
        (ballots(4, 0, 0), 3, 2),
        (ballots(1, 0, 0), 3, 0),
        (ballots(1, 0, 0), 3, 4),
        ([], 0, 0),
    ],
)
def test_a_vote_that_was_not_held_by_the_rules_decides_nothing(
    cast: list[str], panel: int, quorum: int
) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        decide(cast, panel=panel, quorum=quorum, extended=False)
