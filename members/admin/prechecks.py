"""Health questions that wait for a reviewer: the list, and the page on which one is answered.

A question of somebody who joins, a correction of what was declared, an objection to an answer: one
page, and what the answer brings for the member stands on it before it is sent.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from members import actions, declared
from members.actions import prechecks
from members.models import Account, Declaration, Membership, PreCheck
from members.reference import answer_word
from members.rules import age_on, mask_name
from mutualaid import clock
from mutualaid.errors import Refused
from mutualaid.sla import sla
from mutualaid.staff import ReadOnlyAdmin, desk_tag, problems, refuse, why_not

STATES: dict[str, tuple[Any, dict[str, Any]]] = {
    "waiting": (gettext_lazy("waiting"), {"answered_at": None, "withdrawn_at": None}),
    "answered": (gettext_lazy("has an answer"), {"answered_at__isnull": False}),
    "withdrawn": (gettext_lazy("Taken back"), {"withdrawn_at__isnull": False}),
}


def state_of(precheck: PreCheck) -> str:
    """A key of STATES."""
    if precheck.answered_at is not None:
        return "answered"
    return "waiting" if precheck.withdrawn_at is None else "withdrawn"


class StateFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(code, word) for code, (word, _where) in STATES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        _word, where = STATES.get(self.value() or "", ("", {}))
        return queryset.filter(**where)


class RulingForm(forms.Form):
    """How it counts, and why. `effects`: what each choice brings for the member."""

    ruling = forms.ChoiceField(
        label=gettext_lazy("How does it count?"),
        choices=[
            ("no", gettext_lazy("It counts as “no”: the requirement is met")),
            ("yes", gettext_lazy("It counts as “yes”: the requirement is not met")),
        ],
        widget=forms.RadioSelect,
        required=False,
    )
    reply = forms.CharField(
        label=gettext_lazy("Your reasons, in words the member understands"),
        help_text=gettext_lazy(
            "At least 20 characters. The member reads them as you write them; they bind us and are"
            " kept with the declaration."
        ),
        widget=forms.Textarea(attrs={"rows": 6, "aria-describedby": "id_reply_helptext"}),
        required=False,
        strip=False,
    )

    def __init__(self, *args: Any, effects: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.effects = effects

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        if not self.errors:
            try:
                prechecks.check_words(said["ruling"], said["reply"])
            except Refused as error:
                refuse(self, error)
        return said

    def choices(self) -> list[tuple[Any, str]]:
        """(radio button, what it brings)."""
        return [(radio, self.effects[radio.data["value"]]) for radio in self["ruling"]]


def membership_of(precheck: PreCheck) -> Membership | None:
    """Whose declaration is corrected; None for a question on joining."""
    if precheck.kind == Declaration.Kind.JOINING:
        return None
    found = Membership.objects.filter(member=precheck.member_id, plan=precheck.plan_id)
    return found.select_related("declaration__question_set").latest("joined_at", "pk")


def effects_of(precheck: PreCheck, membership: Membership | None) -> dict[str, str]:
    """What each answer brings for the member, in a sentence."""
    if membership is None:
        return {
            "no": _("The person can go on and join. The answer is kept with the declaration."),
            "yes": _("The person cannot join this plan. They are told, with your reasons."),
        }
    over = membership.end_reason
    if over and over != Membership.End.NOT_MET:
        same = _("The membership has ended already; nothing changes in it. The family is told.")
        return {"no": same, "yes": same}
    if declared.first_review(precheck) == precheck:
        return {
            "no": _("The cover stays as it is, without a gap. The family is told."),
            "yes": _(
                "The membership ends at once: the requirement was not met on joining. The family"
                " is told and can object for %(days)s days; then another reviewer answers."
            )
            % {"days": declared.OBJECT_DAYS},
        }
    return {
        "no": _("The end of the membership is taken back: the cover has no gap."),
        "yes": _("The end of the membership stands. There is no further objection."),
    }


@admin.register(PreCheck)
class PreCheckAdmin(ReadOnlyAdmin):
    opens = "admin:members_precheck_answer"
    list_display = ("number", "what", "plan_name", "state_tag", "until", "who")
    list_display_links = ("number",)
    list_select_related = ("plan", "question", "answered_by")
    list_filter = (StateFilter,)
    keyset = ("-due_at", "-id")
    exact = ("pk",)
    search_help_text = gettext_lazy("The number of a question")

    @admin.display(description=gettext_lazy("number"))
    def number(self, precheck: PreCheck) -> str:
        return str(precheck.pk)

    @admin.display(description=gettext_lazy("kind"))
    def what(self, precheck: PreCheck) -> str:
        joining = precheck.kind == Declaration.Kind.JOINING
        return str(_("On joining") if joining else _("Correction"))

    @admin.display(description=gettext_lazy("plan"))
    def plan_name(self, precheck: PreCheck) -> str:
        return precheck.plan.name

    @admin.display(description=gettext_lazy("state"))
    def state_tag(self, precheck: PreCheck) -> SafeString:
        state = state_of(precheck)
        kind = sla(precheck.due_at, clock.now()).code if state == "waiting" else "flat"
        return desk_tag(kind, STATES[state][0])

    @admin.display(description=gettext_lazy("answer until"))
    def until(self, precheck: PreCheck) -> Any:
        return precheck.due_at

    @admin.display(description=gettext_lazy("who"))
    def who(self, precheck: PreCheck) -> str:
        if precheck.answered_by is not None:
            return str(precheck.answered_by)
        return str(_("any reviewer")) if precheck.withdrawn_at is None else "—"

    def get_queryset(self, request: HttpRequest) -> QuerySet[PreCheck]:
        found: QuerySet[PreCheck] = super().get_queryset(request)
        return found.defer("story_sealed", "reply_sealed")

    def get_urls(self) -> list[URLPattern]:
        answer = self.admin_site.admin_view(self.answer)
        ours = path("<int:pk>/answer/", answer, name="members_precheck_answer")
        return [ours, *super().get_urls()]

    def answer(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Read a question and answer it: typed, looked at once more, sent. What was typed travels
        in the form alone. Opening the page opens what the family wrote, and is recorded."""
        related = PreCheck.objects.select_related("member", "plan", "question", "answered_by")
        precheck, by = get_object_or_404(related, pk=pk), cast(Account, request.user)
        prechecks.check_reads(by, precheck)
        membership = membership_of(precheck)
        form = RulingForm(request.POST or None, effects=effects_of(precheck, membership))
        step, status = request.POST.get("step", ""), 200
        checking = request.method == "POST" and step != "change" and form.is_valid()
        if checking and step == "keep":
            status = _send(precheck, form, by)
            if not status:
                messages.success(request, _("Answered. The family has a message."))
                return HttpResponseRedirect(request.path)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": precheck,
            "title": _("Health question %(number)s") % {"number": pk},
            "precheck": precheck,
            "state": self.state_tag(precheck),
            "waiting": state_of(precheck) == "waiting",
            "due_on": precheck.due_at - timedelta(days=1),
            "form": form,
            "problems": problems(form, "answer-form") if step != "change" else [],
            "closed": why_not(prechecks.check_rules, by, precheck),
        }
        name = "check" if checking and form.is_valid() else "answer"
        if name == "check":
            context["effect"] = form.effects[form.cleaned_data["ruling"]]
        else:
            context |= _read(precheck, membership, by)
        response = TemplateResponse(
            request, f"admin/members/precheck/{name}.html", context, status=status or 200
        )
        response["Cache-Control"] = "private, no-store"
        return response


