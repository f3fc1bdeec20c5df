"""The plans, with the terms that hold today: open to everybody."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny

from members.models import BenefitBand, Plan, Rules
from mutualaid import clock


class BandSerializer(serializers.Serializer[BenefitBand]):
    """What is granted at an age in whole years on the day of first diagnosis."""

    severity = serializers.CharField()
    from_age = serializers.IntegerField()
    to_age = serializers.IntegerField()
    benefit_fen = serializers.IntegerField()


class TermsSerializer(serializers.Serializer[Rules]):
    """One version of the rules. Sums are whole fen, the fee is in basis points."""

    version = serializers.CharField()
    effective_on = serializers.DateField()
    admission = serializers.CharField(help_text="open, invitation or score")
    min_age_days = serializers.IntegerField()
    min_age_years = serializers.IntegerField()
    max_age_years = serializers.IntegerField()
    waiting_days = serializers.IntegerField()
    claim_window_days = serializers.IntegerField()
    join_undo_days = serializers.IntegerField()
    leave_undo_days = serializers.IntegerField()
    fee_bp = serializers.IntegerField()
    case_cap_fen = serializers.IntegerField(allow_null=True)
    annual_cap_fen = serializers.IntegerField(allow_null=True)
    bands = BandSerializer(many=True)


class PlanSerializer(serializers.Serializer[Plan]):
    """A plan and its terms of today; null before its first rules."""

    code = serializers.CharField()
    name = serializers.CharField()
    rules = serializers.SerializerMethodField()

    @extend_schema_field(TermsSerializer(allow_null=True))
    def get_rules(self, plan: Plan) -> dict[str, Any] | None:
        begun = Rules.objects.published().filter(plan=plan, effective_on__lte=clock.today())
        terms = begun.order_by("-effective_on").first()
        return dict(TermsSerializer(terms).data) if terms else None


class PlansView(ListAPIView[Plan]):
    """The plans, with the terms that hold today."""

    permission_classes = (AllowAny,)
    serializer_class = PlanSerializer
    pagination_class = None
    queryset: QuerySet[Plan] = Plan.objects.published().order_by("pk")
