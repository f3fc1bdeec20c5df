"""Lists of members that a co-operative brings: begun, read part by part, done.

A line is judged by the functions that joining itself uses. What it does not say is not guessed: the
line stays out, with the reason, and the list goes on. Each part is one transaction that also moves
the row of the run, so that a run killed anywhere goes on at the byte where it stopped.
"""

from __future__ import annotations

import codecs
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from members import bulk_import, imports, policies
from members.actions.admission import check_open
from members.actions.judging import Ids, Judge
from members.bulk_import import Household, Person
from members.imports import Layout, Line, Part, Refused, Sentence
from members.models import (
    Account,
    Declaration,
    ImportRun,
    Member,
    Membership,
    Plan,
    Rules,
)
from mutualaid import clock, errors, sealed_files
from mutualaid.clock import day
from mutualaid.errors import Invalid, NotNow
from mutualaid.sequences import next_ids

PART_LINES = 5_000
MOST_BYTES = 64 * 2**20  # of an upload: some 400 000 lines
KEEP_DAYS = 7  # a sealed upload that nobody imports; the lines that were not taken
UNDER_WAY = [ImportRun.Stage.READY, ImportRun.Stage.RUNNING]
PERMISSION = "members.add_importrun"

KNOWN_NUMBER = gettext_lazy(
    "A person with this ID number is here already: further up in this list, or with a login of"
    " their own. They can join the plan themselves."
)
KNOWN_ACCOUNT = gettext_lazy(
    "This phone number or e-mail address has a login already. If the family stands in this list,"
    " put its lines together; if not, it can add the person itself."
)
SECOND_SELF = gettext_lazy("A line of this family before it is the account holder already.")
PLAN_FULL = gettext_lazy("The plan takes no more than %(most)s members, and it is full.")


# --- begun


@transaction.atomic
def begin_import(
    *,
    path: str,
    file_name: str,
    plan_id: int,
    dry_run: bool,
    by: Account | None,
    at: datetime,
) -> ImportRun:
    """A run over the file, ready to be read; the one that is there if this very file was begun and
    not finished. `by`: staff with the permission, or None for a command on the server.

    Raises Forbidden, Invalid for a file that is no list, NotNow for a file that was imported, for
    rules that nobody can meet by a list (a score), and for a plan that takes nobody.
    """
    if by is not None:
        policies.check_staff(by, PERMISSION)
    plan = Plan.objects.get(pk=plan_id)
    _check_takes_lists(plan, at)
    layout = imports.examine(path)
    fields: dict[str, Any] = {
        "file_name": file_name,
        "path": path,
        "lines": layout.lines,
        "done_bytes": layout.begins,
        "size": layout.size,
        "by": by,
        "at": at,
    }
    if dry_run:
        return ImportRun.objects.create(plan=plan, digest=layout.digest, dry_run=True, **fields)
    run, made = ImportRun.objects.get_or_create(
        plan=plan, digest=layout.digest, dry_run=False, defaults=fields
    )
    if not made:
        _take_up(run, path)
    return run


def _check_takes_lists(plan: Plan, at: datetime) -> None:
    check_open(plan, at)
    in_force = Rules.objects.in_force(plan, day(at))
    if in_force.admission == Rules.Admission.SCORE:
        raise NotNow(
            _("This plan asks for a score of the identity provider; its people join one by one.")
        )


def _take_up(run: ImportRun, path: str) -> None:
    """The same file again: it goes on where it stopped, unless it is done."""
    if run.stage == ImportRun.Stage.DONE:
        raise NotNow(
            _("This very file was imported already: %(good)s people, %(bad)s lines not taken.")
            % {"good": run.good, "bad": run.bad}
        )
    run.path, run.gone_at = path, None
    run.save(update_fields=["path", "gone_at"])
    if run.stage == ImportRun.Stage.FAILED:
        _move_import(run, ImportRun.Stage.READY)


def upload_list(
    *, upload: str, file_name: str, plan_id: int, by: Account, at: datetime
) -> ImportRun:
    """A dry run over a list that came through the browser, where it lies sealed under the name
    `upload` (imports.Incoming). What is refused is not kept.

    Raises Forbidden, and all that `begin_import` raises.
    """
    path = imports.incoming(upload)
    try:
        policies.check_staff(by, PERMISSION)
        return begin_import(
            path=str(path), file_name=file_name, plan_id=plan_id, dry_run=True, by=by, at=at
        )
    except errors.Refused:
        path.unlink(missing_ok=True)
        raise


