"""Plans set up on the desk: names, rules as drafts, health questions, invitations, the end.

Every POST carries what one form was filled in with and calls one verb of members.actions. What the
verb refuses stands at the field that it names. Publishing, closing and inviting ask for the login
again if it is not fresh.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any, cast

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from members import actions, definitions, ready, rulebook
from members.actions import closing, publishing
from members.admin import plan_forms
from members.models import Account, Invitation, Plan, QuestionSet, Rules, in_language
from mutualaid import clock
from mutualaid.errors import Refused
from mutualaid.staff import ReadOnlyAdmin, desk_tag, problems, why_not
from mutualaid.templatetags.look import day

FORM = "desk-form"  # the id of the form on a page, where a refusal that names no field points to


def _by(request: HttpRequest) -> Account:
    return cast(Account, request.user)


def _check(request: HttpRequest, perm: str) -> None:
    """403 for whose role does not include what the page is for."""
    if not request.user.has_perm(perm):
        raise PermissionDenied


class SetUpAdmin(ReadOnlyAdmin):
    """A list, and pages with a form whose verb decides."""

    change_list_template = "admin/members/set_up_list.html"
    add_permission = ""  # who has it sees the way to `new`

    def new_url(self) -> str:
        return reverse(f"admin:members_{self.opts.model_name}_new")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        may = bool(self.add_permission) and request.user.has_perm(self.add_permission)
        context = {"new_url": self.new_url() if may else "", "new_word": self.new_word}
        return super().changelist_view(request, context | (extra_context or {}))

    new_word: Any = ""

    def page(
        self, request: HttpRequest, name: str, *, status: int = 200, **context: Any
    ) -> TemplateResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts}
        template = f"admin/members/{name}.html"
        return TemplateResponse(request, template, shared | context, status=status)

    def form_page(
        self,
        request: HttpRequest,
        form: forms.Form,
        name: str = "set_up_form",
        *,
        status: int = 200,
        **context: Any,
    ) -> TemplateResponse:
        """A page with one form, its faults on top."""
        given = {"form": form, "form_id": FORM, "problems": problems(form, FORM)} | context
        return self.page(request, name, status=status, **given)


def tried(form: forms.Form, verb: Callable[[], Any]) -> tuple[Any, int]:
    """What the verb made, or the status of its refusal, which then stands in the form."""
    if not form.is_valid():
        return None, 200
    try:
        return verb(), 0
    except Refused as error:
        form.add_error(plan_forms.refusal_at(form, error.field), str(error))
        return None, error.status


# --- plans


@admin.register(Plan)
class PlanAdmin(SetUpAdmin):
    list_display = ("name", "code", "state", "opened_on", "version")
    list_display_links = ("name",)
    exact = ("code",)
    add_permission = "members.add_plan"
    new_word = gettext_lazy("New plan")

    @admin.display(description=gettext_lazy("plan"))
    def name(self, plan: Plan) -> str:
        return plan.name

    @admin.display(description=gettext_lazy("state"))
    def state(self, plan: Plan) -> SafeString:
        return plan_state(plan)

    @admin.display(description=gettext_lazy("in force"))
    def version(self, plan: Plan) -> str:
        begun = Rules.objects.published().filter(plan=plan, effective_on__lte=clock.today())
        found = begun.order_by("effective_on").last()
        return found.version if found else "—"

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site.admin_view
        return [
            path("new/", site(self.new), name="members_plan_new"),
            path("<int:pk>/names/", site(self.names), name="members_plan_names"),
            path("<int:pk>/next/", site(self.next), name="members_plan_next"),
            path("<int:pk>/close/", site(self.close), name="members_plan_close"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The plan: what it is called, its versions, the way on."""
        return require_safe(self._overview)(request, object_id)

    def _overview(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        plan = get_object_or_404(Plan.objects.select_related("closed_by"), pk=object_id)
        versions = list(plan.rules.select_related("drafted_by", "published_by"))
        versions.sort(key=lambda rules: rules.effective_on, reverse=True)
        published = any(rules.published_at for rules in versions)
        return self.page(
            request,
            "plan",
            plan=plan,
            state=plan_state(plan),
            versions=[(rules, rules_state(rules)) for rules in versions],
            published=published,
            may_draft=request.user.has_perm("members.add_rules"),
            may_name=request.user.has_perm("members.change_plan") and not published,
            may_close=request.user.has_perm(closing.PERMISSION)
            and published
            and plan.closed_on is None,
            title=plan.name,
        )

    def new(self, request: HttpRequest) -> HttpResponse:
        _check(request, "members.add_plan")
        form, status = plan_forms.PlanForm(request.POST or None), 200
        if request.method == "POST":
            made, status = tried(form, lambda: actions.draft_plan(
                **form.cleaned_data, by=_by(request), at=clock.now()))  # fmt: skip
            if made:
                messages.success(request, _("The plan is there. Nobody sees it yet."))
                return redirect("admin:members_plan_change", made.pk)
        title = _("New plan")
        return self.form_page(request, form, status=status, title=title, send=_("Save"))

    def _plan(self, request: HttpRequest, pk: int, perm: str) -> Plan:
        _check(request, perm)
        return get_object_or_404(Plan, pk=pk)

    def names(self, request: HttpRequest, pk: int) -> HttpResponse:
        plan = self._plan(request, pk, "members.change_plan")
        form, status = plan_forms.PlanForm(request.POST or None, plan=plan), 200
        if request.method == "POST":
            made, status = tried(form, lambda: actions.edit_plan(
                plan_id=pk, **form.cleaned_data, by=_by(request), at=clock.now()))  # fmt: skip
            if made:
                messages.success(request, _("Saved."))
                return redirect("admin:members_plan_change", pk)
        return self.form_page(
            request, form, status=status, plan=plan, title=_("Names and days"), send=_("Save")
        )

    def next(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A draft of the plan's next version."""
        plan = self._plan(request, pk, "members.add_rules")
        form, status = plan_forms.NextForm(request.POST or None), 200
        if request.method == "POST":
            made, status = tried(form, lambda: _draft(plan, form, _by(request)))
            if made:
                return redirect("admin:members_rules_draft", made.pk)
        title = _("Draft of the next version")
        return self.form_page(
            request, form, status=status, plan=plan, title=title, send=_("Make the draft")
        )

    def close(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Close the plan for good. Asks for the login again if it is not fresh."""
        plan = self._plan(request, pk, closing.PERMISSION)
        raise_if_reauthentication_required(request, app="account")
        form, status = plan_forms.CloseForm(request.POST or None), 200
        if request.method == "POST":
            made, status = tried(form, lambda: actions.close_plan(
                plan_id=pk, **form.cleaned_data, by=_by(request), at=clock.now()))  # fmt: skip
            if made:
                words = _("The plan is closed. It ends on %(day)s.") % {"day": day(made.ends_on)}
                messages.success(request, words)
                return redirect("admin:members_plan_change", pk)
        warning = _("Nobody joins from now on, everybody is told, and nothing can take it back.")
        return self.form_page(
            request, form, status=status, plan=plan, title=_("Close the plan"), warning=warning,
            type_this=plan.code, send=_("Close the plan for good"),
        )  # fmt: skip


def _draft(plan: Plan, form: forms.Form, by: Account) -> Rules:
    source = form.cleaned_data.pop("source")
    return actions.draft_rules(
        plan_id=plan.pk,
        source_id=source.pk if source else None,
        **form.cleaned_data,
        by=by,
        at=clock.now(),
    )


def plan_state(plan: Plan) -> SafeString:
    today = clock.today()
    if plan.ends_on is not None and today >= plan.ends_on:
        return desk_tag("flat", _("ended"))
    if plan.closed_on is not None:
        return desk_tag("stopped", _("closed"))
    if not Plan.objects.published().filter(pk=plan.pk).exists():
        return desk_tag("", _("being set up"))
    if today < plan.opened_on:
        return desk_tag("soon", _("opens on %(day)s") % {"day": day(plan.opened_on)})
    return desk_tag("fine", _("takes people"))


def rules_state(rules: Rules) -> SafeString:
    if rules.published_at is None:
        return desk_tag("", _("draft"))
    today = clock.today()
    if rules.effective_on > today:
        return desk_tag("soon", _("announced"))
    later = Rules.objects.published().filter(
        plan=rules.plan_id, effective_on__gt=rules.effective_on, effective_on__lte=today
    )
    return desk_tag("flat", _("over")) if later.exists() else desk_tag("fine", _("in force"))


# --- rules


@admin.register(Rules)
class RulesAdmin(ReadOnlyAdmin):
    list_display = ("version", "plan", "state", "effective_on", "norm")
    list_display_links = ("version",)
    list_select_related = ("plan",)

    @admin.display(description=gettext_lazy("state"))
    def state(self, rules: Rules) -> SafeString:
        return rules_state(rules)

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site.admin_view
        preview, discard = require_safe(self.preview), require_POST(self.discard)
        return [
            path("<int:pk>/draft/", site(self.draft), name="members_rules_draft"),
            path("<int:pk>/check/", site(require_safe(self.whole)), name="members_rules_check"),
            path("<int:pk>/preview/", site(preview), name="members_rules_preview"),
            path("<int:pk>/publish/", site(self.publish), name="members_rules_publish"),
            path("<int:pk>/discard/", site(discard), name="members_rules_discard"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A version in words: whole, what it changes, and what a draft still lacks."""
        return require_safe(self.whole)(request, object_id)

    def _rules(self, request: HttpRequest, pk: object) -> Rules:
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = Rules.objects.select_related(
            "plan", "question_set", "next_plan", "drafted_by", "published_by"
        )
        return get_object_or_404(found.prefetch_related("bands", "steps"), pk=pk)

    def page(
        self, request: HttpRequest, rules: Rules, name: str, *, status: int = 200, **context: Any
    ) -> TemplateResponse:
        shared = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "rules": rules,
            "plan": rules.plan,
            "state": rules_state(rules),
            "title": _("Version %(version)s") % {"version": rules.version},
        }
        template = f"admin/members/{name}.html"
        return TemplateResponse(request, template, shared | context, status=status)

    def draft(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The draft as one form, by the halves of its terms."""
        rules = self._rules(request, pk)
        _check(request, "members.change_rules")
        if rules.published_at is not None:
            return redirect("admin:members_rules_check", pk)
        before, status = ready.before(rules), 200
        form = plan_forms.DraftForm(request.POST or None, rules=rules, before=before)
        if request.method == "POST":
            made, status = tried(form, lambda: _edit(rules, form, _by(request)))
            if made:
                messages.success(request, _("Saved."))
                more = "check" if "on" in request.POST else "draft"
                return redirect(f"admin:members_rules_{more}", pk)
        faults = problems(form, FORM)
        return self.page(
            request, rules, "rules_draft", status=status,
            form=form, form_id=FORM, problems=faults, before=before,
        )  # fmt: skip

    def whole(self, request: HttpRequest, pk: object) -> HttpResponse:
        """What is missing, what it changes, and all of it in words."""
        rules = self._rules(request, pk)
        before = ready.before(rules)
        is_draft = rules.published_at is None
        checks = ready.checklist(rules, clock.today()) if is_draft else []
        return self.page(
            request,
            rules,
            "rules_check",
            before=before,
            checks=checks,
            lacking=sum(len(check.lacks) for check in checks),
            compared=_compared(before, rules),
            plain=in_language(rules, "change").splitlines(),
            parts=rulebook.described(rules, disease_name=definitions.name),
            questions=rules.question_set.questions.all(),
            may_edit=is_draft and request.user.has_perm("members.change_rules"),
            may_discard=is_draft and request.user.has_perm("members.delete_rules"),
            may_publish=is_draft and request.user.has_perm(publishing.PERMISSION),
            closed=why_not(actions.check_second_person, _by(request), rules),
        )

    def preview(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The pages as members will read them."""
        rules = self._rules(request, pk)
        before = ready.before(rules)
        return self.page(
            request,
            rules,
            "rules_preview",
            before=before,
            changes=before is not None and request.GET.get("show") == "changes",
            plain=in_language(rules, "change").splitlines(),
            compared=_compared(before, rules),
            parts=rulebook.described(rules, disease_name=definitions.name),
            questions=rules.question_set.questions.all(),
        )

    def publish(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Type the version, and it holds. Asks for the login again if it is not fresh."""
        _check(request, publishing.PERMISSION)
        rules = self._rules(request, pk)
        raise_if_reauthentication_required(request, app="account")
        if rules.published_at is not None and request.method != "POST":
            return redirect("admin:members_rules_check", pk)
        seen = {"seen": rules.drafted_at.isoformat() if rules.drafted_at else ""}
        form, status = plan_forms.PublishForm(request.POST or None, initial=seen), 200
        if request.method == "POST":
            made, status = tried(form, lambda: _publish(rules, form, _by(request)))
            if made:
                messages.success(request, _("Published. It never changes from now on."))
                return redirect("admin:members_rules_check", pk)
        return self.page(
            request,
            rules,
            "rules_publish",
            status=status,
            form=form,
            form_id=FORM,
            problems=problems(form, FORM),
            before=ready.before(rules),
            compared=_compared(ready.before(rules), rules),
            lacks=ready.missing(rules, clock.today()),
            closed=why_not(actions.check_second_person, _by(request), rules),
        )

    def discard(self, request: HttpRequest, pk: int) -> HttpResponse:
        _check(request, "members.delete_rules")
        rules = self._rules(request, pk)
        actions.discard_draft(rules_id=pk, by=_by(request), at=clock.now())
        messages.success(request, _("The draft is gone."))
        return redirect("admin:members_plan_change", rules.plan_id)


def _compared(old: Rules | None, new: Rules) -> list[dict[str, Any]]:
    """What differs, grouped by half."""
    found = rulebook.changes(old, new, disease_name=definitions.name) if old else []
    return [
        {"half": half, "title": half.label, "changes": list(changes)}
        for half, changes in groupby(found, key=lambda change: change.half)
    ]


def _edit(rules: Rules, form: plan_forms.DraftForm, by: Account) -> Rules:
    return actions.edit_rules(
        rules_id=rules.pk,
        changes=form.changes(),
        bands=form.bands(),
        steps=form.steps(),
        seen_at=plan_forms.seen_at(form.cleaned_data["seen"]),
        by=by,
        at=clock.now(),
    )


def _publish(rules: Rules, form: plan_forms.PublishForm, by: Account) -> Rules:
    return actions.publish_rules(
        rules_id=rules.pk,
        typed=form.cleaned_data["typed"],
        seen_at=form.seen_at(),
        by=by,
        at=clock.now(),
    )


# --- health questions


@admin.register(QuestionSet)
class QuestionSetAdmin(SetUpAdmin):
    list_display = ("version", "asked", "state")
    list_display_links = ("version",)
    exact = ("code",)
    add_permission = "members.add_questionset"
    new_word = gettext_lazy("New version of the questions")

    def get_queryset(self, request: HttpRequest) -> QuerySet[QuestionSet]:
        found: QuerySet[QuestionSet] = super().get_queryset(request)
        return found.prefetch_related("questions")

    @admin.display(description=gettext_lazy("version"))
    def version(self, questions: QuestionSet) -> str:
        return questions.code

    @admin.display(description=gettext_lazy("questions"))
    def asked(self, questions: QuestionSet) -> str:
        count = len(questions.questions.all())
        return _("none, on purpose") if questions.asks_nothing else str(count)

    @admin.display(description=gettext_lazy("state"))
    def state(self, questions: QuestionSet) -> SafeString:
        if actions.questions_in_use(questions):
            return desk_tag("fine", _("in use"))
        return desk_tag("", _("draft"))

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site.admin_view
        return [
            path("new/", site(self.new), name="members_questionset_new"),
            path("<int:pk>/questions/", site(self.questions), name="members_questionset_questions"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return require_safe(self.questions)(request, object_id)

    def new(self, request: HttpRequest) -> HttpResponse:
        _check(request, "members.add_questionset")
        form, status = plan_forms.NewQuestionsForm(request.POST or None), 200
        if request.method == "POST":
            made, status = tried(form, lambda: _draft_questions(form, _by(request)))
            if made:
                return redirect("admin:members_questionset_questions", made.pk)
        title = _("New version of the questions")
        return self.form_page(request, form, status=status, title=title, send=_("Make the draft"))

    def questions(self, request: HttpRequest, pk: object) -> HttpResponse:
        """The questions in words; as a form for who may change them and as long as they may be."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = get_object_or_404(QuestionSet, pk=pk)
        found, status = list(asked.questions.all()), 200
        may = request.user.has_perm("members.change_questionset")
        if request.method == "POST" and not may:
            raise PermissionDenied
        form = plan_forms.QuestionsForm(request.POST or None, questions=found)
        if request.method == "POST":
            made, status = tried(form, lambda: actions.edit_questions(
                question_set_id=asked.pk, questions=form.questions(), by=_by(request),
                at=clock.now()))  # fmt: skip
            if made:
                messages.success(request, _("Saved."))
                return HttpResponseRedirect(request.path)
        in_use = actions.questions_in_use(asked)
        used_by = asked.rules_set.select_related("plan").order_by("plan", "effective_on")
        return self.form_page(
            request, form, status=status, name="questions", asked=asked, questions=found,
            editable=may and not in_use and not asked.asks_nothing, in_use=in_use,
            used_by=used_by, title=asked.code,
        )  # fmt: skip


def _draft_questions(form: forms.Form, by: Account) -> QuestionSet:
    given = form.cleaned_data
    return actions.draft_questions(
        code=given["code"],
        source_id=given["source"].pk if given["source"] else None,
        asks_nothing=given["asks_nothing"],
        by=by,
        at=clock.now(),
    )


# --- invitations


@admin.register(Invitation)
class InvitationAdmin(SetUpAdmin):
    list_display = ("made", "plan", "note", "used", "ends", "who")
    list_display_links = ("made",)
    list_select_related = ("plan", "by")
    fields = ("plan", "note", "used", "ends", "who", "at")
    add_permission = "members.add_invitation"
    new_word = gettext_lazy("New invitation")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invitation]:
        found: QuerySet[Invitation] = super().get_queryset(request)
        return found.defer("code_hash")

    @admin.display(description=gettext_lazy("made"))
    def made(self, invitation: Invitation) -> SafeString:
        return format_html("{}", day(clock.day(invitation.at)))

    @admin.display(description=gettext_lazy("used"))
    def used(self, invitation: Invitation) -> str:
        words = {"n": invitation.uses, "all": invitation.uses_allowed}
        return _("%(n)s of %(all)s") % words

    @admin.display(description=gettext_lazy("last day"))
    def ends(self, invitation: Invitation) -> str:
        return day(invitation.expires_on) if invitation.expires_on else "—"

    @admin.display(description=gettext_lazy("by"))
    def who(self, invitation: Invitation) -> str:
        return str(invitation.by)

    def get_urls(self) -> list[URLPattern]:
        new = self.admin_site.admin_view(self.new)
        return [path("new/", new, name="members_invitation_new"), *super().get_urls()]

    def new(self, request: HttpRequest) -> HttpResponse:
        """The code stands in the answer, this once. Asks for the login again if it is not fresh."""
        _check(request, "members.add_invitation")
        raise_if_reauthentication_required(request, app="account")
        form, status, code = plan_forms.InviteForm(request.POST or None), 200, ""
        if request.method == "POST":
            made, status = tried(form, lambda: _invite(form, _by(request)))
            code = made[1] if made else ""
        page = self.form_page(
            request, form, status=status or 200, name="invitation", code=code,
            title=_("New invitation"),
        )  # fmt: skip
        page["Cache-Control"] = "private, no-store"
        return page


def _invite(form: forms.Form, by: Account) -> tuple[Invitation, str]:
    plan = form.cleaned_data.pop("plan")
    return actions.invite(plan_id=plan.pk, **form.cleaned_data, by=by, at=clock.now())
