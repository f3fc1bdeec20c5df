"""The versions of a plan's rules, what changes between them, and a member's answer to a change."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from claims.forms import disease_name
from members import actions, rulebook
from members.models import Plan, RuleConsent, Rules, in_language
from mutualaid import clock
from mutualaid.errors import Refused
from mutualaid.templatetags.look import moment
from portal import me
from portal.cover import CoverOf, Versions
from portal.views.shared import acting_for, form_page, own_membership, signed_in


def _version(plan: Plan, version: str) -> tuple[Rules, Rules | None, Versions]:
    """A published version, the one before it, and all of them. Raises Http404 for any other."""
    rules = get_object_or_404(Rules.objects.published(), plan=plan, version=version)
    versions = Versions(plan)
    before = [each for each in versions.all if each.effective_on < rules.effective_on]
    return rules, before[-1] if before else None, versions


def _compared(old: Rules | None, new: Rules) -> list[dict[str, Any]]:
    """What differs, grouped by half."""
    found = rulebook.changes(old, new, disease_name=disease_name) if old else []
    return [
        {"half": half, "title": half.label, "changes": list(changes)}
        for half, changes in groupby(found, key=lambda change: change.half)
    ]


def _plain(rules: Rules) -> list[str]:
    """The change in plain words, by paragraph."""
    return in_language(rules, "change").splitlines()


@require_GET
def versions(request: HttpRequest, code: str) -> HttpResponse:
    """Every version of a plan's rules, the newest first."""
    plan = get_object_or_404(Plan.objects.published(), code=code)
    found, today = Versions(plan), clock.today()
    now = found.on(today) if found.all and found.all[0].effective_on <= today else None
    rows = [
        {"rules": rules, "first": rules == found.all[0], "state": _state(rules, now)}
        for rules in reversed(found.all)
    ]
    return render(request, "portal/rules_versions.html", {"plan": plan, "rows": rows})


def _state(rules: Rules, now: Rules | None) -> tuple[str, str]:
    if rules == now:
        return "ok", _("In force")
    coming = now is None or rules.effective_on > now.effective_on
    return ("wait", _("Announced")) if coming else ("", _("Over"))


@require_GET
def version(request: HttpRequest, code: str, version: str) -> HttpResponse:
    """One version, whole, written from its data."""
    plan = get_object_or_404(Plan.objects.published(), code=code)
    rules, before, found = _version(plan, version)
    today = clock.today()
    now = found.on(today) if found.all[0].effective_on <= today else None
    context = {
        "plan": plan,
        "rules": rules,
        "before": before,
        "state": _state(rules, now),
        "parts": rulebook.described(rules, disease_name=disease_name),
        "questions": rules.question_set.questions.all(),
        "digest": rulebook.digest(rules),
    }
    return render(request, "portal/rules_version.html", context)


@require_GET
def changes(request: HttpRequest, code: str, version: str) -> HttpResponse:
    """What a version changes, beside the plain words."""
    plan = get_object_or_404(Plan.objects.published(), code=code)
    rules, before, _found = _version(plan, version)
    context = {
        "plan": plan,
        "rules": rules,
        "before": before,
        "plain": _plain(rules),
        "parts": _compared(before, rules),
    }
    return render(request, "portal/rules_changes.html", context)


@form_page
@login_required
def rule_change(request: HttpRequest, number: str, version: str) -> HttpResponse:
    """A member's page of an announced change: what it means, accept or leave, and what silence
    means."""
    membership = own_membership(request, number)
    rules, before, _found = _version(membership.plan, version)
    refusal = ""
    if request.method == "POST":
        try:
            actions.accept_rules(
                membership_id=membership.pk,
                rules_id=rules.pk,
                by=signed_in(request),
                at=clock.now(),
            )
        except Refused as refused:
            refusal = str(refused)
        else:
            return redirect("portal:rule_accepted", number=number, version=version)
    answer = _answer(membership.pk, rules)
    context = acting_for(request, membership.member_id) | {
        "membership": membership,
        "plan": membership.plan,
        "rules": rules,
        "before": before,
        "plain": _plain(rules),
        "parts": _compared(before, rules),
        "by": me.named(answer.by, signed_in(request)) if answer and answer.by else "",
        "accepted": answer if answer and answer.kind == RuleConsent.Kind.ACCEPTED else None,
        "silent": answer if answer and answer.kind == RuleConsent.Kind.SILENT else None,
        "begun": rules.effective_on <= clock.today(),
        "refusal": refusal,
    }
    return render(request, "portal/rule_change.html", context, status=409 if refusal else 200)


def _answer(membership_id: int, rules: Rules) -> RuleConsent | None:
    """The acceptance, or else the silence."""
    found = RuleConsent.objects.filter(membership=membership_id, rules=rules).order_by("kind")
    return found.select_related("by").first()


@require_GET
@login_required
def rule_accepted(request: HttpRequest, number: str, version: str) -> HttpResponse:
    """The receipt of accepting."""
    membership = own_membership(request, number)
    rules, _before, _found = _version(membership.plan, version)
    answer = _answer(membership.pk, rules)
    if answer is None or answer.kind != RuleConsent.Kind.ACCEPTED:
        return redirect("portal:rule_change", number=number, version=version)
    context = acting_for(request, membership.member_id) | {
        "membership": membership,
        "plan": membership.plan,
        "rules": rules,
        "note": _("Accepted on %(at)s.") % {"at": moment(answer.at)},
        "of": CoverOf(membership, clock.today()),
    }
    return render(request, "portal/rule_accepted.html", context)
