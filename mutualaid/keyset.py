"""Lists of very large tables: paged by key, both ways, never counted, never skipped through.

A member-scale table's admin extends `KeysetAdmin`; a page or an endpoint uses `KeysetPaginator`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypedDict, TypeVar, cast

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.core.exceptions import ValidationError
from django.db.models import Field, Model, Q, QuerySet
from django.db.models.fields.tuple_lookups import (
    Tuple,
    TupleGreaterThan,
    TupleLessThan,
)
from django.http import HttpRequest

Row = TypeVar("Row", bound=Model)

LONGEST_KEY = 400


if TYPE_CHECKING:  # Django's class takes no parameter when it runs
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin


class Page(TypedDict):
    """Rows, and the token of each way on; None where there is none, "" for the first page."""

    rows: list[Any]
    first: str | None
    previous: str | None
    next: str | None
    last: str | None


class KeysetPaginator(Generic[Row]):
    """Pages of `queryset` in `order`: columns of one direction, not null, the last one unique.

    Raises ValueError if the order cannot be paged through completely.
    """

    def __init__(self, queryset: QuerySet[Row], order: Sequence[str], per_page: int) -> None:
        self.queryset, self.per_page = queryset, per_page
        self.descending = order[0].startswith("-")
        if any(name.startswith("-") != self.descending for name in order):
            raise ValueError("A keyset runs in one direction.")
        self.fields = [_column(queryset.model, name.removeprefix("-")) for name in order]
        self.names = [field.attname for field in self.fields]
        if not self.fields[-1].unique or any(field.null for field in self.fields):
            raise ValueError("A keyset has no nulls and ends in a unique column.")

    def page(self, token: str = "") -> Page:
        """The page a token asks for: "" first, "last", "after.KEY", "before.KEY".

        Raises ValueError or ValidationError for a token that this class did not write.
        """
        way, key = _read_way(token)
        back = way in {"before", "last"}
        rows = self._rows(key, back=back)
        if key and not rows:  # what lay beyond is gone: show the end it lay at
            return self.page("" if back else "last")
        more, rows = len(rows) > self.per_page, rows[: self.per_page]
        if back:
            rows.reverse()
        earlier, later = (more, bool(key)) if back else (bool(key), more)
        return {
            "rows": rows,
            "first": "" if earlier else None,
            "previous": f"before.{self._write(rows[0])}" if earlier else None,
            "next": f"after.{self._write(rows[-1])}" if later else None,
            "last": "last" if later else None,
        }

    def _rows(self, key: str, *, back: bool) -> list[Row]:
        sign = "-" if self.descending != back else ""
        found = self.queryset.order_by(*(sign + name for name in self.names))
        if key:
            beyond = TupleLessThan if sign else TupleGreaterThan
            found = found.filter(beyond(Tuple(*self.names), self._read(key)))
        return list(found[: self.per_page + 1])

    def _write(self, row: Row) -> str:
        values = [field.value_to_string(row) for field in self.fields]
        return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")

    def _read(self, key: str) -> tuple[Any, ...]:
        if len(key) > LONGEST_KEY:
            raise ValueError("Not a key.")
        values = json.loads(base64.urlsafe_b64decode(key + "=" * (-len(key) % 4)))
        if not isinstance(values, list) or any(not isinstance(v, str) or "\0" in v for v in values):
            raise ValueError("Not a key.")
        return tuple(f.to_python(value) for f, value in zip(self.fields, values, strict=True))


def _column(model: type[Model], name: str) -> Field[Any, Any]:
    field = model._meta.pk if name == "pk" else model._meta.get_field(name)
    if not isinstance(field, Field):
        raise ValueError(f"A keyset is made of columns, and {name!r} is none.")
    return field


def _read_way(token: str) -> tuple[str, str]:
    way, _dot, key = token.partition(".")
    if (way, bool(key)) not in {("", False), ("last", False), ("after", True), ("before", True)}:
        raise ValueError(f"Not a page: {token[:30]!r}")
    return way, key


class KeysetChangeList(ChangeList):
    """The token travels in the admin's own page parameter, so filters and searches start afresh."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        return list(cast("KeysetAdmin", self.model_admin).keyset)

    def get_results(self, request: HttpRequest) -> None:
        pages = cast("KeysetAdmin", self.model_admin).get_pages(request, self.queryset)
        try:
            page = pages.page(request.GET.get(PAGE_VAR, ""))
        except (ValueError, ValidationError) as error:
            raise IncorrectLookupParameters(str(error)) from error
        self.result_list = page["rows"]
        tokens = {
            "first": page["first"],
            "previous": page["previous"],
            "next": page["next"],
            "last": page["last"],
        }
        self.steps = {
            name: None if token is None else self.get_query_string({PAGE_VAR: token})
            for name, token in tokens.items()
        }
        self.result_count = len(page["rows"])  # of this page; nobody knows the others
        self.full_result_count, self.show_full_result_count = None, False
        self.can_show_all = self.multi_page = False
        self.show_admin_actions, self.paginator = False, pages


class KeysetAdmin(_ModelAdmin):
    """Base of a member-scale table's admin. `exact` are the unique columns its search box tries.

    Lists are read only in order of `keyset`; a filter needs an index that ends in the same columns.
    """

    keyset: tuple[str, ...] = ("-pk",)
    exact: tuple[str, ...] = ()
    actions = None
    sortable_by = ()
    list_per_page = 50
    list_select_related: ClassVar[tuple[str, ...]] = ()
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    change_list_template = "admin/keyset_change_list.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return KeysetChangeList

    def get_pages(self, request: HttpRequest, queryset: QuerySet[Any]) -> KeysetPaginator[Any]:
        """How what was found is paged through."""
        return KeysetPaginator(queryset, self.keyset, self.list_per_page)

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return self.exact

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Whole values only: Django's "=column" is UPPER(column), which no plain index serves."""
        term, same = search_term.strip(), Q()
        for name in self.exact if term and "\0" not in term else ():
            try:
                same |= Q((name, _column(queryset.model, name).to_python(term)))
            except ValidationError:
                continue  # cannot be a value of this column
        if term and not same:
            return queryset.none(), False
        return queryset.filter(same), False
