"""The pages where the rooms meet: the front, 我的, joining, leaving, the inbox, true texts."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from assessments import rules as share_rules
from members import actions, rules
from members.acting import acting_bar, acting_link, household
from members.models import (
    Account,
    HealthQuestion,
    HouseholdLink,
    JoinDraft,
    Member,
    Membership,
    Plan,
    Rules,
)
from members.reference import answer_word
from mutualaid import clock
from mutualaid.errors import Invalid, Refused
from mutualaid.money import yuan
from mutualaid.templatetags.look import day, moment
from portal import figures, me
from portal.forms import AgreeForm, AnswerForm, CalculatorForm, PersonForm, refused

form_page = require_http_methods(["GET", "HEAD", "POST"])


def _account(request: HttpRequest) -> Account:
    return cast(Account, request.user)


def _sent(request: HttpRequest) -> QueryDict | None:
    """The form that was sent, also an empty one; None where the page is only opened."""
    return request.POST if request.method == "POST" else None


def _acting(request: HttpRequest) -> dict[str, Any]:
    """Context of every page that is about one person: the link and the bar."""
    link = acting_link(request)
    return {"link": link, "acting": acting_bar(link)}


# --- open to all


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The front page: four actions, three numbers with their proof, how it works, what is next."""
    now, plan = clock.now(), figures.the_plan()
    newest = figures.published(plan) if plan else None
    before = figures.published(plan, before=newest.period) if plan and newest else None
    context: dict[str, Any] = {
        "plan": plan,
        "newest": newest,
        "helped": figures.helped(plan) if plan else None,
        "dates": figures.next_dates(newest.period if newest else None, now) if plan else [],
        "rules": figures.rules_now(plan, now) if plan else None,
    }
    if newest:
        context["rows"] = _sum_of(newest)
        context["change_fen"] = (
            newest.figures["share_fen"] - before.figures["share_fen"] if before else None
        )
    return render(request, "portal/home.html", context)


def _sum_of(published: figures.Published) -> list[dict[str, Any]]:
    terms = published.period.rules
    return figures.sum_rows(
        published.figures,
        fee_bp=terms.fee_bp if terms else 0,
        roster_at=published.period.roster_at,
    )


@require_GET
def how(request: HttpRequest) -> HttpResponse:
    """How it works, with the sum of the last period and a calculator (by GET)."""
    plan = figures.the_plan()
    if plan is None:
        return render(request, "portal/how.html")
    terms = figures.rules_now(plan, clock.now())
    newest = figures.published(plan)
    asked = request.GET if "members" in request.GET else None
    form = CalculatorForm(asked, bands=terms.bands.all(), initial=_calculator_start(newest, terms))
    context = {
        "plan": plan,
        "rules": terms,
        "newest": newest,
        "rows": _sum_of(newest) if newest else [],
        "form": form,
        "answer": _calculated(form, terms) if asked and form.is_valid() else [],
    }
    return render(request, "portal/how.html", context)


def _calculator_start(newest: figures.Published | None, terms: Rules) -> dict[str, Any]:
    start: dict[str, Any] = {f"people_{band.from_age}": 1 for band in terms.bands.all()}
    start["members"] = newest.figures["members"] if newest else 100_000
    start["surplus"] = yuan(newest.figures["surplus_in_fen"]) if newest else "0.00"
    return start


def _calculated(form: CalculatorForm, terms: Rules) -> list[dict[str, Any]]:
    benefits = form.benefits()
    quote = share_rules.quote_counted(
        members=form.cleaned_data["members"],
        benefits=benefits,
        fee_bp=terms.fee_bp,
        surplus_in=form.cleaned_data["surplus"],
        case_cap=terms.case_cap_fen,
    )
    cases = sum(count for _fen, count in benefits)
    return figures.sum_rows(figures.of_quote(quote, cases=cases), fee_bp=terms.fee_bp)


@require_GET
def rules_page(request: HttpRequest) -> HttpResponse:
    """The rules in force, written from their data."""
    plan = figures.the_plan()
    if plan is None:
        raise Http404
    terms = figures.rules_now(plan, clock.now())
    context = {
        "plan": plan,
        "rules": terms,
        "bands": terms.bands.all(),
        "questions": terms.question_set.questions.all(),
        "versions": plan.rules.order_by("-effective_on"),
        "fee": figures.percent(terms.fee_bp),
    }
    return render(request, "portal/rules.html", context)


@require_GET
def text(request: HttpRequest, page: str) -> HttpResponse:
    """Help, privacy, accessibility: short texts that say what is so."""
    return render(request, f"portal/{page}.html")


# --- 我的


