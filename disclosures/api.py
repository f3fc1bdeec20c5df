"""What is published, for programs; without login. The same content as page and files."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.pagination import CursorPagination
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from disclosures import redact
from disclosures.models import Disclosure, PublishedFile

CASES_A_PAGE = 100


class PeriodCursor(CursorPagination):
    """By key, the newest period first."""

    page_size = 24
    ordering = "-period_id"


class FiguresSerializer(serializers.Serializer[Any]):
    """The sum of the period as published, in whole fen and people."""

    cases = serializers.IntegerField()
    members = serializers.IntegerField()
    benefits_fen = serializers.IntegerField()
    fees_fen = serializers.IntegerField()
    operator_fen = serializers.IntegerField()
    surplus_in_fen = serializers.IntegerField()
    pool_fen = serializers.IntegerField()
    share_fen = serializers.IntegerField()
    charged_fen = serializers.IntegerField()
    surplus_out_fen = serializers.IntegerField()


class PeriodSerializer(serializers.Serializer[Disclosure]):
    """The newest version of a period's publication."""

    plan = serializers.CharField(source="content.plan.code")
    period = serializers.IntegerField(source="content.period")
    version = serializers.IntegerField()
    published_at = serializers.DateTimeField()
    split_at = serializers.CharField(source="content.split_at")
    sha256 = serializers.CharField()
    figures = FiguresSerializer(source="content.figures")


class FileSerializer(serializers.Serializer[PublishedFile]):
    """A published file; its bytes have this SHA-256."""

    name = serializers.CharField()
    media_type = serializers.CharField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField()


class ReasonSerializer(serializers.Serializer[Any]):
    """So many claims of a disease group refused for a condition; empty if fewer than five alike."""

    disease_group = serializers.ChoiceField(choices=list(redact.GROUPS))
    clause = serializers.CharField(allow_blank=True)
    criterion_zh = serializers.CharField(allow_blank=True)
    criterion_en = serializers.CharField(allow_blank=True)
    count = serializers.IntegerField()


class RefusedSerializer(serializers.Serializer[Any]):
    """The refused claims of the half-month."""

    count = serializers.IntegerField()
    reasons = ReasonSerializer(many=True)


class VerdictSerializer(serializers.Serializer[Any]):
    """A jury's decision, with the counts of the closed vote."""

    case = serializers.CharField()
    outcome = serializers.CharField()
    why = serializers.CharField()
    support = serializers.IntegerField()
    against = serializers.IntegerField()
    abstain = serializers.IntegerField()
    panel_size = serializers.IntegerField()


class PeriodDetailSerializer(PeriodSerializer):
    """A period's publication without its cases, which are paged."""

    rules = serializers.CharField(source="content.rules")
    fee_bp = serializers.IntegerField(source="content.fee_bp")
    case_cap_fen = serializers.IntegerField(source="content.case_cap_fen", allow_null=True)
    operator_bears = serializers.BooleanField(source="content.operator_bears")
    set_aside = serializers.ListField(child=serializers.CharField(), source="content.set_aside")
    refused = RefusedSerializer(source="content.refused")
    verdicts = VerdictSerializer(source="content.verdicts", many=True)
    files = FileSerializer(many=True)


class CaseSerializer(serializers.Serializer[Any]):
    """A case as published. `level` says how much: full, group (the disease group and the amount,
    because fewer than five are alike) or amount (no consent to more)."""

    code = serializers.CharField()
    level = serializers.ChoiceField(choices=[redact.FULL, redact.GROUP, redact.AMOUNT])
    benefit_fen = serializers.IntegerField()
    fee_fen = serializers.IntegerField()
    disease_group = serializers.ChoiceField(choices=list(redact.GROUPS), required=False)
    surname = serializers.CharField(required=False)
    age_band = serializers.CharField(required=False)
    region = serializers.CharField(required=False)
    joined_days = serializers.CharField(required=False)
    by_jury = serializers.BooleanField(required=False)


class CasesSerializer(serializers.Serializer[Any]):
    """One page of cases by code; `next` is the code to ask `after` for, or null."""

    next = serializers.CharField(allow_null=True)
    results = CaseSerializer(many=True)


class PeriodsView(ListAPIView[Disclosure]):
    """All published periods, the newest first."""

    permission_classes = [AllowAny]
    serializer_class = PeriodSerializer
    pagination_class = PeriodCursor
    queryset = Disclosure.objects.none()  # tells the schema the model; the rows come from below

    def get_queryset(self) -> QuerySet[Disclosure]:
        latest = Disclosure.objects.latest_versions().values("pk")
        return Disclosure.objects.filter(pk__in=latest)


def _newest(plan: str, number: int) -> Disclosure:
    latest = Disclosure.objects.filter(period__plan__code=plan, period__number=number)
    return get_object_or_404(latest.order_by("-version")[:1])


class PeriodView(APIView):
    """One published period."""

    permission_classes = [AllowAny]

    @extend_schema(responses=PeriodDetailSerializer)
    def get(self, request: Request, plan: str, number: int) -> Response:
        """The newest version of the publication, with the files and their digests."""
        return Response(PeriodDetailSerializer(_newest(plan, number)).data)


class CasesView(APIView):
    """The cases of a published period."""

    permission_classes = [AllowAny]

    @extend_schema(
        parameters=[OpenApiParameter("after", str, description="Cases after this code.")],
        responses=CasesSerializer,
    )
    def get(self, request: Request, plan: str, number: int) -> Response:
        """The cases as published, by code, a hundred at a time."""
        after = request.query_params.get("after", "")
        cases = _newest(plan, number).content["cases"]
        rest = [case for case in cases if case["code"] > after]
        shown = rest[:CASES_A_PAGE]
        following = shown[-1]["code"] if len(rest) > CASES_A_PAGE else None
        return Response(CasesSerializer({"next": following, "results": shown}).data)