def _send(precheck: PreCheck, form: RulingForm, by: Account) -> int:
    """0, or the status of the refusal, which stands in the form."""
    try:
        actions.answer_precheck(precheck_id=precheck.pk, **form.cleaned_data, by=by, at=clock.now())
    except Refused as error:
        refuse(form, error)
        return error.status
    return 0


# --- what is opened, each read recorded


def _read(precheck: PreCheck, membership: Membership | None, by: Account) -> dict[str, Any]:
    """What the family wrote; of a correction also what was declared, and the answer before."""
    who: dict[str, Any] = {"by": by, "why": "work", "at": clock.now()}
    first = declared.first_review(precheck)
    found = {
        "story": actions.open_precheck(precheck_id=precheck.pk, part="story", **who),
        "reply": actions.open_precheck(precheck_id=precheck.pk, part="reply", **who),
        "person": mask_name(precheck.member.name),
        "age": age_on(precheck.member.birth_on, clock.today()),
        "membership": membership,
    }
    if membership is not None:
        found |= {"declared": _declared(membership, precheck, who), **_corrected(precheck, who)}
    if first != precheck:
        reply = actions.open_precheck(precheck_id=first.pk, part="reply", **who)
        found |= {"first": first, "first_reply": reply}
    return found


def _declared(membership: Membership, precheck: PreCheck, who: dict[str, Any]) -> Any:
    """(question, answer, whether it is the one that is asked about) of the day of joining."""
    said = actions.open_declaration(declaration_id=membership.declaration_id, **who)
    asked = membership.declaration.question_set.questions.all()
    return [
        (question, answer_word(said[question.code]), question.pk == precheck.question_id)
        for question in asked
        if question.code in said
    ]


def _corrected(precheck: PreCheck, who: dict[str, Any]) -> dict[str, str]:
    """The answer as it was corrected, and since when it has been so."""
    if precheck.declaration_id is None:
        return {}
    said = actions.open_declaration(declaration_id=precheck.declaration_id, **who)
    since = declared.note(said, "since")
    return {
        "corrected": answer_word(said[precheck.question.code]),
        "since": str(declared.Since(since).label) if since else "",
    }
