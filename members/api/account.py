"""What belongs to the login: mandates, messages, the calendar, the copy of all data, forgetting."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from django.conf import settings
from django.db.models import QuerySet
from django.http import FileResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from members import actions, inbox, notices
from members.api.base import Listed, Shown, VerbView, check_fresh, of_family, own_member, plan_of
from members.models import (
    Account,
    DataExport,
    ErasureRequest,
    Mandate,
    Notice,
    NoticeCopy,
)
from mutualaid import clock

# --- the payment agreement


class MandateSerializer(serializers.Serializer[Mandate]):
    """An agreement that shares are debited."""

    id = serializers.IntegerField()
    given_at = serializers.DateTimeField()
    expires_on = serializers.DateField(help_text="The first day without it.")
    revoked_at = serializers.DateTimeField(allow_null=True)


class GiveSerializer(serializers.Serializer[Any]):
    """For how long, by the rules of a plan."""

    plan = serializers.CharField(help_text="The code of a plan, such as critical.")
    anew = serializers.BooleanField(
        default=False, help_text="Give it for the full time again although one is live."
    )


class MandatesView(Listed):
    """The payment agreements of this account, the newest first; POST gives one."""

    asked, answered, code = GiveSerializer, MandateSerializer, status.HTTP_201_CREATED

    def rows(self, **where: Any) -> Iterable[Mandate]:
        return self.by.mandates.order_by("-pk")

    def act(self, said: dict[str, Any], **where: Any) -> Mandate:
        plan = plan_of(said["plan"])
        return actions.give_mandate(
            account_id=self.by.pk, plan_id=plan.pk, anew=said["anew"], by=self.by, at=clock.now()
        )


class RevokeMandateView(VerbView):
    """Revoke a payment agreement: nothing more is debited, and what stays unpaid ends the
    membership after the days of the rules."""

    answered = MandateSerializer

    def act(self, said: dict[str, Any], **where: Any) -> Mandate:
        mandate = get_object_or_404(Mandate, pk=where["pk"], account=self.by)
        return actions.revoke_mandate(mandate_id=mandate.pk, by=self.by, at=clock.now())


# --- messages and dates


class NoticeSerializer(serializers.Serializer[Notice]):
    """A message of the inbox, in the language of the request."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    code = serializers.CharField()
    title = serializers.SerializerMethodField()
    text = serializers.SerializerMethodField()

    def get_title(self, notice: Notice) -> str:
        return notices.render(notice.code, notice.facts)[0]

    def get_text(self, notice: Notice) -> str:
        return notices.render(notice.code, notice.facts)[1]


class CopySerializer(serializers.Serializer[NoticeCopy]):
    """A copy by e-mail or SMS: on its way, sent, or failed and why."""

    channel = serializers.CharField()
    sent_at = serializers.DateTimeField(allow_null=True)
    failed_at = serializers.DateTimeField(allow_null=True)
    why = serializers.CharField(
        help_text="no_answer, refused, or unclear: nobody knows whether it went out. Else empty."
    )


class OneNoticeSerializer(NoticeSerializer):
    """A message, and what became of its copies."""

    copies = serializers.SerializerMethodField()

    def get_copies(self, notice: Notice) -> list[dict[str, Any]]:
        by = cast(Account, self.context["by"])
        found = inbox.copies_of(by, [notice.pk]).get(notice.pk, [])
        return [dict(CopySerializer(copy).data) for copy in found]


class NoticeCursor(CursorPagination):
    """By key, the newest first."""

    page_size = 20
    ordering = "-id"


class NoticesView(ListAPIView[Notice]):
    """The inbox: messages to this account, and to everybody in its plans since it joined."""

    serializer_class = NoticeSerializer
    pagination_class = NoticeCursor
    queryset = Notice.objects.none()  # tells the schema the model; the rows come from below

    def get_queryset(self) -> QuerySet[Notice]:
        return inbox.notices_of(cast(Account, self.request.user))


class NoticeView(Shown):
    """One message, with what became of its copies."""

    answered = OneNoticeSerializer
    http_method_names = ["get", "head", "options"]

    def get(self, request: Request, **where: Any) -> Response:
        found = get_object_or_404(inbox.notices_of(self.by), pk=where["pk"])
        return Response(OneNoticeSerializer(found, context={"by": self.by}).data)


class ReadSerializer(serializers.Serializer[Any]):
    """Up to which message everything has been seen."""

    to = serializers.IntegerField(help_text="The id of a message of this inbox.")


class SeenSerializer(serializers.Serializer[Any]):
    """How far the inbox has been seen."""

    read_to = serializers.IntegerField(help_text="The newest message that was seen; 0 for none.")
    unread = serializers.IntegerField(help_text="At most 100, which means: more than 99.")


class ReadNoticesView(Shown):
    """How far the inbox has been seen; POST marks everything up to a message as seen."""

    asked, answered = ReadSerializer, SeenSerializer

    def one(self, **where: Any) -> dict[str, int]:
        return {"read_to": inbox.read_to(self.by), "unread": inbox.unread(self.by)}

    def act(self, said: dict[str, Any], **where: Any) -> dict[str, int]:
        actions.mark_read(account_id=self.by.pk, to=said["to"], by=self.by, at=clock.now())
        return self.one()


