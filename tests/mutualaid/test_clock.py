"""The one clock, and who may move it."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from mutualaid import clock
from tests import make


@pytest.mark.django_db
def test_a_frozen_clock_stands_still() -> None:
    assert clock.now() == clock.now() == make.NOON


@pytest.mark.django_db
def test_a_moved_clock_goes_on_from_where_it_was_put() -> None:
    clock.move_to(make.NOON)

    first, second = clock.now(), clock.now()

    assert make.NOON <= first < second < make.NOON + timedelta(minutes=1)
    assert not clock.is_real()


@pytest.mark.django_db
def test_the_application_cannot_write_the_offset_row_itself() -> None:
    with (
        pytest.raises(DatabaseError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE mutualaid_clock SET \"offset\" = interval '1 day'")


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_a_clock_that_its_owner_has_not_marked_does_not_move() -> None:
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        cursor.execute("UPDATE mutualaid_clock SET movable = false")

    with pytest.raises(DatabaseError, match="does not move"):
        clock.move_to(make.NOON)