@transaction.atomic
def import_for_real(*, run_id: int, good: int, by: Account, at: datetime) -> ImportRun:
    """After a dry run, the real one over the same file. `good`: how many lines it found good, typed
    by whoever starts it. Locks the dry run; raises NotNow before it has ended, and without a good
    line or its file; Invalid (field "good") for another number."""
    policies.check_staff(by, PERMISSION)
    trial = ImportRun.objects.select_for_update().get(pk=run_id)
    if not trial.dry_run or trial.stage != ImportRun.Stage.DONE:
        raise NotNow(_("Wait for the end of the dry run."))
    if not trial.good:
        raise NotNow(_("No line of this list can be taken. Correct it and choose it again."))
    if not Path(trial.path).exists():
        raise NotNow(_("The file is not kept any more. Choose it again."))
    if good != trial.good:
        raise Invalid(
            _("You typed %(typed)s, and the dry run found another number of good lines.")
            % {"typed": good},
            field="good",
        )
    return begin_import(
        path=trial.path,
        file_name=trial.file_name,
        plan_id=trial.plan_id,
        dry_run=False,
        by=by,
        at=at,
    )


# --- read


def imports_due(*, at: datetime) -> int:
    """Read every list that is ready or was left in the middle, and remove files whose days are
    over; returns how many were finished. One that another process reads is left to it. What goes
    wrong with one never stops the others: it is raised after them."""
    waiting = ImportRun.objects.filter(stage__in=UNDER_WAY, gone_at__isnull=True)
    done: list[int] = []
    with ExitStack() as rest:
        rest.callback(_clear, at)
        for run in waiting.order_by("-pk"):
            if Path(run.path).exists():
                rest.callback(_read_due, run.pk, at, done)
    return len(done)


def _read_due(run_id: int, at: datetime, done: list[int]) -> None:
    if run_import(run_id=run_id, at=at, wait=False) is not None:
        done.append(run_id)


def run_import(
    *,
    run_id: int,
    at: datetime,
    part_lines: int = PART_LINES,
    wait: bool = True,
    told: Callable[[ImportRun], None] | None = None,
) -> ImportRun | None:
    """Read a list to its end, in transactions of its own; `told` hears of each part.

    Locks the run's row in each part. Waits for another process that reads it, or returns None with
    wait=False. A run that is done comes back as it is. Raises NotNow if the file has changed.
    `at` is when this process took it up; each part has the instant of its own transaction.
    """
    with _turn(run_id, wait=wait) as mine:
        if not mine:
            return None
        run = ImportRun.objects.select_related("plan").get(pk=run_id)
        if run.stage == ImportRun.Stage.DONE:
            return run
        layout = _layout_of(run)
        run = _start(run_id, layout)
        _keep_header(run, layout)
        if run.dry_run:
            bulk_import.remember()
        _read_all(run, layout, part_lines, told)
        if run.dry_run:
            bulk_import.forget()
        return _finish(run_id)


@contextmanager
def _turn(run_id: int, *, wait: bool) -> Iterator[bool]:
    mine = bulk_import.take_turn(run_id, wait=wait)
    try:
        yield mine
    finally:
        if mine:
            bulk_import.end_turn(run_id)


def _layout_of(run: ImportRun) -> Layout:
    """The file's layout, if it is still the file that was begun."""
    try:
        layout = imports.examine(run.path)
    except Invalid:  # no list at all any more
        _stop(run.pk)
        raise
    if layout.digest != bytes(run.digest):
        _stop(run.pk)
        raise NotNow(_("The file has changed since the import began. Begin anew with this one."))
    return layout


@transaction.atomic
def _start(run_id: int, layout: Layout) -> ImportRun:
    """On from where it stopped; a dry run, whose memory is gone with its process, from the top."""
    run = ImportRun.objects.select_for_update().select_related("plan").get(pk=run_id)
    if run.dry_run:
        run.done_bytes, run.done_lines, run.good, run.bad = layout.begins, 0, 0, 0
        run.save(update_fields=["done_bytes", "done_lines", "good", "bad"])
    _move_import(run, ImportRun.Stage.RUNNING)
    return run


@transaction.atomic
def _finish(run_id: int) -> ImportRun:
    run = ImportRun.objects.select_for_update().select_related("plan").get(pk=run_id)
    run.finished_at = clock.now()
    run.save(update_fields=["finished_at"])
    _move_import(run, ImportRun.Stage.DONE)
    if not run.dry_run:
        transaction.on_commit(partial(_drop_upload, run.path))
    return run


@transaction.atomic
def _stop(run_id: int) -> None:
    _move_import(ImportRun.objects.select_for_update().get(pk=run_id), ImportRun.Stage.FAILED)


def _move_import(run: ImportRun, stage: ImportRun.Stage) -> None:
    run.stage = stage
    run.save(update_fields=["stage"])