class PreferenceSerializer(serializers.Serializer[Any]):
    """How copies of messages reach this account. What cannot be switched off comes all the same."""

    email = serializers.BooleanField()
    sms = serializers.BooleanField()
    digest = serializers.BooleanField(help_text="One message a day, at six in the evening.")
    quiet_from = serializers.TimeField(
        allow_null=True, help_text="Asia/Shanghai. Both times, or null for both."
    )
    quiet_until = serializers.TimeField(allow_null=True)
    language = serializers.ChoiceField(choices=settings.LANGUAGES)


class PreferenceView(Shown):
    """How copies of messages reach this account; PUT says it anew, whole."""

    asked, answered = PreferenceSerializer, PreferenceSerializer
    http_method_names = ["get", "put", "head", "options"]

    def one(self, **where: Any) -> Any:
        return inbox.ways_of(self.by.pk)

    def put(self, request: Request, **where: Any) -> Response:
        return self.post(request, **where)

    def act(self, said: dict[str, Any], **where: Any) -> Any:
        return actions.set_preference(account_id=self.by.pk, by=self.by, at=clock.now(), **said)


class FeedSerializer(serializers.Serializer[Any]):
    """The secret link of the calendar; it is shown this once."""

    url = serializers.URLField()


class MakeFeedView(VerbView):
    """A new secret link for the family's calendar; the old one stops working."""

    answered, code = FeedSerializer, status.HTTP_201_CREATED

    @sensitive_variables("token")
    def act(self, said: dict[str, Any], **where: Any) -> dict[str, str]:
        token = actions.make_feed(by=self.by, at=clock.now())
        path = reverse("portal:calendar_feed", args=[token])
        return {"url": self.request.build_absolute_uri(path)}


class RemoveFeedView(VerbView):
    """The link of the calendar stops working."""

    def act(self, said: dict[str, Any], **where: Any) -> None:
        actions.remove_feed(by=self.by, at=clock.now())


# --- a copy of everything, and being forgotten


class ExportSerializer(serializers.Serializer[DataExport]):
    """A copy of all that is held of the family: under way, ready, or gone."""

    id = serializers.IntegerField()
    asked_at = serializers.DateTimeField()
    parts_done = serializers.IntegerField()
    parts = serializers.IntegerField()
    made_at = serializers.DateTimeField(allow_null=True)
    until = serializers.SerializerMethodField(help_text="When it is removed.")
    gone_at = serializers.DateTimeField(allow_null=True)
    size = serializers.IntegerField(allow_null=True)
    sha256 = serializers.SerializerMethodField()

    def get_until(self, export: DataExport) -> str | None:
        until = actions.export_until(export)
        return until.isoformat() if until else None

    def get_sha256(self, export: DataExport) -> str | None:
        return bytes(export.digest).hex() if export.digest else None


class ExportsView(Listed):
    """Copies of all data; POST asks for one."""

    answered, code = ExportSerializer, status.HTTP_202_ACCEPTED

    def rows(self, **where: Any) -> Iterable[DataExport]:
        return self.by.exports.order_by("-pk")[:20]

    def act(self, said: dict[str, Any], **where: Any) -> DataExport:
        return actions.ask_export(account_id=self.by.pk, by=self.by, at=clock.now())


class ExportFileView(APIView):
    """The copy itself, a ZIP, for whoever has just shown once more who they are."""

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: int) -> FileResponse:
        by = cast(Account, request.user)
        export = get_object_or_404(DataExport, pk=pk, account=by)
        check_fresh(request)
        file = actions.open_export(export_id=export.pk, by=by, at=clock.now())
        name, kind = f"data-{export.pk}.zip", "application/zip"
        response = FileResponse(file, as_attachment=True, filename=name, content_type=kind)
        response["Cache-Control"] = "no-store"
        return response


class ErasureSerializer(serializers.Serializer[ErasureRequest]):
    """A wish that a person be forgotten."""

    id = serializers.IntegerField()
    member = serializers.IntegerField(source="member_id")
    asked_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    withdrawn_at = serializers.DateTimeField(allow_null=True)


class MemberSerializer(serializers.Serializer[Any]):
    """A person of the family."""

    member = serializers.IntegerField()


class ErasuresView(Listed):
    """Wishes to be forgotten; POST makes one, for whoever has just shown once more who they are."""

    asked, answered, code = MemberSerializer, ErasureSerializer, status.HTTP_202_ACCEPTED

    def rows(self, **where: Any) -> Iterable[ErasureRequest]:
        mine = ErasureRequest.objects.filter(member__household__account=self.by)
        return mine.distinct().order_by("-pk")

    def act(self, said: dict[str, Any], **where: Any) -> ErasureRequest:
        member = own_member(self.by, said["member"])
        check_fresh(self.request)
        return actions.ask_erasure(member_id=member.pk, by=self.by, at=clock.now())


class WithdrawErasureView(VerbView):
    """Take a wish to be forgotten back."""

    answered = ErasureSerializer

    def act(self, said: dict[str, Any], **where: Any) -> ErasureRequest:
        wish = of_family(self.by, ErasureRequest.objects.all(), where["pk"])
        return actions.withdraw_erasure(request_id=wish.pk, by=self.by, at=clock.now())
