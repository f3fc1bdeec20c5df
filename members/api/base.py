"""How a verb becomes an address: what is asked, what is answered, and the schema of both."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, cast

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from members.models import Account, HouseholdLink, Member, Membership, Plan
from members.stepup import is_fresh
from mutualaid.errors import Forbidden

BIGINT_DIGITS = 18


class RefusalSerializer(serializers.Serializer[Any]):
    """Why nothing was done: a sentence for people, and the field that it is about, if one is."""

    detail = serializers.CharField()
    field = serializers.CharField(required=False)


class Nothing(serializers.Serializer[Any]):
    """No more to say."""


class VerbSchema(AutoSchema):
    """The schema of a VerbView, from its two serializers."""

    @property
    def verb(self) -> VerbView:
        return cast(VerbView, self.view)

    def get_request_serializer(self) -> Any:
        return None if self.method == "GET" or self.verb.asked is Nothing else self.verb.asked

    def get_response_serializers(self) -> Any:
        if self.method == "GET":
            answered = self.verb.answered
            return {200: answered(many=True) if self.verb.listed else answered}
        refused = dict.fromkeys((400, 403, 404, 409), RefusalSerializer)
        if self.verb.answered is Nothing:
            return {status.HTTP_204_NO_CONTENT: None} | refused
        return {self.verb.code: self.verb.answered} | refused

    def get_description(self) -> str:  # type: ignore[override]
        return str(type(self.view).__doc__ or "")

    def get_operation_id(self) -> str:
        name = type(self.view).__name__.removesuffix("View")
        return f"{name}Read" if self.method == "GET" else name

    def get_tags(self) -> list[str]:
        return [type(self.view).__module__.rpartition(".")[2]]


class VerbView(APIView):
    """POST calls `act` with what was asked; the answer is what the verb returned."""

    schema = VerbSchema()
    asked: ClassVar[type[serializers.Serializer[Any]]] = Nothing
    answered: ClassVar[type[serializers.Serializer[Any]]] = Nothing
    listed: ClassVar[bool] = False
    code: ClassVar[int] = status.HTTP_200_OK

    @property
    def by(self) -> Account:
        return cast(Account, self.request.user)

    def post(self, request: Request, **where: Any) -> Response:
        self.check(**where)
        given = self.asked(data=request.data)
        given.is_valid(raise_exception=True)
        return self.answer(self.act(given.validated_data, **where))

    def check(self, **where: Any) -> None:
        """Before a word of what was sent is read: the address leads to something of the account's.
        Raises Http404."""
        if "number" in where:
            own_membership(self.by, where["number"])
        if "member" in where:
            own_link(self.by, where["member"])

    def act(self, said: dict[str, Any], **where: Any) -> Any:
        """Call the verb."""
        raise NotImplementedError

    def answer(self, made: Any) -> Response:
        if self.answered is Nothing:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response(self.answered(made).data, status=self.code)


class Listed(VerbView):
    """GET shows what there is; POST adds to it."""

    listed = True

    def get(self, request: Request, **where: Any) -> Response:
        found = self.answered(self.rows(**where), many=True)
        return Response(found.data)

    def rows(self, **where: Any) -> Iterable[Any]:
        """What there is."""
        raise NotImplementedError


class Shown(VerbView):
    """GET shows one thing."""

    def get(self, request: Request, **where: Any) -> Response:
        return Response(self.answered(self.one(**where)).data)

    def one(self, **where: Any) -> Any:
        """The thing."""
        raise NotImplementedError


def own_membership(by: Account, number: str) -> Membership:
    """The membership of that number in the account's family. Raises Http404 for any other."""
    digits = number.removeprefix("M")
    if not digits.isdecimal() or len(digits) > BIGINT_DIGITS:
        raise Http404
    mine = Membership.objects.filter(member__household__account=by).distinct()
    related = mine.select_related("member", "plan", "rules", "payer")
    found: Membership = get_object_or_404(related, pk=int(digits))
    return found


def own_link(by: Account, member_id: int) -> HouseholdLink:
    """The link to a person of the account's family. Raises Http404 for anybody else."""
    links = HouseholdLink.objects.select_related("member")
    found: HouseholdLink = get_object_or_404(links, account=by, member=member_id)
    return found


def own_member(by: Account, member_id: int) -> Member:
    """A person of the account's family. Raises Http404 for anybody else."""
    return own_link(by, member_id).member


def of_family(by: Account, rows: QuerySet[Any], pk: int) -> Any:
    """A row with a `member` of the account's family. Raises Http404 for any other."""
    return get_object_or_404(rows.filter(member__household__account=by).distinct(), pk=pk)


def plan_of(code: str) -> Plan:
    """Raises Http404 for a code that is none."""
    found: Plan = get_object_or_404(Plan.objects.published(), code=code)
    return found


def check_fresh(request: Request) -> None:
    """Who asks has shown within the last minutes who they are, as the page asks for it too."""
    if not is_fresh(request._request):
        raise Forbidden(
            _("Please show once more who you are: log in again at %(where)s.")
            % {"where": "/accounts/reauthenticate/"}
        )
