"""The API of a family's shares: read, by key."""

from __future__ import annotations

from typing import Any, cast

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, pagination, serializers, status

from assessments import actions
from assessments.models import Period, Share
from assessments.states import DONE
from members.api.base import VerbView, own_membership
from members.api.cover import CoverSerializer
from members.models import Account, Membership
from mutualaid import clock


class ShareSerializer(serializers.ModelSerializer[Share]):
    """Amounts are whole fen, dates those of Asia/Shanghai."""

    plan = serializers.CharField(source="period.plan.code")
    period = serializers.IntegerField(source="period.number")
    membership = serializers.CharField(source="membership.number")
    split_on = serializers.SerializerMethodField()

    class Meta:
        model = Share
        fields = ["plan", "period", "membership", "split_on", "amount_fen"]
        read_only_fields = fields

    def get_split_on(self, share: Share) -> str:
        return clock.day(share.period.split_at).isoformat()


class ShareCursor(pagination.CursorPagination):
    """Newest first."""

    page_size = 50
    ordering = ("-period_id", "membership_id")


@extend_schema(summary="The shares of your family, newest first")
class SharesView(generics.ListAPIView[Share]):
    serializer_class = ShareSerializer
    pagination_class = ShareCursor

    def get_queryset(self) -> QuerySet[Share]:
        if getattr(self, "swagger_fake_view", False):
            return Share.objects.none()
        split = Period.objects.filter(stage__in=DONE)
        own = Share.objects.of_account(cast(Account, self.request.user)).filter(period__in=split)
        return own.select_related("period__plan", "membership")


class ComeBackView(VerbView):
    """After arrears: pay what was missed, and go on without a new waiting period."""

    answered, code = CoverSerializer, status.HTTP_201_CREATED

    def act(self, said: dict[str, Any], **where: Any) -> Membership:
        ended = own_membership(self.by, where["number"])
        return actions.come_back(membership_id=ended.pk, by=self.by, at=clock.now())
