"""The pages open to all: the front, how it works, the rules, true texts."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from assessments import rules as share_rules
from members.models import (
    Rules,
)
from mutualaid import clock
from mutualaid.money import yuan
from portal import figures, me
from portal.forms import CalculatorForm


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
        "covers": me.covers_at_a_glance(request.user, clock.day(now)),
    }
    context["is_in"] = any(row["icon"] == "shield" for row in context["covers"])
    if newest:
        context["rows"] = figures.rows_of(newest)
        context["change_fen"] = (
            newest.figures["share_fen"] - before.figures["share_fen"] if before else None
        )
    return render(request, "portal/home.html", context)


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
        "rows": figures.rows_of(newest) if newest else [],
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
        "fee": figures.percent(terms.fee_bp),
    }
    return render(request, "portal/rules.html", context)


@require_GET
def text(request: HttpRequest, page: str) -> HttpResponse:
    """Help, privacy, accessibility: short texts that say what is so."""
    return render(request, f"portal/{page}.html")
