"""The way into a plan, from the task list to the receipt."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from assessments import rules as share_rules
from members import actions, quiz, receipts, rules
from members.acting import acting_bar, acting_link
from members.actions import prechecks
from members.models import (
    HealthQuestion,
    HouseholdLink,
    JoinDraft,
    Member,
    Membership,
    Plan,
    PreCheck,
    Receipt,
    Rules,
)
from members.reference import answer_word
from mutualaid import clock
from mutualaid.errors import Refused
from mutualaid.money import yuan
from mutualaid.templatetags.look import day, moment
from portal import figures, me
from portal.forms import AgreeForm, AnswerForm, InvitationForm, QuizForm, StoryForm, refused
from portal.views.shared import acting, chosen_plan, form_page, own_membership, sent, signed_in


class _Joining:
    """Where somebody stands on the way to joining: shared by the pages of the way."""

    def __init__(self, request: HttpRequest, link: HouseholdLink, plan: Plan) -> None:
        self.account, self.link, self.plan = signed_in(request), link, plan
        self.member: Member = link.member
        self.rules = figures.rules_now(plan, clock.now())
        self.questions = list(self.rules.question_set.questions.all())
        self.draft = JoinDraft.objects.filter(member=link.member, plan=plan).first()

    @property
    def rules_read(self) -> bool:
        return self.draft is not None and self.draft.rules_read_at is not None

    @property
    def quiz_passed(self) -> bool:
        return self.draft is not None and self.draft.quiz_passed_at is not None

    @property
    def payment_agreed(self) -> bool:
        return self.draft is not None and self.draft.payment_agreed_at is not None

    def answers(self) -> dict[str, str]:
        """What was answered so far. A read of health data, recorded."""
        return actions.draft_answers(
            member_id=self.member.pk, plan_id=self.plan.pk, by=self.account, at=clock.now()
        )

    def next_place(self, answers: dict[str, str]) -> int | None:
        """The first question without an answer."""
        return next((q.place for q in self.questions if q.code not in answers), None)

    def context(self) -> dict[str, Any]:
        return {
            "link": self.link,
            "acting": acting_bar(self.link),
            "member": self.member,
            "plan": self.plan,
            "rules": self.rules,
        }


def _joining(request: HttpRequest) -> _Joining | HttpResponse:
    """The way of whom the account acts for, or where to go instead."""
    link, plan = acting_link(request), chosen_plan(request)
    if plan is None:
        raise Http404
    if link is None:
        return redirect("portal:family_add")
    member = Membership.objects.open().filter(member=link.member, plan=plan).first()
    if member is not None:
        return redirect("portal:joined", number=member.number)
    return _Joining(request, link, plan)


@require_GET
@login_required
def join(request: HttpRequest) -> HttpResponse:
    """The task list: the plan, the quiz, identity, health questions, payment, check and join."""
    way = _joining(request)
    if isinstance(way, HttpResponse):
        return way
    tasks = _tasks(way, way.answers())
    done = sum(task["kind"] == "ok" for task in tasks)
    return render(
        request,
        "portal/join.html",
        way.context()
        | {"tasks": tasks, "done": done, "of": len(tasks), "go_on": _first_open(tasks)}
        | {"refusal": _refusal(way)},
    )


def _refusal(way: _Joining) -> str:
    """Why nobody of that age, or nobody any more, joins this plan; told before the first step."""
    try:
        actions.check_open(way.plan, clock.now())
        actions.check_age(way.member, way.rules, clock.now())
    except Refused as refusal:
        return str(refusal)
    return ""


def _tasks(way: _Joining, answers: dict[str, str]) -> list[dict[str, Any]]:
    """The steps in their order, those that the plan does not need left out."""
    steps = [_plan_task(way), _quiz_task(way), _person_task(way)]
    if way.rules.admission == Rules.Admission.INVITATION:
        steps.insert(0, _invitation_task(way))
    if way.questions:
        steps.append(_health_task(way, answers))
    steps.append(_payment_task(way))
    ready = all(step["kind"] == "ok" for step in steps)
    steps.append(
        {
            "title": _("Check and join"),
            "hint": _("Nothing is debited now"),
            "url": reverse("portal:check") if ready else "",
            "kind": "do" if ready else "",
            "state": _("You can start") if ready else _("After the others"),
        }
    )
    for number, step in enumerate(steps, start=1):
        step["title"] = f"{number}. {step['title']}"
    return steps


def _step(title: str, hint: str, name: str, *, done: bool, word: str) -> dict[str, Any]:
    state = {"kind": "ok", "state": word} if done else {"kind": "do", "state": _("You can start")}
    return {"title": title, "hint": hint, "url": reverse(name), **state}


def _plan_task(way: _Joining) -> dict[str, Any]:
    title, hint = _("What this plan is"), _("With the numbers of the last period")
    return _step(title, hint, "portal:join_rules", done=way.rules_read, word=_("Read"))


def _quiz_task(way: _Joining) -> dict[str, Any]:
    title, hint = _("Five questions on shares and claims"), _("Each answer is explained")
    return _step(title, hint, "portal:quiz", done=way.quiz_passed, word=_("Passed"))


def _invitation_task(way: _Joining) -> dict[str, Any]:
    title, hint = _("Your invitation"), _("The code that was given to you")
    done = way.draft is not None and way.draft.invitation_id is not None
    return _step(title, hint, "portal:join_invitation", done=done, word=_("Entered"))


def _person_task(way: _Joining) -> dict[str, Any]:
    hint = _("%(name)s, %(age)s") % {"name": way.member.name, "age": _age(way.member)}
    if way.link.consented_at is not None:
        return {"title": _("Who it is"), "hint": hint, "kind": "ok", "state": _("Filled in")}
    waits = _("An adult agrees first, by a code on their phone")
    url = reverse("portal:consent", args=[way.member.pk])
    return {"title": _("Who it is"), "hint": waits, "url": url, "kind": "do", "state": _("To do")}


def _health_task(way: _Joining, answers: dict[str, str]) -> dict[str, Any]:
    """Done when every question is answered "no", or a reviewer has ruled so."""
    place = way.next_place(answers)
    said = {"n": len(answers), "count": len(way.questions)}
    step: dict[str, Any] = {
        "title": _("Health questions"),
        "hint": _("%(n)s of %(count)s answered") % said,
        "url": reverse("portal:question", args=[place or 1]),
    }
    if place is not None:
        return step | {"kind": "do", "state": _("You can start")}
    bad = [q for q in way.questions if answers[q.code] == "yes"]
    ruled_yes = {
        ruling.question_id
        for ruling in prechecks.newest_rulings(way.member, way.plan.pk)
        if ruling.ruling == PreCheck.Ruling.COUNTS_AS_YES
    }
    open_ones = [q for q in way.questions if answers[q.code] == "unsure" or q.pk in ruled_yes]
    if bad:
        at = reverse("portal:question", args=[bad[0].place])
        hint = _("A “yes” is among the answers; this plan takes who can answer “no”")
        return step | {"url": at, "hint": hint, "kind": "bad", "state": _("Please look again")}
    return step | _unsure_state(way, open_ones)


def _unsure_state(way: _Joining, unsure: list[HealthQuestion]) -> dict[str, Any]:
    for question in unsure:
        found = prechecks.standing(way.member, way.plan.pk, question, clock.now())
        at = {"url": reverse("portal:precheck", args=[question.place])}
        if found is None:
            return at | {"kind": "do", "state": _("To describe")}
        if found.answered_at is None:
            due = day(found.due_at - timedelta(days=1))
            return at | {"kind": "wait", "state": _("Answer by %(day)s") % {"day": due}}
        if found.ruling == PreCheck.Ruling.COUNTS_AS_YES:
            return at | {"kind": "bad", "state": _("Counts as “yes”")}
    return {"kind": "ok", "state": _("Answered")}


def _payment_task(way: _Joining) -> dict[str, Any]:
    title, hint = _("How shares are paid"), _("Only after help was given; you can revoke it")
    return _step(title, hint, "portal:join_payment", done=way.payment_agreed, word=_("Agreed"))


def _age(member: Member) -> str:
    age = rules.age_on(member.birth_on, clock.today())
    return _("%(age)s years") % {"age": age}


def _first_open(tasks: list[dict[str, Any]]) -> dict[str, Any] | None:
    return next((task for task in tasks if task["kind"] == "do" and task.get("url")), None)


def _onward(request: HttpRequest) -> HttpResponse:
    """After a step straight to the next open one; the list where something waits."""
    way = _joining(request)
    if isinstance(way, HttpResponse):
        return way
    step = _first_open(_tasks(way, way.answers()))
    return redirect(step["url"] if step else "portal:join")


@form_page
@login_required
def join_rules(request: HttpRequest) -> HttpResponse:
    """What the plan is, with the last period's numbers in the formula; sending the page keeps that
    it was read."""
    way = _joining(request)
    if isinstance(way, HttpResponse):
        return way
    if request.method == "POST":
        actions.read_rules(
            member_id=way.member.pk, plan_id=way.plan.pk, by=way.account, at=clock.now()
        )
        return _onward(request)
    newest = figures.published(way.plan)
    context = way.context() | {
        "newest": newest,
        "rows": figures.rows_of(newest) if newest else [],
        "bands": way.rules.bands.all(),
        "later": _later_rows(way),
    }
    return render(request, "portal/join_rules.html", context)


@form_page
@login_required
def quiz_page(request: HttpRequest) -> HttpResponse:
    """Five questions on one page. What was sent comes back explained, right or wrong; passed, the
    way goes on."""
    way = _joining(request)
    if isinstance(way, HttpResponse):
        return way
    form = QuizForm(sent(request))
    wrong: list[str] | None = None
    if form.is_valid():
        actions.take_quiz(
            member_id=way.member.pk,
            plan_id=way.plan.pk,
            answers=form.cleaned_data,
            by=way.account,
            at=clock.now(),
        )
        wrong = quiz.wrong(form.cleaned_data)
        form.explain(wrong)
    context = way.context() | {"form": form, "wrong": wrong, "passed": wrong == []}
    return render(request, "portal/quiz.html", context | {"next": reverse("portal:join_next")})


@require_GET
@login_required
def join_next(request: HttpRequest) -> HttpResponse:
    """On to the next open step."""
    return _onward(request)


@form_page
@login_required
def invitation(request: HttpRequest) -> HttpResponse:
    """The code of an invitation, for a plan that is open by invitation."""
    way = _joining(request)
    if isinstance(way, HttpResponse):
        return way
    form = InvitationForm(sent(request))
    if form.is_valid():
        try:
            actions.use_invitation(
                member_id=way.member.pk,
                plan_id=way.plan.pk,
                code=form.cleaned_data["code"],
                by=way.account,
                at=clock.now(),
            )
        except Refused as refusal:
            refused(form, refusal)
        else:
            return _onward(request)
    return render(request, "portal/join_invitation.html", way.context() | {"form": form})


@form_page
@login_required
def join_payment(request: HttpRequest) -> HttpResponse:
    """What is debited, when, how it is revoked and when it expires; the tick."""
    way = _joining(request)
    if isinstance(way, HttpResponse):
        return way
    form = AgreeForm(sent(request), label=_("I agree that shares are debited from my account."))
    if form.is_valid():
        actions.agree_payment(
            member_id=way.member.pk, plan_id=way.plan.pk, by=way.account, at=clock.now()
        )
        return _onward(request)
    until = clock.today() + timedelta(days=way.rules.mandate_days)
    return render(
        request, "portal/join_payment.html", way.context() | {"form": form, "until": until}
    )


@form_page
@login_required
def precheck(request: HttpRequest, place: int) -> HttpResponse:
    """“Not sure”: described in one's own words for a reviewer, and the reviewer's answer."""
    way = _joining(request)
    if isinstance(way, HttpResponse):
        return way
    asked = get_object_or_404(HealthQuestion, question_set=way.rules.question_set, place=place)
    found = prechecks.standing(way.member, way.plan.pk, asked, clock.now())
    if found is not None and request.POST.get("do") == "withdraw":
        actions.withdraw_precheck(precheck_id=found.pk, by=way.account, at=clock.now())
        return redirect("portal:question", place=place)
    form = StoryForm(sent(request))
    if found is None and form.is_valid():
        try:
            _ask(way, asked, form.cleaned_data["story"])
        except Refused as refusal:
            refused(form, refusal)
        else:
            return redirect("portal:precheck", place=place)
    context = way.context() | {"form": form, "question": asked, "precheck": found}
    return render(request, "portal/precheck.html", context | _read(way, found))


def _ask(way: _Joining, asked: HealthQuestion, story: str) -> None:
    actions.ask_precheck(
        member_id=way.member.pk,
        plan_id=way.plan.pk,
        code=asked.code,
        story=story,
        by=way.account,
        at=clock.now(),
    )


def _read(way: _Joining, found: PreCheck | None) -> dict[str, Any]:
    """What was asked and answered, opened for the family; recorded."""
    if found is None:
        return {}
    parts = {"story": "", "reply": ""}
    for part in parts:
        parts[part] = actions.open_precheck(
            precheck_id=found.pk, part=part, by=way.account, why="own", at=clock.now()
        )
    return parts | {
        "due_on": found.due_at - timedelta(days=1),
        "again_on": prechecks.again_from(found),
    }


@form_page
@login_required
def question(request: HttpRequest, place: int) -> HttpResponse:
    """One health question. `?check` comes from the check page and goes back to it."""
    way = _joining(request)
    if isinstance(way, HttpResponse):
        return way
    asked = get_object_or_404(HealthQuestion, question_set=way.rules.question_set, place=place)
    answers = way.answers()
    form = AnswerForm(sent(request), question=asked, initial={"answer": answers.get(asked.code)})
    if form.is_valid():
        answer = form.cleaned_data["answer"]
        try:
            _save(way, asked, answer)
        except Refused as refusal:
            refused(form, refusal)
        else:
            if answer == "unsure":
                return redirect("portal:precheck", place=place)
            return _after(way, asked, answers, request)
    eyebrow = _("Health questions, %(n)s of %(count)s") % {"n": place, "count": len(way.questions)}
    previous = reverse("portal:question", args=[place - 1]) if place > 1 else reverse("portal:join")
    context = way.context() | {"form": form, "eyebrow": eyebrow, "previous": previous}
    return render(request, "portal/question.html", context | {"place": place})


def _save(way: _Joining, asked: HealthQuestion, answer: str) -> None:
    actions.save_answer(
        member_id=way.member.pk,
        plan_id=way.plan.pk,
        code=asked.code,
        answer=answer,
        by=way.account,
        at=clock.now(),
    )


def _after(
    way: _Joining, asked: HealthQuestion, answers: dict[str, str], request: HttpRequest
) -> HttpResponse:
    place = way.next_place(answers | {asked.code: "given"})
    if place is None or "check" in request.GET:
        return _onward(request)
    return redirect("portal:question", place=place)


@form_page
@login_required
def check(request: HttpRequest) -> HttpResponse:
    """Everything once more, what joining brings, the tick, and joining."""
    way = _joining(request)
    if isinstance(way, HttpResponse):
        return way
    answers = way.answers()
    if any(task["kind"] != "ok" for task in _tasks(way, answers)[:-1]):
        return redirect("portal:join")
    form = AgreeForm(sent(request), label=_agreement(way))
    if form.is_valid():
        try:
            membership = actions.join(
                member_id=way.member.pk, plan_id=way.plan.pk, by=way.account, at=clock.now()
            )
        except Refused as refusal:
            refused(form, refusal)
        else:
            return redirect("portal:joined", number=membership.number)
    return render(request, "portal/check.html", way.context() | _check_rows(way, answers, form))


def _agreement(way: _Joining) -> str:
    return _(
        "I have answered the questions truthfully and agree to the rules %(version)s of the"
        " %(plan)s. I know that this is not insurance."
    ) % {"version": way.rules.version, "plan": way.plan.name}


def _check_rows(way: _Joining, answers: dict[str, str], form: AgreeForm) -> dict[str, Any]:
    health = [
        {
            "label": f"{q.place}. {q.text}",
            "value": answer_word(answers[q.code]),
            "url": reverse("portal:question", args=[q.place]) + "?check",
        }
        for q in way.questions
    ]
    return {
        "form": form,
        "person": _person_rows(way),
        "health": health,
        "later": _later_rows(way),
    }


def _person_rows(way: _Joining) -> list[dict[str, Any]]:
    member = way.member
    return [
        {"label": _("Name"), "value": member.name},
        {"label": _("Date of birth"), "value": day(member.birth_on)},
        {"label": _("Age"), "value": _age(member)},
        {"label": _("Relation to you"), "value": way.link.get_relation_display()},
        {"label": _("Who pays the shares"), "value": _("you")},
    ]


def _later_rows(way: _Joining) -> list[dict[str, Any]]:
    today = clock.today()
    first = _first_share(clock.now(), way.plan)
    age = rules.age_on(way.member.birth_on, today)
    band = way.rules.bands.filter(from_age__lte=age, to_age__gte=age).first()
    benefit = _("%(sum)s yuan") % {"sum": yuan(band.benefit_fen if band else 0)}
    covered = actions.first_day_of_cover(
        way.member, way.rules, actions.predecessor(way.member, way.plan, clock.now()), clock.now()
    )
    return [
        {
            "label": _("Cover for accidents"),
            "value": _("Covered from %(day)s") % {"day": day(today)},
        },
        {
            "label": _("Cover for illness"),
            "value": _("Covered from %(day)s") % {"day": day(covered)},
        },
        {"label": _("Benefit at today's age"), "value": benefit},
        {
            "label": _("First share"),
            "value": _("%(day)s; the sum is published on %(disclosed)s")
            % {"day": day(first.split_at), "disclosed": day(first.disclose_at)},
        },
    ]


def _first_share(joined_at: datetime, plan: Plan) -> share_rules.Half:
    """The first half-month of the plan whose roster is locked after that instant."""
    begins = max(joined_at, clock.midnight(plan.shares_from or plan.opened_on))
    half = share_rules.Half.of(begins).previous()
    while half.roster_at < begins or half.roster_at == joined_at:
        half = half.next()
    return half


@require_GET
@login_required
def joined(request: HttpRequest, number: str) -> HttpResponse:
    """The receipt: a number, and what comes next with its dates."""
    membership = own_membership(request, number)
    until = actions.undo_until(membership)
    context = acting(request) | {
        "membership": membership,
        "undo_until": until if membership.ended_at is None and clock.now() < until else None,
        "note": _("Joined on %(at)s. The notice is in your inbox.")
        % {"at": moment(membership.joined_at)},
        "steps": _next_steps(membership),
        "parts": receipts.parts(membership),
        "paper": Receipt.objects.filter(membership=membership, language=get_language()).first(),
        "keep_days": actions.RECEIPT_DAYS,
    }
    response = render(request, "portal/joined.html", context)
    response["Cache-Control"] = "private, no-store"
    return response


@form_page
@login_required
def receipt(request: HttpRequest, number: str) -> HttpResponse:
    """The receipt as a PDF, in the language of the page: POST asks for it, a worker makes it."""
    membership, account = own_membership(request, number), signed_in(request)
    language = get_language() or ""
    if request.method == "POST":
        actions.ask_receipt(
            membership_id=membership.pk, language=language, by=account, at=clock.now()
        )
        return redirect(reverse("portal:joined", args=[membership.number]) + "#paper")
    found = get_object_or_404(Receipt, membership=membership, language=language)
    data = actions.open_receipt(receipt_id=found.pk, by=account, why="own", at=clock.now())
    response = HttpResponse(data, content_type="application/pdf")
    name = f"{_('receipt')}-{membership.number}.pdf"
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _next_steps(membership: Membership) -> list[dict[str, Any]]:
    today, joined_on = clock.today(), clock.day(membership.joined_at)
    first = _first_share(membership.joined_at, membership.plan)
    steps: list[dict[str, Any]] = [
        {"title": _("Cover for accidents begins"), "on": joined_on, "icon": "check"},
        {
            "title": _("The first share is published"),
            "on": clock.day(first.disclose_at),
            "icon": "notice",
            "text": _("We tell you the sum a week before it is debited."),
        },
        {
            "title": _("The first share is debited"),
            "on": clock.day(first.split_at),
            "icon": "money",
        },
        {
            "title": _("Cover for illness begins"),
            "on": membership.covered_from,
            "icon": "shield",
            "text": _("The waiting period of %(days)s days is over.")
            % {"days": membership.rules.waiting_days},
        },
        {"title": _("Cover ends with the age"), "on": me.until(membership), "icon": "date"},
    ]
    return [step | {"status": "done" if step["on"] <= today else "later"} for step in steps]
