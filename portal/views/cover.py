"""My cover: what holds today and later, what was declared and how it is corrected, who read it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from members import access, actions, declared, places
from members.models import (
    AccessRecord,
    Account,
    Declaration,
    HealthQuestion,
    HelpCall,
    HelpRecord,
    Membership,
    PreCheck,
)
from members.reference import answer_word
from mutualaid import clock
from mutualaid.errors import Refused
from mutualaid.keyset import KeysetPaginator
from mutualaid.templatetags.look import moment
from portal import me
from portal.cover import CoverOf, next_events
from portal.forms import refused
from portal.forms_cover import CorrectionForm, ObjectionForm
from portal.views.shared import acting, acting_for, form_page, own_membership, sent, signed_in

RECORDS_A_PAGE = 30
CALLS = 20  # of the help line, on the page of who has read


@require_GET
@login_required
def cover(request: HttpRequest, number: str) -> HttpResponse:
    """What this person is covered for today and from when, the amount now and later, the wait, the
    sum of the year, the versions of the rules, the next dates."""
    membership, today = own_membership(request, number), clock.today()
    of, account = CoverOf(membership, today), signed_in(request)
    context = acting_for(request, membership.member_id) | {
        "membership": membership,
        "plan": membership.plan,
        "of": of,
        "word": me.word(membership, today),
        "facts": of.facts(),
        "year": me.this_year(membership, today),
        "payer": me.named(membership.payer, account),
        "consents": [
            row | {"by": me.named(row["consent"].by, account) if row["consent"].by else ""}
            for row in of.consents()
        ],
        "unanswered": of.unanswered() if of.is_open else [],
        "dates": next_events(membership, of, account, today) if of.is_open else [],
    }
    return render(request, "portal/cover.html", context)


# --- what was declared


@require_GET
@login_required
def declaration(request: HttpRequest, number: str) -> HttpResponse:
    """Every question as it was asked, the answer, corrections, and what reviewers wrote. Opening it
    is a read of health data, and recorded."""
    membership = own_membership(request, number)
    first = membership.declaration
    later = [
        shown
        for each in declared.corrections(membership)
        if (shown := _shown(request, each))["of"] == str(membership.pk)
    ]
    context = acting_for(request, membership.member_id) | {
        "membership": membership,
        "first": _shown(request, first),
        "later": later,
        "questions": first.question_set.questions.all(),
    }
    return render(request, "portal/declared.html", context)


def _shown(request: HttpRequest, declaration: Declaration) -> dict[str, Any]:
    """A declaration opened for its family."""
    by, at = signed_in(request), clock.now()
    said = actions.open_declaration(declaration_id=declaration.pk, by=by, why="own", at=at)
    questions = list(declaration.question_set.questions.all())
    code = declared.note(said, "code")
    return {
        "declaration": declaration,
        "declared_by": me.named(declaration.declared_by, by),
        "digest": bytes(declaration.digest).hex(),
        "answers": [
            {"question": q, "answer": answer_word(said[q.code])}
            for q in questions
            if q.code in said
        ],
        "of": declared.note(said, "membership"),
        "question": next((q for q in questions if q.code == code), None),
        "answer": answer_word(said[code]) if code else "",
        "since": _since(declared.note(said, "since")),
        "story": declared.note(said, "story"),
        "reviews": [_review(each, by) for each in declared.reviews(declaration)],
    }


def _since(code: str) -> str:
    return str(declared.Since(code).label) if code else ""


def _review(review: PreCheck, by: Account) -> dict[str, Any]:
    """What a reviewer was asked and wrote; both are sealed."""
    return {
        "review": review,
        "story": _opened(review, review.story_sealed, places.precheck_story(review.pk), by),
        "reply": _opened(review, review.reply_sealed, places.precheck_reply(review.pk), by),
        "can_object": declared.can_object(review, clock.now()),
        "until": declared.object_until(review),
    }


def _opened(review: PreCheck, sealed: bytes | memoryview | None, where: str, by: Account) -> str:
    if sealed is None:
        return ""
    return actions.open_sealed(
        member_id=review.member_id,
        sealed=sealed,
        where=where,
        what="precheck",
        by=by,
        why="own",
        at=clock.now(),
        object_id=review.pk,
    ).decode()


# --- correcting it


@require_GET
@login_required
def correct(request: HttpRequest, number: str) -> HttpResponse:
    """Which answer is to be corrected."""
    membership = own_membership(request, number)
    context = acting_for(request, membership.member_id) | {
        "membership": membership,
        "questions": membership.declaration.question_set.questions.all(),
    }
    return render(request, "portal/correct.html", context)


@form_page
@login_required
def correct_one(request: HttpRequest, number: str, code: str) -> HttpResponse:
    """The new answer; then what it changes, before anything is kept; then it is kept. What is
    written travels in the form alone, never in the address or the session."""
    membership = own_membership(request, number)
    question = get_object_or_404(
        HealthQuestion, question_set=membership.declaration.question_set, code=code
    )
    form = CorrectionForm(sent(request))
    context = acting_for(request, membership.member_id) | {
        "membership": membership,
        "question": question,
        "form": form,
    }
    step = request.POST.get("step", "")
    if not form.is_valid() or step == "change":
        return render(request, "portal/correct_one.html", context)
    if step == "keep":
        kept = _keep(request, membership, question, form)
        if kept is not None:
            return redirect("portal:corrected", number=number, pk=kept.pk)
        return render(request, "portal/correct_one.html", context)
    said = form.cleaned_data
    rows = [
        {"label": _("Question"), "value": question.text},
        {"label": _("New answer"), "value": answer_word(said["answer"])},
        {"label": _("Since when"), "value": _since(said["since"])},
        {"label": _("In your words"), "value": said["story"]},
    ]
    effect = declared.effect(said["answer"], said["since"])
    return render(request, "portal/correct_check.html", context | {"rows": rows, "effect": effect})


def _keep(
    request: HttpRequest, membership: Membership, question: HealthQuestion, form: CorrectionForm
) -> Declaration | None:
    try:
        return actions.correct_declaration(
            membership_id=membership.pk,
            code=question.code,
            by=signed_in(request),
            at=clock.now(),
            **form.cleaned_data,
        )
    except Refused as refusal:
        refused(form, refusal)
        return None


@require_GET
@login_required
def corrected(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    """The receipt of a correction, and what comes next."""
    membership = own_membership(request, number)
    kept = get_object_or_404(declared.corrections(membership), pk=pk)
    context = acting_for(request, membership.member_id) | {
        "membership": membership,
        "note": _("Kept on %(at)s.") % {"at": moment(kept.declared_at)},
        "review": declared.reviews(kept).last(),
    }
    return render(request, "portal/corrected.html", context)


@form_page
@login_required
def objection(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    """Object to a reviewer's “counts as yes”: another reviewer answers."""
    membership = own_membership(request, number)
    reviews = PreCheck.objects.filter(member=membership.member_id, plan=membership.plan_id)
    review = get_object_or_404(reviews.select_related("question"), pk=pk)
    form = ObjectionForm(sent(request))
    if form.is_valid():
        try:
            actions.object_to_ruling(
                precheck_id=review.pk,
                story=form.cleaned_data["story"],
                by=signed_in(request),
                at=clock.now(),
            )
        except Refused as refusal:
            refused(form, refusal)
        else:
            return redirect("portal:declared", number=number)
    context = acting_for(request, membership.member_id) | {
        "membership": membership,
        "review": review,
        "until": declared.object_until(review),
        "form": form,
    }
    return render(request, "portal/objection.html", context)


