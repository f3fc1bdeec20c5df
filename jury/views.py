"""The jury's pages: each translates a request into one call, and the answer into a page.

A case is found by its random number through the reader's own seat: a foreign, declined and missing
one are the same 404.
"""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from jury import actions, policies, rules, show
from jury.forms import BallotForm, QuestionForm
from jury.models import Ballot, ExamAttempt, ExamQuestion, Juror, Seat
from jury.reference import TOPICS
from jury.states import VOTING
from members.models import Account
from mutualaid import clock
from mutualaid.templatetags.look import day

read_or_send = require_http_methods(["GET", "HEAD", "POST"])


def _me(request: HttpRequest) -> Account:
    return cast(Account, request.user)


# --- the office


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Become a juror: each condition with one's own state; one's cases with their deadlines."""
    me = _me(request)
    found = policies.standing(me, clock.now())
    juror = Juror.objects.filter(account=me, resigned_at__isnull=True).first()
    attempts = ExamAttempt.objects.filter(account=me)
    again = actions.try_again_at(attempts)
    context = {
        "conditions": [_condition(condition) for condition in found],
        "juror": juror,
        "may_take_office": juror is None and rules.may_serve(found),
        "exam_passed": found[-1].met,
        "try_again_at": again if again and clock.now() < again else None,
        "failed": attempts.filter(passed=False).exists(),
        "cases": show.tasks(me),
    }
    return render(request, "jury/home.html", context)


def _condition(condition: rules.Condition) -> dict[str, Any]:
    titles = {
        "adult": _("You are 18 or older"),
        "member": _("You are a member and share the costs"),
        "days": _("You have been a member for 30 days"),
        "exam": _("You have passed the exam: six questions, all right"),
    }
    later = condition.when and not condition.met
    return {
        "title": titles[condition.code],
        "kind": "ok" if condition.met else "wait",
        "state": _("Met") if condition.met else _("Not met yet"),
        "hint": _("From %(day)s") % {"day": day(condition.when)} if later else "",
    }


@login_required
@require_POST
def office(request: HttpRequest) -> HttpResponse:
    """Take up the office, once every condition is met."""
    actions.take_office(by=_me(request), at=clock.now())
    messages.success(request, _("You are a juror. We tell you when you are drawn for a case."))
    return redirect("jury:home")


@login_required
@read_or_send
def resign(request: HttpRequest) -> HttpResponse:
    """Give up the office, after a page that says what this means."""
    if request.method == "POST":
        actions.resign(by=_me(request), at=clock.now())
        messages.success(request, _("You are no longer a juror. Thank you for your time."))
        return redirect("jury:home")
    return render(request, "jury/resign.html")


# --- the exam


def _under_way(request: HttpRequest) -> ExamAttempt | None:
    return ExamAttempt.objects.filter(account=_me(request), finished_at__isnull=True).first()


@login_required
@read_or_send
def exam(request: HttpRequest) -> HttpResponse:
    """What the exam is; POST begins it, or goes on with the one under way."""
    if request.method == "POST":
        attempt = actions.begin_exam(by=_me(request), at=clock.now())
        return redirect("jury:question", place=_next_place(attempt))
    context = {"under_way": _under_way(request), "topics": TOPICS.values()}
    return render(request, "jury/exam.html", context)


def _next_place(attempt: ExamAttempt) -> int:
    """The first question (from 1) without an answer; the last if all have one."""
    open_places = [n for n, answer in enumerate(attempt.answers, start=1) if answer is None]
    return open_places[0] if open_places else len(attempt.answers)


@login_required
@read_or_send
def question(request: HttpRequest, place: int) -> HttpResponse:
    """One question a page; the answer is kept, and graded only with all the others."""
    attempt = _under_way(request)
    if attempt is None or not 1 <= place <= len(attempt.questions):
        return redirect("jury:exam")
    asked = ExamQuestion.objects.get(pk=attempt.questions[place - 1])
    given = attempt.answers[place - 1]
    initial = {} if given is None else {"answer": given}
    form = QuestionForm(request.POST or None, question=asked, initial=initial)
    if request.method == "POST" and form.is_valid():
        answer = form.cleaned_data["answer"]
        attempt = actions.save_answer(
            attempt_id=attempt.pk, place=place - 1, answer=answer, by=_me(request), at=clock.now()
        )
        left = None in attempt.answers
        return (
            redirect("jury:question", _next_place(attempt)) if left else redirect("jury:exam_check")
        )
    if request.method == "POST" and not request.POST.get("answer"):
        form = QuestionForm({}, question=asked)
    context = {"form": form, "place": place, "count": len(attempt.questions)}
    return render(request, "jury/question.html", context)


@login_required
@read_or_send
def exam_check(request: HttpRequest) -> HttpResponse:
    """All answers on one page, each with its way back; POST hands the exam in."""
    attempt = _under_way(request)
    if attempt is None:
        return redirect("jury:exam")
    if None in attempt.answers:
        return redirect("jury:question", _next_place(attempt))
    if request.method == "POST":
        actions.answer_exam(
            attempt_id=attempt.pk, answers=attempt.answers, by=_me(request), at=clock.now()
        )
        return redirect("jury:exam_result")
    asked = _asked(attempt)
    return render(request, "jury/exam_check.html", {"asked": asked})


def _asked(attempt: ExamAttempt) -> list[dict[str, Any]]:
    found = ExamQuestion.objects.in_bulk(attempt.questions)
    return [
        {
            "place": place,
            "topic": TOPICS[found[key].topic],
            "text": found[key].text,
            "answer": found[key].options[given],
            "explanation": found[key].explanation,
            "right": found[key].right == given,
        }
        for place, (key, given) in enumerate(
            zip(attempt.questions, attempt.answers, strict=True), start=1
        )
    ]


@login_required
@require_safe
def exam_result(request: HttpRequest) -> HttpResponse:
    """The last exam handed in: which topics were right, with explanations, and what comes next."""
    attempts = ExamAttempt.objects.filter(account=_me(request), finished_at__isnull=False)
    attempt = attempts.order_by("-finished_at").first()
    if attempt is None:
        return redirect("jury:exam")
    asked = _asked(attempt)
    context = {
        "attempt": attempt,
        "asked": asked,
        "wrong": [row for row in asked if not row["right"]],
        "try_again_at": actions.try_again_at(attempts),
        "juror": Juror.objects.filter(account=_me(request), resigned_at__isnull=True).first(),
    }
    return render(request, "jury/exam_result.html", context)


# --- a case


def _seat(request: HttpRequest, number: str) -> Seat:
    seats = Seat.objects.of_account(_me(request)).select_related("case__appeal", "ballot")
    return get_object_or_404(seats, case__number=number)


def _is_over(seat: Seat) -> bool:
    return seat.case.status not in VOTING


def _ballot(seat: Seat) -> Ballot | None:
    return getattr(seat, "ballot", None)


@login_required
@read_or_send
def case(request: HttpRequest, number: str) -> HttpResponse:
    """The case in four parts; POST says that they have been read, and goes on to the vote."""
    seat = _seat(request, number)
    if _is_over(seat):
        return redirect("jury:result", number)
    if request.method == "POST":
        actions.mark_read(seat_id=seat.pk, by=_me(request), at=clock.now())
        return redirect("jury:vote", number)
    context = {"case": seat.case, "seat": seat, "pack": show.pack(seat.case)}
    return render(request, "jury/case.html", context | {"ballot": _ballot(seat)})


@login_required
@read_or_send
def decline(request: HttpRequest, number: str) -> HttpResponse:
    """Give the seat to the next drawn, after a page that says so."""
    seat = _seat(request, number)
    if _is_over(seat):
        return redirect("jury:result", number)
    if request.method == "POST":
        actions.decline(seat_id=seat.pk, by=_me(request), at=clock.now())
        messages.success(request, _("Another juror takes your seat. Thank you for saying so."))
        return redirect("jury:home")
    return render(request, "jury/decline.html", {"case": seat.case, "ballot": _ballot(seat)})


@login_required
@read_or_send
def vote(request: HttpRequest, number: str) -> HttpResponse:
    """Fill in, check, cast. The ballot travels with the page until it is cast."""
    seat = _seat(request, number)
    if _is_over(seat):
        return redirect("jury:result", number)
    if _ballot(seat) and request.method != "POST":
        return redirect("jury:receipt", number)
    if seat.read_at is None:
        messages.warning(request, _("Please read the four parts first."))
        return redirect("jury:case", number)
    step = request.POST.get("step", "")
    form = BallotForm(request.POST if step in {"check", "cast"} else None, case=seat.case)
    if step == "change":
        form.initial = {name: request.POST.get(name, "") for name in form.fields}
    if step == "cast" and form.is_valid():
        actions.vote(seat_id=seat.pk, by=_me(request), at=clock.now(), **form.cleaned_data)
        return redirect("jury:receipt", number)
    page = "jury/check.html" if step == "check" and form.is_valid() else "jury/vote.html"
    return render(request, page, {"form": form, "case": seat.case, "pack": show.pack(seat.case)})


@login_required
@require_safe
def receipt(request: HttpRequest, number: str) -> HttpResponse:
    """The vote has been received. The receipt proves that it is in, not which it was (G14)."""
    seat = _seat(request, number)
    ballot = _ballot(seat)
    if ballot is None:
        return redirect("jury:case", number)
    context = {"case": seat.case, "ballot": ballot, "steps": show.next_steps(seat.case)}
    return render(request, "jury/receipt.html", context | {"over": _is_over(seat)})


@login_required
@require_safe
def result(request: HttpRequest, number: str) -> HttpResponse:
    """After the close: the result, its numbers, one's own vote. Before it, back to the case."""
    seat = _seat(request, number)
    if not _is_over(seat):
        return redirect("jury:case", number)
    context: dict[str, Any] = {"case": seat.case, "pack": show.pack(seat.case)}
    ballot = _ballot(seat)
    if hasattr(seat.case, "verdict"):
        context |= show.outcome(seat.case)
    if ballot:
        context |= {"ballot": ballot, "clause": show.clause_label(seat.case.pack, ballot.clause)}
    return render(request, "jury/result.html", context)
