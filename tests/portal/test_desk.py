"""The staff's front door: who gets in, and what the queue shows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib import admin
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, reverse
from django.utils.regex_helper import normalize

from assessments.models import Payout
from assessments.states import PayoutState
from claims import actions as claims
from claims.states import Status
from disclosures import actions as disclosures
from disclosures.models import Objection
from jury.models import Ballot
from members import actions as members
from mutualaid import clock
from tests import make

pytestmark = pytest.mark.django_db

SAMPLES = {"pk": "1", "place": "1", "page": "1", "object_id": "1", "content_type_id": "1"}


def staff_paths() -> Iterator[str]:
    """The path of every page of the desk, with something in the place of each argument."""
    yield from _paths(admin.site.urls[0], "/staff/")


def _paths(patterns: list[URLPattern | URLResolver], so_far: str) -> Iterator[str]:
    for pattern in patterns:
        for path, names in normalize(pattern.pattern.regex.pattern):
            filled = so_far + path % {name: SAMPLES.get(name, "claims") for name in names}
            if isinstance(pattern, URLResolver):
                yield from _paths(pattern.url_patterns, filled)
            else:
                yield filled


def test_there_are_enough_pages_to_be_worth_asking() -> None:
    paths = set(staff_paths())

    assert {
        "/staff/",
        "/staff/take-next/",
        "/staff/claims/claim/1/work/",
        "/staff/claims/claim/1/papers/",
        "/staff/claims/claim/1/papers/1/1/image/",
        "/staff/claims/claim/1/show/",
        "/staff/assessments/payout/release/1/",
        "/staff/assessments/period/1/closing/",
    } <= paths
    assert len(paths) > 60


def test_a_password_alone_opens_no_page_of_the_desk() -> None:
    boss = make.staff("reviewer")
    boss.is_superuser = True
    boss.save()
    client = make.desk_client(boss, second_factor=False)

    for path in staff_paths():
        for answer in (client.get(path), client.post(path)):
            assert answer.status_code in {301, 302, 405}, path
            if answer.status_code == 302:
                where = answer["Location"]
                assert where.startswith(("/staff/login/", "/accounts/2fa/")) or (
                    path in {"/staff/logout/"} and where == "/staff/"
                ), f"{path} -> {where}"


def test_without_a_second_factor_one_is_asked_to_set_it_up() -> None:
    client = make.desk_client(make.staff("adjuster"), second_factor=False)

    answer = client.get("/staff/login/")

    assert answer["Location"] == f"{reverse('mfa_activate_totp')}?next=%2Fstaff%2F"


def test_the_second_factor_of_another_account_does_not_count() -> None:
    client = make.desk_client(make.staff("adjuster"))
    session = client.session
    session["account_authentication_methods_user"] = str(make.staff("reviewer").pk)
    session.save()

    assert client.get("/staff/").status_code == 302


@pytest.mark.parametrize("ago", [8 * 3600 + 1, -60])
def test_a_second_factor_of_long_ago_or_of_a_moved_clock_does_not_count(ago: int) -> None:
    fresh = make.desk_client(make.staff("adjuster"), at=time.time() - 7 * 3600)
    client = make.desk_client(make.staff("adjuster"), at=time.time() - ago)

    assert fresh.get("/staff/").status_code == 200
    assert client.get("/staff/").status_code == 302


def test_a_member_is_told_that_this_is_not_their_place() -> None:
    client = make.desk_client(make.account())

    answer = client.get("/staff/claims/claim/", follow=True)

    assert answer.status_code == 403


def test_a_stranger_is_asked_to_log_in() -> None:
    answer = Client().get("/staff/", follow=True)

    assert answer.redirect_chain[-1][0].startswith("/accounts/login/")


def test_a_role_that_is_taken_away_is_gone_at_the_next_request() -> None:
    claim, reviewer = make.claim(Status.REVIEWING), make.staff("reviewer")
    client = make.desk_client(reviewer)
    page = reverse("admin:claims_claim_workspace", args=[claim.pk])
    assert client.get(page).status_code == 200

    reviewer.groups.clear()

    assert client.get(page).status_code == 403


def test_who_does_not_work_here_any_more_is_out_at_the_next_request() -> None:
    reviewer = make.staff("reviewer")
    client = make.desk_client(reviewer)
    assert client.get("/staff/").status_code == 200

    reviewer.is_staff = False
    reviewer.save()

    assert client.get("/staff/").status_code == 302


def test_nothing_is_added_changed_or_deleted_by_hand_not_even_by_a_superuser() -> None:
    boss = make.staff("reviewer")
    boss.is_superuser = True
    boss.save()
    request = RequestFactory().get("/staff/")
    request.user = boss

    offers = [
        model
        for model, its_admin in admin.site._registry.items()
        if its_admin.has_add_permission(request)
        or its_admin.has_change_permission(request)
        or its_admin.has_delete_permission(request)
        or its_admin.get_actions(request)
    ]

    assert offers == []
    assert Ballot not in admin.site._registry


def test_every_list_and_page_opens_for_its_role() -> None:
    claim = make.claim(Status.APPEALED)
    make.case(claim=claim)
    payout = make.payout(PayoutState.PAID)
    boss = make.staff("reviewer")
    boss.is_superuser = True
    boss.save()
    client = make.desk_client(boss)

    for model in admin.site._registry:
        label = f"{model._meta.app_label}_{model._meta.model_name}"
        assert client.get(reverse(f"admin:{label}_changelist")).status_code == 200, label
        assert client.get(reverse(f"admin:{label}_changelist") + "?q=1").status_code == 200, label
        row = model._default_manager.first()
        if row is not None:
            url = reverse(f"admin:{label}_change", args=[row.pk])
            assert client.get(url, follow=True).status_code == 200, label
    assert Payout.objects.get() == payout


def test_the_queue_shows_what_is_mine_by_due_date_and_names_nobody() -> None:
    claim, adjuster = make.claim(Status.SUBMITTED), make.staff("adjuster")
    claims.take(claim_id=claim.pk, by=adjuster, at=clock.now())
    client = make.desk_client(adjuster)

    page = client.get("/staff/").content.decode()

    assert claim.number in page
    assert claim.member.name not in page


def test_the_next_one_is_taken_by_whoever_presses_first() -> None:
    claim = make.claim(Status.SUBMITTED)
    first, second = make.staff("adjuster"), make.staff("adjuster")

    answer = make.desk_client(first).post(reverse("admin:take_next"))
    nothing = make.desk_client(second).post(reverse("admin:take_next"))

    claim.refresh_from_db()
    assert answer["Location"] == reverse("admin:claims_claim_workspace", args=[claim.pk])
    assert nothing["Location"] == reverse("admin:index")
    assert claim.owner == first


def test_the_clock_of_a_task_stands_still_only_for_the_member() -> None:
    wanted = make.claim(Status.PAPERS_WANTED)
    clock.move_to(clock.now() + timedelta(days=90), frozen=True)
    assert wanted.owner is not None
    client = make.desk_client(wanted.owner)

    late = client.get("/staff/?show=late").context["queue"]
    stopped = client.get("/staff/?show=stopped").context["queue"]

    assert (late, [task.number for task in stopped]) == ([], [wanted.number])


def objection() -> Objection:
    case = make.disclosure(members=3).period.cases.get()
    by = make.guardian(case.claim.member)
    grounds = "金额和规则写的不一样，请再核对一遍。"
    return disclosures.object_to(case_id=case.pk, grounds=grounds, by=by, at=clock.now())


def test_an_objection_is_answered_on_its_page_and_sets_the_case_aside() -> None:
    raised, officer = objection(), make.staff("data_officer")
    client = make.desk_client(officer)
    page = reverse("admin:disclosures_objection_answer", args=[raised.pk])

    bare = client.post(page, {"sustained": "yes", "answer": ""})
    client.post(page, {"sustained": "yes", "answer": "核对后确有出入。"})

    raised.refresh_from_db()
    raised.case.refresh_from_db()
    assert bare.context["problems"][0][0] == "id_answer"
    assert (raised.sustained, raised.answered_by) == (True, officer)
    assert raised.case.set_aside_at is not None


def test_who_may_only_look_at_objections_answers_none() -> None:
    raised, officer = objection(), make.staff("data_officer")
    group = officer.groups.get()
    group.permissions.remove(group.permissions.get(codename="change_objection"))
    page = reverse("admin:disclosures_objection_answer", args=[raised.pk])

    answer = make.desk_client(officer).post(page, {"sustained": "no", "answer": "没有出入。"})

    raised.refresh_from_db()
    assert (answer.status_code, raised.answered_at) == (403, None)


def test_a_member_is_found_by_the_fingerprint_of_the_id_number() -> None:
    number = make.id_number()
    by = make.account()
    person = members.add_member(
        account_id=by.pk, name="林秀梅", id_number=number, relation="self", by=by, at=clock.now()
    )
    make.member()
    client = make.desk_client(make.staff("data_officer"))

    found = client.get(reverse("admin:members_member_changelist"), {"q": number})

    assert [row.pk for row in found.context["cl"].result_list] == [person.pk]
    assert "林秀梅" not in found.content.decode()
    assert not person.accesses.exists()