def _read_all(
    run: ImportRun,
    layout: Layout,
    part_lines: int,
    told: Callable[[ImportRun], None] | None,
) -> None:
    """While the database takes in one part, the next is read and sealed."""
    reader = _Reader(run, layout, part_lines)
    with (
        sealed_files.open_file(run.path) as file,
        ThreadPoolExecutor(1, thread_name_prefix="import") as beside,
    ):
        reader.file = file
        place = (run.done_bytes, run.done_lines)
        coming = reader.ahead(beside, place)
        while (ready := coming.result()) is not None:
            place = (ready.part.end, place[1] + ready.part.lines)
            coming = reader.ahead(beside, place)
            try:
                run = _write_part(run, layout, ready)
            except _NextDay:  # ages and rosters are those of a day: judge this part again
                coming.result()
                place = (run.done_bytes, run.done_lines)
                coming = reader.ahead(beside, place)
                continue
            if told:
                told(run)


# --- a part, before the database is asked


class _NextDay(Exception):
    """Midnight passed between judging a part and writing it; nothing of it is written."""


class _Ready(NamedTuple):
    """A part with its people sealed, and what was found wrong without asking the database."""

    part: Part
    on: date  # the day for which it was judged
    households: list[Household]
    refused: list[Refused]
    lines: dict[int, Line]


@dataclass
class _Reader:
    """Reads, judges and seals the parts of one run. Beside the main thread it asks no database."""

    run: ImportRun
    layout: Layout
    part_lines: int
    file: BinaryIO = field(init=False)

    def ahead(self, beside: ThreadPoolExecutor, place: tuple[int, int]) -> Future[_Ready | None]:
        """Begin to prepare the part at (byte, lines before it)."""
        most = self.part_lines + imports.FAMILY_LINES
        most = min(most, self.layout.lines - place[1] + 1)
        ids = Ids(*(iter(next_ids(t, most)) for t in (Account, Member, Declaration, Membership)))
        judge = Judge(self.run.plan, self.layout, clock.now())
        return beside.submit(self._prepare, place, ids, judge)

    def _prepare(self, place: tuple[int, int], ids: Ids, judge: Judge) -> _Ready | None:
        start, lines_before = place
        part = imports.read_part(
            self.file, self.layout, start=start, number=lines_before + 2, lines=self.part_lines
        )
        if part is None:
            return None
        ready = _Ready(part, judge.today, [], [], {})
        for family in part.families:
            ready.lines.update((line.number, line) for line in family)
            household, refused = judge.household(family, ids)
            ready.refused.extend(refused)
            if household:
                ready.households.append(household)
        return ready


# --- a part, and the database


def _write_part(run: ImportRun, layout: Layout, ready: _Ready) -> ImportRun:
    """All of the part and the row of the run, or nothing. Somebody who joins by page meanwhile
    keeps their number: then the part is judged again without it."""
    taken: set[str] | None = None
    while True:
        try:
            with transaction.atomic():
                return _written(run.pk, layout, ready)
        except IntegrityError:
            before, taken = taken, bulk_import.known(ready.households, also_seen=run.dry_run)
            if taken == before:  # nobody took anything since: trying again does not help
                raise


def _written(run_id: int, layout: Layout, ready: _Ready) -> ImportRun:
    run = ImportRun.objects.select_for_update().select_related("plan").get(pk=run_id)
    if run.done_bytes != ready.part.start:
        raise NotNow(_("Another process has read on in this list. Look at it again."))
    at = clock.now()
    if day(at) != ready.on:
        raise _NextDay
    taken = bulk_import.known(ready.households, also_seen=run.dry_run)
    accepted, late = accept(ready, taken, _room(run.plan, at))
    if run.dry_run:
        bulk_import.see(accepted)
    else:
        bulk_import.write(accepted, _terms(run, at))
    refused = sorted(ready.refused + late, key=lambda one: one.line.number)
    _keep_problems(run, ready.part, refused, layout)
    run.done_bytes = ready.part.end
    run.done_lines += ready.part.lines
    run.bad += len(refused)
    run.good += sum(len(household.people) for household in accepted)
    run.save(update_fields=["done_bytes", "done_lines", "bad", "good"])
    if clock.today() != ready.on:
        raise _NextDay
    return run


def _room(plan: Plan, at: datetime) -> int | None:
    """How many more the plan takes; None: any number."""
    most = Rules.objects.in_force(plan, day(at)).ceiling_members
    if most is None:
        return None
    return max(0, most - Membership.objects.open().filter(plan=plan).count())


def accept(
    ready: _Ready, taken: set[str], room: int | None
) -> tuple[list[Household], list[Refused]]:
    """In the order of the list: who is not known yet, here or further up. `taken` grows."""
    accepted, refused = [], []
    for household in ready.households:
        if taken.intersection(household.keys):
            why = imports.sentence(KNOWN_ACCOUNT)
            refused += [Refused(ready.lines[p.number], why) for p in household.people]
            continue
        people: list[Person] = []
        for person in household.people:
            why_not = _why_not(person, people, taken, room)
            if why_not:
                refused.append(Refused(ready.lines[person.number], why_not))
                continue
            people.append(person)
            taken.add(bulk_import.hex_of(person.id_hash))
            room = None if room is None else room - 1
        if people:
            taken.update(household.keys)
            accepted.append(household._replace(people=people))
    return accepted, refused


