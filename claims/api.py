"""Verbs on a claim, for programs. Each calls the action that the page calls."""

from __future__ import annotations

from typing import cast

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from claims import actions
from claims.models import Claim, Message
from members.models import Account
from mutualaid import clock


class MessageSerializer(serializers.Serializer[Message]):
    """A word to whoever works on the claim. What it may be is for the action to say."""

    text = serializers.CharField(allow_blank=True, trim_whitespace=False)
    at = serializers.DateTimeField(read_only=True)


class MessagesView(APIView):
    """Messages between a claimant and the person who works on the claim."""

    @extend_schema(request=MessageSerializer, responses={201: MessageSerializer})
    def post(self, request: Request, number: str) -> Response:
        """Write a message about a claim of your family."""
        by = cast(Account, request.user)
        claim = Claim.objects.of_account(by).filter(number=number).first()
        if claim is None:
            raise Http404
        asked = MessageSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        message = actions.say(
            claim_id=claim.pk, text=asked.validated_data["text"], by=by, at=clock.now()
        )
        return Response(MessageSerializer(message).data, status=status.HTTP_201_CREATED)
