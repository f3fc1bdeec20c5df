"""Publishing a period: once its hour has come, exactly, and again when a case is set aside."""

from __future__ import annotations

import hashlib
import json
import threading
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from assessments import actions as assessments
from assessments.models import Period
from assessments.states import Stage
from claims.states import Status
from disclosures import actions, data
from disclosures.models import Disclosure
from members.models import Notice
from mutualaid import clock
from tests import make

pytestmark = pytest.mark.django_db


def test_a_locked_period_is_published_when_its_hour_has_come() -> None:
    period = make.period(Stage.LOCKED, cases=2)
    clock.move_to(period.disclose_at, frozen=True)

    [disclosure] = actions.publish_due(at=clock.now())

    period.refresh_from_db()
    assert (period.stage, period.digest) == (Stage.DISCLOSED, disclosure.sha256)
    assert (disclosure.version, disclosure.published_at) == (1, period.disclose_at)
    assert disclosure.sha256 == hashlib.sha256(disclosure.data.encode()).hexdigest()


def test_nothing_is_published_a_moment_before_its_hour() -> None:
    period = make.period(Stage.LOCKED)
    clock.move_to(period.disclose_at - timedelta(microseconds=1), frozen=True)

    made = actions.publish_due(at=period.disclose_at)

    assert made == []


def test_publishing_again_makes_no_second_version() -> None:
    make.disclosure()

    assert actions.publish_due(at=clock.now()) == []
    assert Disclosure.objects.count() == 1


def test_the_published_figures_are_those_of_the_split() -> None:
    disclosure = make.disclosure(cases=2, members=7)
    period = disclosure.period
    clock.move_to(period.split_at, frozen=True)

    assessments.split_due(at=clock.now())

    period.refresh_from_db()
    assert disclosure.content["figures"] == {
        "cases": 2,
        "members": period.members,
        "benefits_fen": period.benefits_fen,
        "fees_fen": period.fees_fen,
        "operator_fen": period.operator_fen,
        "surplus_in_fen": period.surplus_in_fen,
        "pool_fen": period.pool_fen,
        "share_fen": period.share_fen,
        "charged_fen": period.charged_fen,
        "surplus_out_fen": period.surplus_out_fen,
    }


def test_what_comes_in_goes_out_in_the_published_figures() -> None:
    figures = make.disclosure(cases=3, members=7).content["figures"]

    came = figures["charged_fen"] + figures["operator_fen"] + figures["surplus_in_fen"]
    assert came == figures["benefits_fen"] + figures["fees_fen"] + figures["surplus_out_fen"]


def test_the_published_text_is_canonical_with_whole_fen_only() -> None:
    disclosure = make.disclosure()

    content = json.loads(disclosure.data, parse_float=lambda text: pytest.fail(f"a float: {text}"))

    assert disclosure.data == data.canonical(content)


def test_the_whole_plan_is_told_the_expected_share_and_the_day_of_the_debit() -> None:
    disclosure = make.disclosure()

    notice = Notice.objects.get(code="period_disclosed")

    assert (notice.plan_id, notice.account_id) == (disclosure.period.plan_id, None)
    assert notice.facts["share_fen"] == disclosure.content["figures"]["share_fen"]
    assert notice.facts["split_on"] == clock.day(disclosure.period.split_at).isoformat()


def test_a_late_publication_tells_a_later_day_of_the_debit() -> None:
    period = make.period(Stage.LOCKED)
    clock.move_to(period.disclose_at + timedelta(days=3), frozen=True)

    actions.publish_due(at=clock.now())

    notice = Notice.objects.get(code="period_disclosed")
    assert notice.facts["split_on"] == clock.day(clock.now() + timedelta(days=7)).isoformat()


def test_a_case_that_is_set_aside_makes_a_new_version_beside_the_old() -> None:
    first = make.disclosure(cases=2)
    case = first.period.cases.order_by("code")[0]
    assessments.set_aside(case_id=case.pk, why="…", by=make.staff("finance"), at=clock.now())

    [second] = actions.publish_due(at=clock.now())

    assert (second.version, second.content["replaces"]) == (2, first.sha256)
    assert second.content["set_aside"] == [case.code]
    assert case.code not in {shown["code"] for shown in second.content["cases"]}
    period = Period.objects.get(pk=first.period_id)
    assert (period.digest, period.disclosed_at) == (second.sha256, first.published_at)
    first.refresh_from_db()
    assert first.version == 1


def test_after_the_split_nothing_is_published_again() -> None:
    disclosure = make.disclosure()
    clock.move_to(disclosure.period.split_at, frozen=True)
    assessments.split_due(at=clock.now())

    assert actions.publish_due(at=clock.now()) == []


def test_refused_claims_are_counted_without_what_would_name_them() -> None:
    make.claim(Status.REFUSED)

    content = make.disclosure().content

    assert content["refused"] == {
        "count": 1,
        "reasons": [
            {
                "disease_group": "cancer",
                "clause": "",
                "criterion_zh": "",
                "criterion_en": "",
                "count": 1,
            }
        ],
    }


def test_five_claims_refused_alike_name_the_condition() -> None:
    for _claim in range(5):
        make.claim(Status.REFUSED)

    [reason] = make.disclosure().content["refused"]["reasons"]

    assert reason["count"] == 5
    assert reason["clause"]
    assert reason["criterion_zh"]


def test_a_case_that_a_jury_granted_says_so_when_five_are_alike() -> None:
    claim = make.claim(Status.APPEALED)
    case = make.case(claim=claim)
    make.ballots(case, support=3)
    make.close(case)

    content = make.disclosure(cases=4).content

    by_jury = [shown.get("by_jury") for shown in content["cases"]]
    assert sorted(by_jury) == [False, False, False, False, True]
    assert [verdict["support"] for verdict in content["verdicts"]] == [3]


def test_the_application_cannot_change_or_delete_what_was_published() -> None:
    disclosure = make.disclosure()

    for statement in (
        "UPDATE disclosures_disclosure SET data = '{}' WHERE id = %s",
        "DELETE FROM disclosures_disclosure WHERE id = %s",
        "UPDATE disclosures_publishedfile SET sha256 = '' WHERE disclosure_id = %s",
    ):
        with (
            pytest.raises(DatabaseError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, [disclosure.pk])


def test_a_changed_row_is_not_shown() -> None:
    disclosure = make.disclosure()

    disclosure.data = disclosure.data.replace('"version":1', '"version":7')

    with pytest.raises(ValueError, match="not what was published"):
        disclosure.content  # noqa: B018 - reading it is the test


@pytest.mark.django_db(transaction=True)
def test_two_workers_make_one_version() -> None:
    period = make.period(Stage.LOCKED)
    clock.move_to(period.disclose_at, frozen=True)
    at, both = clock.now(), threading.Barrier(2)
    made: list[Disclosure | None] = []

    def publish() -> None:
        try:
            both.wait()
            made.append(actions.publish(period_id=period.pk, at=at))
        finally:
            connection.close()

    workers = [threading.Thread(target=publish) for _worker in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert len([one for one in made if one]) == 1
    assert len(made) == 2
    assert Disclosure.objects.count() == 1
