"""Cases and jurors, to look up. No ballot is listed anywhere, and no count before the close."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from jury.models import Case, Juror, Verdict
from members.rules import mask_name
from mutualaid.staff import ReadOnlyAdmin


@admin.register(Case)
class CaseAdmin(ReadOnlyAdmin):
    list_display = ("number", "status", "opened_at", "closes_at", "closed_at")
    list_display_links = ("number",)
    list_filter = ("status",)
    exact = ("number",)
    search_help_text = _("The whole number")
    fields = (
        "number",
        "status",
        "panel_size",
        "quorum",
        "opened_at",
        "closes_at",
        "closed_at",
        "result",
    )

    @admin.display(description=_("result"))
    def result(self, case: Case) -> str:
        """The verdict is a row from the close on; before it there is nothing to read."""
        verdict = Verdict.objects.filter(case=case, case__closed_at__isnull=False).first()
        if verdict is None:
            return "—"
        return str(
            _("%(outcome)s: %(support)s for, %(against)s against, %(abstain)s abstained")
            % {
                "outcome": verdict.get_outcome_display(),
                "support": verdict.support,
                "against": verdict.against,
                "abstain": verdict.abstain,
            }
        )


@admin.register(Juror)
class JurorAdmin(ReadOnlyAdmin):
    list_display = ("pk", "masked_name", "certified_at", "resigned_at")
    list_display_links = ("pk",)
    list_select_related = ("member",)
    fields = ("masked_name", "certified_at", "resigned_at")

    @admin.display(description=_("name"))
    def masked_name(self, juror: Juror) -> str:
        return mask_name(juror.member.name)
