"""Families: who is in them, who is asked, who agrees."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rest_framework import serializers, status

from members import actions
from members.acting import household
from members.api.base import Listed, VerbView, of_family, own_link
from members.models import FamilyRequest, HouseholdLink
from members.rules import mask_name
from mutualaid import clock


class LinkSerializer(serializers.Serializer[HouseholdLink]):
    """A person this account acts for, or is about to."""

    member = serializers.IntegerField(source="member_id")
    name = serializers.CharField(source="member.name")
    relation = serializers.CharField(help_text="self, parent, spouse or child")
    birth_on = serializers.DateField(source="member.birth_on")
    consented_at = serializers.DateTimeField(
        allow_null=True, help_text="Since when the person agrees; null: an adult is still asked."
    )


class PersonSerializer(serializers.Serializer[Any]):
    """Somebody to add."""

    name = serializers.CharField(help_text="As on the ID card.")
    id_number = serializers.CharField(help_text="18 characters; kept sealed.")
    relation = serializers.CharField(help_text="self, parent, spouse or child")


class FamilyView(Listed):
    """The people this account acts for; POST adds one."""

    asked, answered, code = PersonSerializer, LinkSerializer, status.HTTP_201_CREATED

    def rows(self, **where: Any) -> Iterable[HouseholdLink]:
        return household(self.by)

    def act(self, said: dict[str, Any], **where: Any) -> HouseholdLink:
        member = actions.add_member(account_id=self.by.pk, by=self.by, at=clock.now(), **said)
        return own_link(self.by, member.pk)


class PhoneSerializer(serializers.Serializer[Any]):
    """The person's own phone."""

    phone = serializers.CharField(help_text="11 digits; never this account's own number.")


class SentSerializer(serializers.Serializer[FamilyRequest]):
    """A code that is under way."""

    tail = serializers.CharField(help_text="The last four digits of the phone it went to.")
    expires_at = serializers.DateTimeField()


class AskConsentView(VerbView):
    """Send an adult of the family a code; passing it on, they agree."""

    asked, answered, code = PhoneSerializer, SentSerializer, status.HTTP_201_CREATED

    def act(self, said: dict[str, Any], **where: Any) -> FamilyRequest:
        link = own_link(self.by, where["member"])
        return actions.ask_consent(
            account_id=self.by.pk, member_id=link.member_id, by=self.by, at=clock.now(), **said
        )


class CodeSerializer(serializers.Serializer[Any]):
    """What the person passed on."""

    code = serializers.CharField()


class AgreedSerializer(serializers.Serializer[Any]):
    """Whether the code was right; a wrong one counts, and five are enough."""

    agreed = serializers.BooleanField()


class AnswerConsentView(VerbView):
    """The code that the person passed on."""

    asked, answered = CodeSerializer, AgreedSerializer

    def act(self, said: dict[str, Any], **where: Any) -> dict[str, bool]:
        link = own_link(self.by, where["member"])
        kept = actions.answer_consent(
            account_id=self.by.pk, member_id=link.member_id, by=self.by, at=clock.now(), **said
        )
        return {"agreed": kept is not None}


class AskToActView(VerbView):
    """Ask somebody who has an account of their own. The answer is the same whoever it is."""

    asked = PersonSerializer

    def act(self, said: dict[str, Any], **where: Any) -> None:
        actions.ask_to_act(account_id=self.by.pk, by=self.by, at=clock.now(), **said)


class RequestSerializer(serializers.Serializer[FamilyRequest]):
    """Somebody asks to act for a person of this family."""

    id = serializers.IntegerField()
    member = serializers.IntegerField(source="member_id")
    relation = serializers.CharField()
    name = serializers.SerializerMethodField(help_text="The person, by surname: 林**.")
    expires_at = serializers.DateTimeField()

    def get_name(self, request: FamilyRequest) -> str:
        return mask_name(request.member.name)


class AcceptSerializer(serializers.Serializer[Any]):
    """Yes or no."""

    accept = serializers.BooleanField()


class RequestsView(Listed):
    """Who asks to act for somebody of this family, and waits for an answer."""

    answered = RequestSerializer
    http_method_names = ("get", "head", "options")

    def rows(self, **where: Any) -> Iterable[FamilyRequest]:
        found = FamilyRequest.objects.filter(
            member__household__account=self.by,
            way=HouseholdLink.Consent.ACCOUNT,
            answered_at__isnull=True,
            expires_at__gt=clock.now(),
        )
        waiting = found.select_related("member").distinct()
        return [each for each in waiting if self.by in actions.answerers(each.member)]


class AnswerRequestView(VerbView):
    """Answer whoever asks to act for one."""

    asked = AcceptSerializer

    def check(self, **where: Any) -> None:
        of_family(self.by, FamilyRequest.objects.all(), where["pk"])

    def act(self, said: dict[str, Any], **where: Any) -> None:
        actions.answer_request(
            request_id=where["pk"], accept=said["accept"], by=self.by, at=clock.now()
        )


class EndLinkView(VerbView):
    """Act for this person no longer."""

    def act(self, said: dict[str, Any], **where: Any) -> None:
        link = own_link(self.by, where["member"])
        actions.end_link(link_id=link.pk, by=self.by, at=clock.now())
