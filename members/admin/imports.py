"""Lists of members at the desk: chosen, tried, looked at, imported; the worker does the work.

A page reads the row of the run and nothing else. The file comes sealed (members/uploads.py); who
may choose one is asked before a byte of it is read.
"""

from __future__ import annotations

from typing import Any, cast

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_safe

from members import actions, list_columns
from members.actions.importing import KEEP_DAYS
from members.models import Account, ImportRun, Plan
from members.uploads import SealingHandler
from mutualaid import clock
from mutualaid.errors import NotNow, Refused
from mutualaid.staff import ReadOnlyAdmin, desk_tag, problems, refuse

POLL_ENDS = 286  # htmx: stop asking
ADD = "members.add_importrun"
STAGES = {
    ImportRun.Stage.READY: "",
    ImportRun.Stage.RUNNING: "soon",
    ImportRun.Stage.DONE: "fine",
    ImportRun.Stage.FAILED: "late",
}


class UploadForm(forms.Form):
    """Which list, for which plan."""

    plan = forms.ModelChoiceField(
        Plan.objects.none(),
        label=gettext_lazy("Plan"),
        empty_label=gettext_lazy("Choose the plan"),
        error_messages={"required": gettext_lazy("Choose the plan that the people join.")},
    )
    list = forms.FileField(
        label=gettext_lazy("The list, as a CSV file"),
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,text/csv"}),
        error_messages={
            "required": gettext_lazy("Choose the file."),
            "empty": gettext_lazy("The file is empty."),
        },
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        open_plans = Q(closed_on__isnull=True) | Q(closed_on__gt=clock.today())
        field = cast("forms.ModelChoiceField[Plan]", self.fields["plan"])
        field.queryset = Plan.objects.published().filter(open_plans).order_by("pk")
        self.fields["list"].help_text = most()


def most() -> str:
    """How large a list may be, in a sentence."""
    return _(
        "At most %(size)s MB; that is some %(people)s people. Cut a longer list into parts, or have"
        " it read by the command on the server."
    ) % {"size": actions.MOST_BYTES // 2**20, "people": "400,000"}


class RealForm(forms.Form):
    """The number of good lines, typed: whoever starts it has looked at the result."""

    good = forms.CharField(
        label=gettext_lazy("Type how many people join"),
        help_text=gettext_lazy("The number of good lines above."),
        widget=forms.TextInput(
            attrs={
                "inputmode": "numeric",
                "autocomplete": "off",
                "size": 12,
                "aria-describedby": "id_good_helptext",
            }
        ),
        error_messages={"required": gettext_lazy("Type the number of good lines.")},
    )

    def clean_good(self) -> int:
        typed = "".join(self.cleaned_data["good"].replace(",", "").split())
        if not (typed.isascii() and typed.isdigit() and len(typed) < 10):  # noqa: PLR2004
            raise forms.ValidationError(_("Type a whole number, such as 1234."))
        return int(typed)


def steps_of(run: ImportRun) -> list[tuple[str, str]]:
    """The way of a list: (name, done | now | later)."""
    names = [_("Choose the file"), _("Dry run"), _("Look at the result"), _("Import"), _("Done")]
    done = run.stage == ImportRun.Stage.DONE
    at = (2 if done else 1) if run.dry_run else (5 if done else 3)
    return [
        (name, "done" if place < at else "now" if place == at else "later")
        for place, name in enumerate(names)
    ]


def real_of(run: ImportRun) -> ImportRun | None:
    """The import for real of the same file."""
    found = ImportRun.objects.filter(plan=run.plan_id, digest=run.digest, dry_run=False)
    return found.first() if run.dry_run else None


class WayFilter(admin.SimpleListFilter):
    title = gettext_lazy("kind")
    parameter_name = "way"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("dry", _("Dry run")), ("real", _("Import"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value() in {"dry", "real"}
        return queryset.filter(dry_run=self.value() == "dry") if chosen else queryset


@admin.register(ImportRun)
class ImportRunAdmin(ReadOnlyAdmin):
    opens = "admin:members_importrun_run"
    list_display = ("name", "plan_name", "way", "stage_tag", "join", "out", "begun_by", "begun_at")
    list_display_links = ("name",)
    list_select_related = ("plan", "by")
    list_filter = (WayFilter,)
    change_list_template = "admin/members/importrun/list.html"

    @admin.display(description=gettext_lazy("file"))
    def name(self, run: ImportRun) -> str:
        return run.file_name

    @admin.display(description=gettext_lazy("plan"))
    def plan_name(self, run: ImportRun) -> str:
        return run.plan.name

    @admin.display(description=gettext_lazy("kind"))
    def way(self, run: ImportRun) -> str:
        return str(_("Dry run") if run.dry_run else _("Import"))

    @admin.display(description=gettext_lazy("stage"))
    def stage_tag(self, run: ImportRun) -> SafeString:
        stage = ImportRun.Stage(run.stage)
        return desk_tag(STAGES[stage], stage.label)

    @admin.display(description=gettext_lazy("people who join"))
    def join(self, run: ImportRun) -> str:
        return f"{run.good:,}"

    @admin.display(description=gettext_lazy("lines not taken"))
    def out(self, run: ImportRun) -> str:
        return f"{run.bad:,}"

    @admin.display(description=gettext_lazy("by"))
    def begun_by(self, run: ImportRun) -> str:
        return str(run.by or _("the server"))

    @admin.display(description=gettext_lazy("when"))
    def begun_at(self, run: ImportRun) -> Any:
        return run.at

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        more = {"may_add": request.user.has_perm(ADD)}
        return super().changelist_view(request, more | (extra_context or {}))

    def get_urls(self) -> list[URLPattern]:
        site, label = self.admin_site.admin_view, "members_importrun"
        return [
            # Exempt so far: the token is looked at once the file's way in is laid (`_chosen`).
            path("choose/", site(csrf_exempt(self.choose)), name=f"{label}_choose"),
            path("columns/", site(require_safe(self.columns)), name=f"{label}_columns"),
            path("sample.csv", site(require_safe(self.sample)), name=f"{label}_sample"),
            path("<int:pk>/run/", site(self.run), name=f"{label}_run"),
            path("<int:pk>/progress/", site(require_safe(self.progress)), name=f"{label}_progress"),
            path("<int:pk>/problems/", site(require_safe(self.problems)), name=f"{label}_problems"),
            *super().get_urls(),
        ]

    # -- choosing

    def choose(self, request: HttpRequest) -> HttpResponseBase:
        """Choose a file and a plan; the dry run begins. May-I first: then the way in is laid, then
        the token is looked at, which reads what was sent."""
        if not request.user.has_perm(ADD):
            raise PermissionDenied
        handler = SealingHandler(request)
        request.upload_handlers = [handler]
        answer: HttpResponseBase = csrf_protect(self._chosen)(request, handler)
        return answer

    def _chosen(self, request: HttpRequest, handler: SealingHandler) -> HttpResponse:
        sent = request.method == "POST"
        form = UploadForm(request.POST, request.FILES) if sent else UploadForm()
        status = 200
        if sent and not handler.too_large and form.is_valid():
            try:
                run = actions.upload_list(
                    upload=form.cleaned_data["list"].upload,
                    file_name=form.cleaned_data["list"].name,
                    plan_id=form.cleaned_data["plan"].pk,
                    by=cast(Account, request.user),
                    at=clock.now(),
                )
            except Refused as error:
                form.add_error("list", str(error))
                status = error.status
            else:
                return HttpResponseRedirect(reverse("admin:members_importrun_run", args=[run.pk]))
        elif sent:
            handler.file.drop()
        if handler.too_large:
            form.errors.pop("list", None)
            form.add_error("list", _("The file is too large.") + " " + most())
            status = 413
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Bring a list of members"),
            "form": form,
            "problems": problems(form, "choose-form") if sent else [],
            "keep_days": KEEP_DAYS,
        }
        name = "admin/members/importrun/choose.html"
        return TemplateResponse(request, name, context, status=status)

    def columns(self, request: HttpRequest) -> HttpResponse:
        """What each column of a list says."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("The columns of a list"),
            "columns": list_columns.COLUMNS,
        }
        return TemplateResponse(request, "admin/members/importrun/columns.html", context)

    def sample(self, request: HttpRequest) -> HttpResponse:
        """A small list of people who cannot exist, as a spreadsheet opens it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        text = list_columns.sample(get_language() or "", clock.today())
        response = HttpResponse(text, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="members-sample.csv"'
        return response

    # -- one run

    def _run(self, request: HttpRequest, pk: int) -> ImportRun:
        run = get_object_or_404(ImportRun.objects.select_related("plan", "by"), pk=pk)
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        return run

    def run(self, request: HttpRequest, pk: int) -> HttpResponse:
        """How far a list is, what came of it, and the way on: import it for real."""
        run, form, status = self._run(request, pk), RealForm(request.POST or None), 200
        if request.method == "POST":
            raise_if_reauthentication_required(request, app="account")
            if form.is_valid():
                status = _begin(request, run, form)
                if not status:
                    real = reverse("admin:members_importrun_run", args=[real_of(run).pk])  # type: ignore[union-attr]
                    return HttpResponseRedirect(real)
        context = {
            **self.admin_site.each_context(request),
            **progress_of(run),
            "opts": self.opts,
            "original": run,
            "title": run.file_name,
            "steps": steps_of(run),
            "stage": self.stage_tag(run),
            "real": real_of(run),
            "until": actions.list_kept_until(run),
            "may_add": request.user.has_perm(ADD),
            "form": form,
            "problems": problems(form, "real-form") if request.method == "POST" else [],
        }
        name = "admin/members/importrun/run.html"
        response = TemplateResponse(request, name, context, status=status)
        response["Cache-Control"] = "private, no-store"
        return response

    def progress(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The row of the run, as a fragment. Ends the asking once there is nothing to wait for."""
        run = self._run(request, pk)
        name = "admin/members/importrun/_progress.html"
        response = TemplateResponse(request, name, progress_of(run))
        if not progress_of(run)["under_way"]:
            response.status_code, response["HX-Refresh"] = POLL_ENDS, "true"
        return response

    def problems(self, request: HttpRequest, pk: int) -> StreamingHttpResponse:
        """The lines that were not taken, each with its reason. ID numbers are masked in it."""
        run = self._run(request, pk)
        if run.gone_at is not None or not run.bad:
            raise NotNow(_("There are no lines of this list any more that were not taken."))
        lines = actions.problems_file(run=run)
        response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
        name = f"list-{run.pk}-not-taken.csv"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        response["Cache-Control"] = "private, no-store"
        response["X-Content-Type-Options"] = "nosniff"
        return response


def progress_of(run: ImportRun) -> dict[str, Any]:
    """How far the run has come, from its row."""
    lines = run.lines or 1
    under_way = run.stage in (ImportRun.Stage.READY, ImportRun.Stage.RUNNING)
    return {
        "run": run,
        "under_way": under_way,
        "percent": run.done_lines * 100 // lines,
        "all_lines": lines,
    }


def _begin(request: HttpRequest, run: ImportRun, form: RealForm) -> int:
    """Import for real. 0, or the status of the refusal, which stands in the form."""
    by, good = cast(Account, request.user), form.cleaned_data["good"]
    try:
        actions.import_for_real(run_id=run.pk, good=good, by=by, at=clock.now())
    except Refused as error:
        refuse(form, error)
        return error.status
    return 0
