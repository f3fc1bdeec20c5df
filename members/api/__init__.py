"""The API of members: every verb that a page has, for programs. Each view calls one action.

`base` says how a verb becomes a view and its schema; the others follow the errands of
members/actions. Refusals are the sentences and the status of the page.
"""

from members.api.cover import CoverView

__all__ = ["CoverView"]