@require_GET
@login_required
def mine(request: HttpRequest) -> HttpResponse:
    """What is to do, the cover, claims under way, the share of the period, the family."""
    context = _acting(request)
    account, plan, today = _account(request), figures.the_plan(), clock.today()
    link: HouseholdLink | None = context["link"]
    context |= {"plan": plan, "family": me.family(household(account), plan, today)}
    if link and plan:
        context |= _mine_of(link, account, plan)
    return render(request, "portal/me.html", context)


def _mine_of(link: HouseholdLink, account: Account, plan: Plan) -> dict[str, Any]:
    today = clock.today()
    cover = me.cover(link.member, plan, today)
    context: dict[str, Any] = {
        "cover": cover,
        "todo": me.to_do(link, account, cover),
        "claims": me.open_claims(link.member),
    }
    if cover.membership:
        context |= {
            "rows": me.cover_rows(cover.membership, account, today),
            "share": me.this_share(cover.membership, plan) if cover.open else None,
            "year": me.this_year(cover.membership, today),
            "chart": figures.shares_chart(plan),
            "heads": (_("Split on"), _("Yuan each")),
        }
    return context


@form_page
@login_required
def family_add(request: HttpRequest) -> HttpResponse:
    """Add oneself, a parent, the spouse, a child; then go on to joining."""
    account = _account(request)
    form = PersonForm(_sent(request), initial={"relation": _first_relation(account)})
    if form.is_valid():
        try:
            member = actions.add_member(
                account_id=account.pk, by=account, at=clock.now(), **form.cleaned_data
            )
        except Refused as refusal:
            refused(form, refusal)
        else:
            return redirect(f"{reverse('portal:join')}?as={member.pk}")
    return render(request, "portal/family_add.html", {"form": form})


def _first_relation(account: Account) -> str:
    has_self = account.household.filter(relation=HouseholdLink.Relation.SELF).exists()
    return "" if has_self else HouseholdLink.Relation.SELF


@require_GET
@login_required
def inbox(request: HttpRequest) -> HttpResponse:
    """Notices to this account and to everybody in its plans; paged by key."""
    account = _account(request)
    written = request.GET.get("before", "")
    before = int(written) if written.isdecimal() and len(written) < 18 else None  # noqa: PLR2004
    first = Membership.objects.filter(payer=account).order_by("joined_at").first()
    shown = me.inbox(account, before=before, since=first.joined_at if first else None)
    more = len(shown) > me.NOTICES_A_PAGE
    shown = shown[: me.NOTICES_A_PAGE]
    next_url = f"{reverse('portal:inbox')}?before={shown[-1]['pk']}" if more else ""
    return render(request, "portal/inbox.html", {"notices": shown, "next": next_url})


# --- joining


class _Joining:
    """Where somebody stands on the way to joining: shared by the pages of the way."""

    def __init__(self, request: HttpRequest, link: HouseholdLink, plan: Plan) -> None:
        self.account, self.link, self.plan = _account(request), link, plan
        self.member: Member = link.member
        self.rules = figures.rules_now(plan, clock.now())
        self.questions = list(self.rules.question_set.questions.all())
        self.draft = JoinDraft.objects.filter(member=link.member, plan=plan).first()

    @property
    def rules_read(self) -> bool:
        return self.draft is not None and self.draft.rules_read_at is not None

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
    link, plan = acting_link(request), figures.the_plan()
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
    """The task list: rules, identity, health questions, check and join."""
    way = _joining(request)
    if isinstance(way, HttpResponse):
        return way
    answers = way.answers()
    tasks = _tasks(way, answers)
    done = sum(task["kind"] == "ok" for task in tasks)
    return render(
        request,
        "portal/join.html",
        way.context()
        | {"tasks": tasks, "done": done, "of": len(tasks), "go_on": _first_open(tasks)}
        | {"refusal": _age_refusal(way)},
    )


def _age_refusal(way: _Joining) -> str:
    try:
        actions.check_age(way.member, way.rules, clock.now())
    except Invalid as refusal:
        return str(refusal)
    return ""


def _tasks(way: _Joining, answers: dict[str, str]) -> list[dict[str, Any]]:
    place, count = way.next_place(answers), len(way.questions)
    said = {"n": len(answers), "count": count}
    ready = way.rules_read and place is None
    start = {"kind": "do", "state": _("You can start")}
    read = {"kind": "ok", "state": _("Read")} if way.rules_read else start
    asked = {"kind": "ok", "state": _("Answered")} if place is None else start
    return [
        {
            "title": _("1. Understand the rules"),
            "hint": _("Five sentences"),
            "url": reverse("portal:join_rules"),
            **read,
        },
        {
            "title": _("2. Who it is"),
            "hint": _("%(name)s, %(age)s") % {"name": way.member.name, "age": _age(way.member)},
            "kind": "ok",
            "state": _("Filled in"),
        },
        {
            "title": _("3. Health questions"),
            "hint": _("%(n)s of %(count)s answered") % said,
            "url": reverse("portal:question", args=[place or 1]),
            **asked,
        },
        {
            "title": _("4. Check and join"),
            "hint": _("Nothing is debited now"),
            "url": reverse("portal:check") if ready else "",
            "kind": "do" if ready else "",
            "state": _("You can start") if ready else _("After the others"),
        },
    ]


