"""Lists found by the beginning of a text, in the order of an index over text_pattern_ops.

Such an index serves LIKE 'x%' in any collation, and an order only if the order is asked for by its
own operators. It ends in the id, so that a page begins where the one before it ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import F, Lookup, Q, TextField
from django.db.models.expressions import OrderBy

from mutualaid.keyset import KeysetPaginator, Row

if TYPE_CHECKING:  # Django's class takes no parameter when it runs
    _Lookup = Lookup[Any]
else:
    _Lookup = Lookup


class PatternOrder(OrderBy):
    """ORDER BY column in the order of bytes."""

    def as_sql(
        self, compiler: Any, connection: Any, template: str | None = None, **extra: Any
    ) -> Any:
        # Django looks for the word ASC or DESC, which USING does not take; a comment will do.
        using = "USING ~>~ /* DESC */" if self.descending else "USING ~<~ /* ASC */"
        return super().as_sql(compiler, connection, f"%(expression)s {using}", **extra)


@TextField.register_lookup
class FromPattern(_Lookup):
    """column at or after the value, in the order of bytes."""

    lookup_name, operator = "pattern_gte", "~>=~"

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        left, left_values = self.process_lhs(compiler, connection)
        right, right_values = self.process_rhs(compiler, connection)
        return f"{left} {self.operator} {right}", (*left_values, *right_values)


@TextField.register_lookup
class UntilPattern(FromPattern):
    """column at or before the value."""

    lookup_name, operator = "pattern_lte", "~<=~"


class PrefixPaginator(KeysetPaginator[Row]):
    """Pages of a queryset that is narrowed to a prefix of `column`, in order of (column, id)."""

    def __init__(self, queryset: Any, column: str, per_page: int) -> None:
        super().__init__(queryset, (column, "pk"), per_page)

    def _rows(self, key: str, *, back: bool) -> list[Row]:
        column, found = self.names[0], self.queryset
        if key:
            text, pk = self._read(key)
            way, beyond = ("lte", "lt") if back else ("gte", "gt")
            # The first condition is the place in the index; the rest leaves out who was shown.
            found = found.filter(
                Q((f"{column}__pattern_{way}", text))
                & (~Q((column, text)) | Q((f"pk__{beyond}", pk)))
            )
        pk_order = "-pk" if back else "pk"
        ordered = found.order_by(PatternOrder(F(column), descending=back), pk_order)
        return list(ordered[: self.per_page + 1])
