"""A member's own cover, for programs."""

from __future__ import annotations

from typing import Any, cast

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.pagination import CursorPagination

from members.models import Account, Membership
from members.rules import mask_name
from mutualaid import clock


class CoverCursor(CursorPagination):
    """By key, the newest membership first."""

    page_size = 20
    ordering = "-id"


class CoverSerializer(serializers.Serializer[Membership]):
    """One membership of the reader's family."""

    number = serializers.CharField(help_text="The number on the receipt, M000000042.")
    member = serializers.SerializerMethodField(help_text="The member, by surname: 林**.")
    plan = serializers.CharField(source="plan.code")
    rules = serializers.CharField(source="rules.version")
    leaving_at = serializers.DateTimeField(allow_null=True)
    joined_at = serializers.DateTimeField()
    covered_from = serializers.DateField(help_text="First day on which illness is covered.")
    status = serializers.SerializerMethodField()
    ended_at = serializers.DateTimeField(allow_null=True)
    end_reason = serializers.ChoiceField(choices=Membership.End.choices, allow_null=True)

    def get_member(self, membership: Membership) -> str:
        return mask_name(membership.member.name)

    def get_status(self, membership: Membership) -> str:
        """waiting, covered or ended."""
        if membership.ended_at is not None:
            return "ended"
        today = self.context.get("today") or clock.today()
        return "waiting" if today < membership.covered_from else "covered"


class CoverView(ListAPIView[Membership]):
    """The memberships of everybody for whom you act, with plan, dates and status."""

    serializer_class = CoverSerializer
    pagination_class = CoverCursor
    queryset = Membership.objects.none()  # tells the schema the model; the rows come from below

    def get_queryset(self) -> QuerySet[Membership]:
        by = cast(Account, self.request.user)
        mine = Membership.objects.filter(member__household__account=by)
        return mine.select_related("member", "plan", "rules").distinct()

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "today": clock.today()}