# --- who read it


@require_GET
@login_required
def access_records(request: HttpRequest) -> HttpResponse:
    """Who read what of this person, why and when; paged by key."""
    context = acting(request)
    if context["link"] is None:
        return redirect("portal:me")
    found = AccessRecord.objects.filter(member=context["link"].member_id)
    related = found.select_related("by").prefetch_related("by__groups")
    pages = KeysetPaginator(related, ("-at", "-pk"), RECORDS_A_PAGE)
    try:
        page = pages.page(request.GET.get("page", ""))
    except (ValueError, ValidationError) as error:
        raise Http404 from error
    rows = [
        {
            "record": record,
            "who": access.reader(record.by, record.why),
            "role": access.role(record.by),
            "what": access.what(record.what),
            "why": access.why(record.why),
        }
        for record in page["rows"]
    ]
    around: dict[str, Any] = {name: _address(page[name]) for name in ("previous", "next")}
    if page["previous"] is None:
        around["calls"] = _calls(signed_in(request), context["link"].member_id)
    return render(request, "portal/access.html", context | {"rows": rows} | around)


def _calls(account: Account, member_id: int) -> list[dict[str, Any]]:
    """The newest calls in which the help line acted, or asked to: for this login, or for this
    person by another login of the family."""
    records = HelpRecord.objects.filter(member=member_id).values("call")
    found = HelpCall.objects.filter(Q(account=account) | Q(pk__in=records))
    related = found.select_related("by").defer("code_hash").order_by("-asked_at", "-pk")
    return [
        {"call": call, "who": access.reader(call.by), "mine": call.account_id == account.pk}
        | {"done": _done(call, None if call.account_id == account.pk else member_id)}
        for call in related[:CALLS]
    ]


def _done(call: HelpCall, member_id: int | None) -> list[dict[str, Any]]:
    """What was done in a call; of another login's only what was done for this person."""
    records = call.records.select_related("member").order_by("pk")
    if member_id is not None:
        records = records.filter(member=member_id)
    return [{"record": record, "what": access.did(record.verb)} for record in records]


def _address(token: str | None) -> str:
    return "" if token is None else f"?page={token}"
