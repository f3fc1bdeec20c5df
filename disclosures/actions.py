"""Everything that publishes, one function per verb. The period's row is the lock of all of them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from assessments import actions as assessments
from assessments.models import Period, PeriodCase
from assessments.states import Stage
from disclosures import data, files, policies, report
from disclosures.models import Disclosure, Objection, PublishedFile
from members.actions import notify
from members.models import Account
from mutualaid import clock, pdf
from mutualaid.errors import Invalid, NotNow

LEAST_GROUNDS, MOST_GROUNDS = 10, 2000
CASES_A_VOLUME = 500
LANGUAGE = "zh-hans"  # Chinese binds: what is published as a file is Chinese


# --- publishing ------------------------------------------------------------------------------


def publish_due(*, at: datetime) -> list[Disclosure]:
    """Publish each locked period whose hour has come, and a new version of each period in
    disclosure whose cases have changed. Each period in a transaction of its own."""
    waiting = Period.objects.filter(stage__in=[Stage.LOCKED, Stage.DISCLOSED]).order_by("pk")
    made = [publish(period_id=pk, at=at) for pk in waiting.values_list("pk", flat=True)]
    return [disclosure for disclosure in made if disclosure]


@transaction.atomic
def publish(*, period_id: int, at: datetime) -> Disclosure | None:
    """The next version of a period's publication, if one is due: data, digest, notice to the plan.

    Locks the period, so that two workers make one version and no split begins meanwhile. Returns
    None when nothing is due.
    """
    period = (
        Period.objects.select_for_update(of=("self",))
        .select_related("plan", "rules")
        .get(pk=period_id)
    )
    before = period.disclosures.order_by("version").last()
    if not _is_due(period, before):
        return None
    text = data.canonical(data.gather(period, before=before, at=at))
    disclosure = Disclosure.objects.create(
        period=period,
        version=before.version + 1 if before else 1,
        data=text,
        sha256=files.digest(text.encode()),
        published_at=at,
    )
    period = assessments.mark_disclosed(period_id=period.pk, digest=disclosure.sha256, at=at)
    _tell(disclosure, period, at)
    return disclosure


def _is_due(period: Period, before: Disclosure | None) -> bool:
    if before is None:
        return period.stage == Stage.LOCKED and clock.now() >= period.disclose_at
    active = set(period.cases.active().values_list("code", flat=True))
    return period.stage == Stage.DISCLOSED and active != {
        case["code"] for case in before.content["cases"]
    }


def _tell(disclosure: Disclosure, period: Period, at: datetime) -> None:
    """A notice to the whole plan: the expected share, and not before when it is debited."""
    split_from = period.split_from or period.split_at
    notify(
        code="period_disclosed" if disclosure.version == 1 else "period_disclosed_again",
        facts={
            "number": period.number,
            "plan": period.plan.code,
            "share_fen": disclosure.content["figures"]["share_fen"],
            "cases": disclosure.content["figures"]["cases"],
            "split_on": clock.day(split_from).isoformat(),
            "object_until_on": clock.day(split_from - timedelta(microseconds=1)).isoformat(),
        },
        at=at,
        plan_id=period.plan_id,
    )


# --- files -----------------------------------------------------------------------------------


def make_files_due(*, at: datetime) -> list[PublishedFile]:
    """PDF, CSV and JSON of each publication that has none yet."""
    waiting = Disclosure.objects.without_files().order_by("pk").values_list("pk", flat=True)
    return [file for pk in list(waiting) for file in make_files(disclosure_id=pk, at=at)]


def make_files(*, disclosure_id: int, at: datetime) -> list[PublishedFile]:
    """Make and keep the files of one publication. The bytes are on the disk before the rows say so;
    killed between, a later run finds no row and makes them again. Rendering takes seconds, so the
    period is locked only to write the rows; of two workers the first wins."""
    disclosure = Disclosure.objects.get(pk=disclosure_id)
    made = [
        (name, kind, content, files.put(content)) for name, kind, content in _contents(disclosure)
    ]
    with transaction.atomic():
        Period.objects.select_for_update().get(pk=disclosure.period_id)
        if disclosure.files.exists():
            return []
        return PublishedFile.objects.bulk_create(
            PublishedFile(
                disclosure=disclosure,
                name=name,
                media_type=kind,
                size=len(content),
                sha256=sha256,
                made_at=at,
            )
            for name, kind, content, sha256 in made
        )


def _contents(disclosure: Disclosure) -> list[tuple[str, str, bytes]]:
    """Name, media type and bytes of each file. The JSON is the published text, byte for byte."""
    content = disclosure.content
    stem = f"{content['plan']['code']}-{content['period']:04d}-v{content['version']}"
    with translation.override(LANGUAGE):
        volumes = [pdf.render(html) for html in _volumes(disclosure)]
        table = report.csv_of(content)
    several = len(volumes) > 1
    return [
        *(
            (f"{stem}-{number}.pdf" if several else f"{stem}.pdf", "application/pdf", volume)
            for number, volume in enumerate(volumes, start=1)
        ),
        (f"{stem}.csv", "text/csv; charset=utf-8", table),
        (f"{stem}.json", "application/json", disclosure.data.encode()),
    ]


def _volumes(disclosure: Disclosure) -> list[str]:
    """The HTML of each volume: the first with the sum, each with at most 500 cases."""
    content = disclosure.content
    cases = report.cases(content)
    parts = [
        cases[first : first + CASES_A_VOLUME] for first in range(0, len(cases), CASES_A_VOLUME)
    ] or [[]]
    return [
        render_to_string(
            "disclosures/pdf/period.html",
            report.page(content)
            | {
                "cases": part,
                "sha256": disclosure.sha256,
                "title": disclosure.period.title,
                "volume": number,
                "volumes": len(parts),
            },
        )
        for number, part in enumerate(parts, start=1)
    ]


# --- objections ------------------------------------------------------------------------------


@transaction.atomic
def object_to(*, case_id: int, grounds: str, by: Account, at: datetime) -> Objection:
    """A member's doubt about a published case, within the days of disclosure. Locks the period.

    Raises Forbidden, Invalid (field grounds), NotNow after the last day, for a case that is no
    longer in the period, or while an earlier objection of the same person waits.
    """
    case = PeriodCase.objects.select_related("period").get(pk=case_id)
    period = Period.objects.select_for_update().get(pk=case.period_id)
    case.refresh_from_db()
    policies.check_objects(by, case)
    _check_open(period, case)
    if case.objections.filter(by=by, answered_at__isnull=True).exists():
        raise NotNow(_("You have objected to this case already. We will answer you in writing."))
    return Objection.objects.create(case=case, grounds=_worded(grounds), by=by, at=at)


def _check_open(period: Period, case: PeriodCase) -> None:
    until = period.split_from
    if period.stage != Stage.DISCLOSED or until is None or clock.now() >= until:
        raise NotNow(_("The days in which one can object to this case are over."))
    if case.set_aside_at is not None:
        raise NotNow(_("This case has been set aside already: nobody shares it for now."))


def _worded(grounds: str) -> str:
    """The grounds without outer blanks, if their length is fit to be looked into."""
    grounds = grounds.strip()
    if len(grounds) < LEAST_GROUNDS:
        raise Invalid(
            _(
                "Say in at least %(least)s characters what is not right, so that we can look"
                " into it."
            )
            % {"least": LEAST_GROUNDS},
            field="grounds",
        )
    if len(grounds) > MOST_GROUNDS:
        raise Invalid(
            _("At most %(most)s characters, please.") % {"most": MOST_GROUNDS}, field="grounds"
        )
    return grounds


@transaction.atomic
def answer_objection(
    *, objection_id: int, sustained: bool, answer: str, by: Account, at: datetime
) -> Objection:
    """Answer an objection in writing; sustained, the case is set aside and a new version follows.

    Locks the period, then the objection. Raises Forbidden, Invalid (field answer), NotNow if it is
    answered already or the period can no longer set a case aside.
    """
    objection = Objection.objects.select_related("case").get(pk=objection_id)
    Period.objects.select_for_update().get(pk=objection.case.period_id)
    objection = (
        Objection.objects.select_for_update(of=("self",))
        .select_related("case")
        .get(pk=objection_id)
    )
    policies.check_answers(by, objection)
    if objection.answered_at is not None:
        raise NotNow(_("This objection has been answered already."))
    if not answer.strip():
        raise Invalid(_("Write the answer that the member will read."), field="answer")
    objection.sustained, objection.answer = sustained, answer.strip()
    objection.answered_by, objection.answered_at = by, at
    objection.save(update_fields=["sustained", "answer", "answered_by", "answered_at"])
    if sustained:
        assessments.set_aside(case_id=objection.case_id, why=objection.answer, by=by, at=at)
    notify(
        code="objection_sustained" if sustained else "objection_answered",
        facts={"case": objection.case.code, "answer": objection.answer},
        at=at,
        account_id=objection.by_id,
    )
    return objection
