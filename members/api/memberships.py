"""A membership: leaving, staying, undoing, its rules, its declaration, who pays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.views import APIView

from members import actions, declared
from members.api.base import Listed, VerbView, own_membership
from members.api.cover import CoverSerializer
from members.models import (
    Account,
    Declaration,
    Membership,
    PayerChange,
    Receipt,
    RuleConsent,
    Rules,
)
from mutualaid import clock


class MembershipVerb(VerbView):
    """A verb on a membership, named by its number."""

    answered = CoverSerializer

    def where(self, number: str) -> dict[str, Any]:
        found = own_membership(self.by, number)
        return {"membership_id": found.pk, "by": self.by, "at": clock.now()}


class LeaveView(MembershipVerb):
    """Wish to leave. It takes effect after the days of the rules, and can be taken back before."""

    def act(self, said: dict[str, Any], **where: Any) -> Membership:
        return actions.leave(**self.where(**where))


class KeepView(MembershipVerb):
    """Take the wish to leave back."""

    def act(self, said: dict[str, Any], **where: Any) -> Membership:
        return actions.keep(**self.where(**where))


class ReceiptSerializer(serializers.Serializer[Receipt]):
    """A receipt of joining as a PDF: asked for, or made."""

    language = serializers.CharField(help_text="zh-hans or en")
    asked_at = serializers.DateTimeField(read_only=True)
    made_at = serializers.DateTimeField(read_only=True, allow_null=True)


class ReceiptsView(MembershipVerb, Listed):
    """The receipts of joining that are there; POST asks for one, and a worker makes it."""

    asked = ReceiptSerializer
    answered, code = ReceiptSerializer, status.HTTP_202_ACCEPTED  # type: ignore[assignment]

    def rows(self, **where: Any) -> Iterable[Receipt]:
        return own_membership(self.by, where["number"]).receipts.order_by("pk")

    def act(self, said: dict[str, Any], **where: Any) -> Receipt:
        return actions.ask_receipt(language=said["language"], **self.where(**where))


class ReceiptFileView(APIView):
    """The receipt itself, a PDF."""

    @extend_schema(responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    def get(self, request: Request, number: str, language: str) -> HttpResponse:
        by = cast(Account, request.user)
        receipts = own_membership(by, number).receipts
        receipt = get_object_or_404(receipts, language=language)
        data = actions.open_receipt(receipt_id=receipt.pk, by=by, why="own", at=clock.now())
        response = HttpResponse(data, content_type="application/pdf")
        response["Content-Disposition"] = f'attachment; filename="receipt-{number}.pdf"'
        response["Cache-Control"] = "no-store"
        return response


class UndoJoinView(MembershipVerb):
    """Undo the joining, within the days of the rules."""

    def act(self, said: dict[str, Any], **where: Any) -> Membership:
        return actions.undo_join(**self.where(**where))


class ConsentSerializer(serializers.Serializer[RuleConsent]):
    """What was answered to a version of the rules."""

    rules = serializers.CharField(source="rules.version")
    kind = serializers.CharField(help_text="accepted or silent")
    at = serializers.DateTimeField()


class VersionSerializer(serializers.Serializer[Any]):
    """A version of the rules."""

    version = serializers.CharField()


class RulesView(MembershipVerb, Listed):
    """Which versions of the rules were accepted or met with silence; POST accepts one."""

    asked, answered = VersionSerializer, ConsentSerializer  # type: ignore[assignment]

    def rows(self, **where: Any) -> Iterable[RuleConsent]:
        found = own_membership(self.by, where["number"])
        return found.consents.select_related("rules").order_by("pk")

    def act(self, said: dict[str, Any], **where: Any) -> RuleConsent:
        found = own_membership(self.by, where["number"])
        published = Rules.objects.published().filter(plan=found.plan_id)
        rules = get_object_or_404(published, version=said["version"])
        return actions.accept_rules(rules_id=rules.pk, **self.where(**where))


class DeclaredSerializer(serializers.Serializer[Any]):
    """What was declared, on joining or as a correction."""

    id = serializers.IntegerField()
    kind = serializers.CharField(help_text="joining or correction")
    declared_at = serializers.DateTimeField()
    question_set = serializers.CharField()
    answers = serializers.DictField(child=serializers.CharField())
    corrected = serializers.CharField(help_text="The code of the question; empty on joining.")
    since = serializers.CharField(help_text="before or after joining; empty on joining.")
    story = serializers.CharField()


class CorrectionSerializer(serializers.Serializer[Any]):
    """A later answer to one question."""

    code = serializers.CharField()
    answer = serializers.CharField(help_text="no, yes or unsure")
    since = serializers.CharField(help_text="before: it was so on joining; after: it began later")
    story = serializers.CharField(allow_blank=True, trim_whitespace=False)


class DeclarationsView(MembershipVerb, Listed):
    """What was declared, with corrections; reading it is recorded. POST corrects one answer."""

    asked = CorrectionSerializer
    answered, code = DeclaredSerializer, status.HTTP_201_CREATED  # type: ignore[assignment]

    def rows(self, **where: Any) -> Iterable[dict[str, Any]]:
        found = own_membership(self.by, where["number"])
        opened = [self.opened(each) for each in declared.corrections(found)]
        own = [shown for shown in opened if shown["membership"] == str(found.pk)]
        return [self.opened(found.declaration), *own]

    def opened(self, declaration: Declaration) -> dict[str, Any]:
        said = actions.open_declaration(
            declaration_id=declaration.pk, by=self.by, why="own", at=clock.now()
        )
        return {
            "id": declaration.pk,
            "kind": declaration.kind,
            "declared_at": declaration.declared_at,
            "question_set": declaration.question_set.code,
            "answers": declared.only_answers(said),
            "corrected": declared.note(said, "code"),
            "since": declared.note(said, "since"),
            "story": declared.note(said, "story"),
            "membership": declared.note(said, "membership"),
        }

    def act(self, said: dict[str, Any], **where: Any) -> dict[str, Any]:
        kept = actions.correct_declaration(**said, **self.where(**where))
        return self.opened(kept)


class ToAccountSerializer(serializers.Serializer[Any]):
    """Who is to pay from now on."""

    to_account = serializers.IntegerField(
        help_text="An account of the family that acts for the person; one's own to take it over."
    )


class PayerChangeSerializer(serializers.Serializer[PayerChange]):
    """A change of the payer; both agree, or it does not happen."""

    id = serializers.IntegerField()
    membership = serializers.CharField(source="membership.number")
    from_account = serializers.IntegerField(source="from_account_id")
    to_account = serializers.IntegerField(source="to_account_id")
    expires_at = serializers.DateTimeField()
    from_agreed_at = serializers.DateTimeField(allow_null=True)
    to_agreed_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)


class PayerView(MembershipVerb, Listed):
    """Changes of the payer that concern this account; POST asks for one."""

    asked = ToAccountSerializer
    answered, code = PayerChangeSerializer, status.HTTP_201_CREATED  # type: ignore[assignment]

    def rows(self, **where: Any) -> Iterable[PayerChange]:
        found = own_membership(self.by, where["number"]).payer_changes.order_by("-pk")
        return [each for each in found if self.by.pk in (each.from_account_id, each.to_account_id)]

    def act(self, said: dict[str, Any], **where: Any) -> PayerChange:
        return actions.ask_payer_change(to_account_id=said["to_account"], **self.where(**where))


def own_change(by: Any, pk: int) -> PayerChange:
    """A change of the payer that concerns the account. Raises Http404 for any other."""
    change = PayerChange.objects.filter(pk=pk).first()
    if change is None or by.pk not in (change.from_account_id, change.to_account_id):
        raise Http404
    return change


class AgreeSerializer(serializers.Serializer[Any]):
    """Yes or no."""

    agree = serializers.BooleanField()


class AnswerPayerView(VerbView):
    """The other of the two agrees to a change of the payer, or does not."""

    asked, answered = AgreeSerializer, PayerChangeSerializer

    def check(self, **where: Any) -> None:
        own_change(self.by, where["pk"])

    def act(self, said: dict[str, Any], **where: Any) -> PayerChange:
        return actions.answer_payer_change(
            change_id=where["pk"], agree=said["agree"], by=self.by, at=clock.now()
        )


class WithdrawPayerView(VerbView):
    """Whoever asked for a change of the payer takes it back."""

    answered = PayerChangeSerializer

    def act(self, said: dict[str, Any], **where: Any) -> PayerChange:
        change = own_change(self.by, where["pk"])
        return actions.withdraw_payer_change(change_id=change.pk, by=self.by, at=clock.now())