def _age(member: Member) -> str:
    age = rules.age_on(member.birth_on, clock.today())
    return _("%(age)s years") % {"age": age}


def _first_open(tasks: list[dict[str, Any]]) -> dict[str, Any] | None:
    return next((task for task in tasks if task["kind"] == "do" and task.get("url")), None)


@form_page
@login_required
def join_rules(request: HttpRequest) -> HttpResponse:
    """The five sentences; sending the page keeps that they were read."""
    way = _joining(request)
    if isinstance(way, HttpResponse):
        return way
    if request.method == "POST":
        actions.read_rules(
            member_id=way.member.pk, plan_id=way.plan.pk, by=way.account, at=clock.now()
        )
        return redirect("portal:join")
    return render(request, "portal/join_rules.html", way.context())


@form_page
@login_required
def question(request: HttpRequest, place: int) -> HttpResponse:
    """One health question. `?check` comes from the check page and goes back to it."""
    way = _joining(request)
    if isinstance(way, HttpResponse):
        return way
    asked = get_object_or_404(HealthQuestion, question_set=way.rules.question_set, place=place)
    answers = way.answers()
    form = AnswerForm(_sent(request), question=asked, initial={"answer": answers.get(asked.code)})
    if form.is_valid():
        try:
            _save(way, asked, form.cleaned_data["answer"])
        except Refused as refusal:
            refused(form, refusal)
        else:
            return redirect(_after(way, asked, answers, request))
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
) -> str:
    place = way.next_place(answers | {asked.code: "given"})
    if place is None or "check" in request.GET:
        return (
            reverse("portal:check") if way.rules_read and place is None else reverse("portal:join")
        )
    return reverse("portal:question", args=[place])


@form_page
@login_required
def check(request: HttpRequest) -> HttpResponse:
    """Everything once more, what joining brings, the tick, and joining."""
    way = _joining(request)
    if isinstance(way, HttpResponse):
        return way
    answers = way.answers()
    if not way.rules_read or way.next_place(answers):
        return redirect("portal:join")
    form = AgreeForm(_sent(request), label=_agreement(way))
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
    blocked = {"yes", "unsure"} & {answers[q.code] for q in way.questions}
    return {
        "form": form,
        "person": _person_rows(way),
        "health": health,
        "later": _later_rows(way),
        "blocked": "yes" if "yes" in blocked else "unsure" if blocked else "",
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
    covered = rules.covered_from(today, way.rules.waiting_days)
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


def _own_membership(request: HttpRequest, number: str) -> Membership:
    """The membership of that number in the account's family. Raises Http404 for any other."""
    digits = number.removeprefix("M")
    if not digits.isdecimal() or len(digits) > 18:  # noqa: PLR2004 - what a bigint holds
        raise Http404
    mine = Membership.objects.filter(member__household__account=_account(request))
    related = mine.select_related("member", "plan", "rules", "payer")
    return get_object_or_404(related, pk=int(digits))


@require_GET
@login_required
def joined(request: HttpRequest, number: str) -> HttpResponse:
    """The receipt: a number, and what comes next with its dates."""
    membership = _own_membership(request, number)
    context = {
        "membership": membership,
        "note": _("Joined on %(at)s. The notice is in your inbox.")
        % {"at": moment(membership.joined_at)},
        "steps": _next_steps(membership),
    }
    return render(request, "portal/joined.html", context)


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


# --- leaving


@form_page
@login_required
def leave(request: HttpRequest, number: str) -> HttpResponse:
    """What leaving means, and the button."""
    membership = _own_membership(request, number)
    if membership.ended_at is not None:
        return redirect("portal:left", number=number)
    if request.method == "POST":
        actions.leave(membership_id=membership.pk, by=_account(request), at=clock.now())
        return redirect("portal:left", number=number)
    share = me.this_share(membership, membership.plan)
    still = share if share and not share["divided"] else None
    return render(request, "portal/leave.html", {"membership": membership, "still": still})


@require_GET
@login_required
def left(request: HttpRequest, number: str) -> HttpResponse:
    """The receipt of leaving."""
    membership = _own_membership(request, number)
    if membership.ended_at is None:
        return redirect("portal:leave", number=number)
    note = _("Ended on %(at)s. The notice is in your inbox.") % {"at": moment(membership.ended_at)}
    return render(request, "portal/left.html", {"membership": membership, "note": note})
