"""The plans side by side, and one plan: for whom, what, from when, what it costs."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from claims.forms import disease_name
from claims.rules import diseases
from members import rulebook
from members.models import Plan, Rules
from mutualaid import clock
from mutualaid.money import yuan
from mutualaid.templatetags.look import day, number
from portal import figures


@require_GET
def plans(request: HttpRequest) -> HttpResponse:
    """Every plan with rules that were published, those that take people first."""
    found = Plan.objects.published().order_by("opened_on", "pk")
    in_turn = sorted(found, key=lambda plan: _state(plan)[0] != "ok")
    rows = [{"plan": plan, "state": _state(plan), "facts": _facts(plan)} for plan in in_turn]
    return render(request, "portal/plans.html", {"rows": rows})


@require_GET
def plan(request: HttpRequest, code: str) -> HttpResponse:
    """One plan in plain words with its numbers, and the way into it."""
    found = get_object_or_404(Plan.objects.published(), code=code)
    terms = _terms(found)
    if terms is None:
        raise Http404
    newest = figures.published(found)
    context = {
        "plan": found,
        "rules": terms,
        "state": _state(found),
        "facts": _facts(found),
        "sums": _sums(terms),
        "illnesses": [disease_name(terms.norm, code) for code in diseases(terms)],
        "newest": newest,
        "rows": figures.rows_of(newest) if newest else [],
    }
    return render(request, "portal/plan.html", context)


def _terms(plan: Plan) -> Rules | None:
    """What is in force today; before the first day, the first version."""
    published = Rules.objects.published().filter(plan=plan).order_by("effective_on")
    begun = published.filter(effective_on__lte=clock.today())
    return begun.last() or published.first()


def _state(plan: Plan) -> tuple[str, str]:
    today = clock.today()
    if plan.closed_on is not None and today >= plan.closed_on:
        return "", _("Closed")
    if today < plan.opened_on:
        return "wait", _("Opens on %(day)s") % {"day": day(plan.opened_on)}
    return "ok", _("Open")


def _facts(plan: Plan) -> list[dict[str, Any]]:
    terms = _terms(plan)
    if terms is None:
        return []
    rows = [
        (_("Who can be covered"), _ages(terms)),
        (_("Who may join"), _admission(terms)),
        (_("Waiting period"), _waiting(terms)),
    ]
    newest = figures.published(plan)
    if newest:
        said = {"number": newest.period.number, "sum": yuan(newest.figures["share_fen"])}
        rows += [
            (_("Last share"), _("%(sum)s yuan in period %(number)s") % said),
            (_("Members who shared it"), number(newest.figures["members"])),
        ]
    return [{"label": label, "value": value} for label, value in rows]


def _ages(terms: Rules) -> str:
    if terms.min_age_years:
        return rulebook.ages(terms.min_age_years, terms.max_age_years)
    return _("From %(days)s days to %(years)s years") % {
        "days": terms.min_age_days,
        "years": terms.max_age_years,
    }


def _admission(terms: Rules) -> str:
    words = rulebook.admission(terms.admission)
    if terms.min_score is not None:
        words = _("from %(points)s points of the identity provider") % {"points": terms.min_score}
    if terms.ceiling_members is not None:
        most = {"words": words, "most": number(terms.ceiling_members)}
        return _("%(words)s; at most %(most)s members") % most
    return words


def _waiting(terms: Rules) -> str:
    if terms.accidents_only:
        return _("None; this plan is for accidents alone")
    words = _("%(days)s days for illness, none for accidents") % {"days": terms.waiting_days}
    if terms.waiting_longer_from_age is None:
        return words
    return _("%(words)s; %(longer)s days from %(age)s years on") % {
        "words": words,
        "longer": terms.waiting_longer_days,
        "age": terms.waiting_longer_from_age,
    }


def _sums(terms: Rules) -> list[dict[str, Any]]:
    """The bands, and how the sum rises with the length of membership."""
    rows = [
        {
            "label": _("%(severity)s, %(ages)s")
            % {
                "severity": rulebook.severity_word(band.severity),
                "ages": rulebook.ages(band.from_age, band.to_age),
            },
            "value": _("%(sum)s yuan") % {"sum": yuan(band.benefit_fen)},
        }
        for band in terms.bands.all()
    ]
    if terms.steps.exists():
        rows.append(
            {
                "label": _("By length of membership"),
                "value": rulebook.steps_in_words(terms),
            }
        )
    return rows