def _why_not(
    person: Person, before: Sequence[Person], taken: set[str], room: int | None
) -> Sentence | None:
    if bulk_import.hex_of(person.id_hash) in taken:
        return imports.sentence(KNOWN_NUMBER)
    if person.relation == "self" and any(other.relation == "self" for other in before):
        return imports.sentence(SECOND_SELF)
    if room == 0:
        return imports.sentence(PLAN_FULL)
    return None


def _terms(run: ImportRun, at: datetime) -> bulk_import.Terms:
    notice: dict[str, object] = {
        "plan_zh": run.plan.name_zh,
        "plan_en": run.plan.name_en,
        "joined_on": day(at).isoformat(),
    }
    return bulk_import.Terms(plan_id=run.plan_id, made_at=at, notice=notice)


# --- what was not taken


def problems_folder(run: ImportRun) -> Path:
    """Where the lines that were not taken lie, sealed, a file for each part that has any."""
    return Path(settings.IMPORT_DIR) / f"problems-{run.pk}"


def _keep_header(run: ImportRun, layout: Layout) -> None:
    folder = problems_folder(run)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    imports.seal_text(folder / "header", imports.problems_header(layout))


def _keep_problems(run: ImportRun, part: Part, refused: Sequence[Refused], layout: Layout) -> None:
    """Before the commit, under the name of the part's first byte: a part that is done again after a
    kill replaces its own, and what lies beyond `done_bytes` is not shown."""
    path = problems_folder(run) / f"{part.start:015d}"
    path.unlink(missing_ok=True)
    if refused:
        imports.seal_text(path, imports.problems_text(refused, layout))


def problems_file(*, run: ImportRun) -> Iterator[bytes]:
    """The lines that were not taken, as a CSV that Excel opens: with a mark, made bit by bit."""
    folder, done = problems_folder(run), run.done_bytes
    numbered = (path for path in folder.glob("*") if path.name.isdigit())
    yield codecs.BOM_UTF8
    header = [folder / "header"] if (folder / "header").exists() else []
    yield from imports.sealed_texts(
        header + sorted(path for path in numbered if int(path.name) < done)
    )


# --- what is kept, and until when


def list_kept_until(run: ImportRun) -> datetime:
    """The instant from which neither the list nor the lines that were not taken are kept. A list
    that was imported goes at once."""
    return (run.finished_at or run.at) + timedelta(days=KEEP_DAYS)


def _drop_upload(path: str) -> None:
    """A list that came through the browser is not kept once it is imported."""
    if _is_upload(path):
        Path(path).unlink(missing_ok=True)


def _is_upload(path: str) -> bool:
    return Path(path).is_relative_to(settings.IMPORT_DIR)


def _clear(at: datetime) -> None:
    """Remove the files of runs whose days are over, and uploads that nothing was begun with."""
    since = at - timedelta(days=KEEP_DAYS)
    over = ImportRun.objects.filter(gone_at__isnull=True, at__lte=since).order_by("pk")
    for run in over:
        ended = run.finished_at is not None
        if list_kept_until(run) <= at and (ended or _is_upload(run.path)):
            _clear_run(run.pk, at)
    for path in Path(settings.IMPORT_DIR).glob(f"{imports.UPLOAD}*"):
        if _is_needless(path, at):
            path.unlink(missing_ok=True)


def _is_needless(path: Path, at: datetime) -> bool:
    """An upload that was imported by a process killed before it removed it, or that nothing was
    begun with for a day."""
    runs = ImportRun.objects.filter(path=str(path))
    if runs.filter(gone_at__isnull=True).exists():
        return runs.filter(dry_run=False, stage=ImportRun.Stage.DONE).exists()
    return path.stat().st_mtime < (at - timedelta(days=1)).timestamp()


def _clear_run(run_id: int, at: datetime) -> None:
    """The files first, then the row: killed in between, the next pass finds it again. Locks the
    run; a run that is being read is left alone."""
    with _turn(run_id, wait=False) as mine:
        if mine:
            _clear_files(run_id, at)


@transaction.atomic
def _clear_files(run_id: int, at: datetime) -> None:
    run = ImportRun.objects.select_for_update().get(pk=run_id)
    others = ImportRun.objects.filter(path=run.path, stage__in=UNDER_WAY).exclude(pk=run_id)
    if not others.exists():
        _drop_upload(run.path)
    shutil.rmtree(problems_folder(run), ignore_errors=True)
    if run.stage in UNDER_WAY:
        _move_import(run, ImportRun.Stage.FAILED)
    run.gone_at = at
    run.save(update_fields=["gone_at"])
