"""What was published, to look up, and the objections, each answered on its page."""

from __future__ import annotations

from typing import cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from disclosures import actions, policies
from disclosures.models import Disclosure, Objection
from members.models import Account
from mutualaid import clock
from mutualaid.errors import Refused
from mutualaid.staff import ReadOnlyAdmin, desk_tag, problems, refuse, why_not


@admin.register(Disclosure)
class DisclosureAdmin(ReadOnlyAdmin):
    list_display = ("period_title", "version", "published_at", "sha256")
    list_display_links = ("period_title",)
    list_select_related = ("period",)
    fields = ("period_title", "version", "published_at", "sha256", "names")

    @admin.display(description=_("period"))
    def period_title(self, disclosure: Disclosure) -> str:
        return disclosure.period.title

    @admin.display(description=_("files"))
    def names(self, disclosure: Disclosure) -> str:
        return ", ".join(disclosure.files.values_list("name", flat=True)) or "—"


class AnswerForm(forms.Form):
    sustained = forms.TypedChoiceField(
        label=_("Is the objection right?"),
        choices=[
            ("no", _("No: the case stays")),
            ("yes", _("Yes: the case is set aside, a new version is published")),
        ],
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose yes or no.")},
    )
    answer = forms.CharField(
        label=_("Answer, in words the member understands"),
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": _("Write the answer that the member will read.")},
    )


@admin.register(Objection)
class ObjectionAdmin(ReadOnlyAdmin):
    opens = "admin:disclosures_objection_answer"
    list_display = ("code", "at", "state", "answered_by", "answered_at")
    list_display_links = ("code",)
    list_select_related = ("case", "answered_by")

    @admin.display(description=_("case"))
    def code(self, objection: Objection) -> str:
        return objection.case.code

    @admin.display(description=_("state"))
    def state(self, objection: Objection) -> SafeString:
        if objection.answered_at is None:
            return desk_tag("soon", _("open"))
        if objection.sustained:
            return desk_tag("late", _("sustained"))
        return desk_tag("flat", _("dismissed"))

    def get_urls(self) -> list[URLPattern]:
        answer = self.admin_site.admin_view(self.answer)
        return [
            path("<int:pk>/answer/", answer, name="disclosures_objection_answer"),
            *super().get_urls(),
        ]

    def answer(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Read an objection and answer it: the case stays, or is set aside."""
        rows = Objection.objects.select_related("case__period", "answered_by")
        objection = get_object_or_404(rows, pk=pk)
        if not self.has_view_permission(request, objection):
            raise PermissionDenied
        by = cast(Account, request.user)
        form = AnswerForm(request.POST or None)
        status = 200
        if request.method == "POST" and form.is_valid():
            try:
                actions.answer_objection(
                    objection_id=pk, **form.cleaned_data, by=by, at=clock.now()
                )
            except Refused as error:
                refuse(form, error)
                status = error.status
            else:
                messages.success(request, _("Answered. The member has a notice."))
                return HttpResponseRedirect(reverse("admin:disclosures_objection_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": objection,
            "title": _("Objection to case %(code)s") % {"code": objection.case.code},
            "objection": objection,
            "state": self.state(objection),
            "form": form,
            "problems": problems(form, "answer-form"),
            "closed": why_not(policies.check_answers, by, objection),
        }
        name = "admin/disclosures/objection.html"
        return TemplateResponse(request, name, context, status=status)
