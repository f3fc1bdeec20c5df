"""The API of a family's shares: read, by key."""

from __future__ import annotations

from typing import cast

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, pagination, serializers

from assessments.models import Period, Share
from assessments.states import DONE
from members.models import Account
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
