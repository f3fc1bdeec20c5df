"""What a copy of a notice says outside the house: an e-mail in plain text, or a short message.

No whole name, no health fact, nothing that was written by hand: the title, a sentence
(`notices.for_copy`), and where to read it. A short message has no link at all, so that nobody gets
used to links that ask for a code. Everything in the active language.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from members import notices, sms
from members.models import Notice


def mail(of: Sequence[Notice]) -> tuple[str, str]:
    """Subject and body of one e-mail about these notices, the oldest first."""
    parts = [notices.for_copy(notice.code, notice.facts) for notice in of]
    subject = parts[0][0] if len(parts) == 1 else _count(len(parts))
    said = [f"{title}\n\n{text}\n\n{_where(n)}" for n, (title, text) in zip(of, parts, strict=True)]
    return " ".join(subject.split()), "\n\n\n".join([*said, _foot()]) + "\n"


def short(of: Sequence[Notice]) -> str:
    """One short message about these notices."""
    if len(of) > 1:
        return sms.text_of("notices", {"count": len(of)})
    title, _text = notices.for_copy(of[0].code, of[0].facts)
    return sms.text_of("notice", {"title": title})


def _count(many: int) -> str:
    return ngettext("%(n)s new message for you", "%(n)s new messages for you", many) % {"n": many}


def _where(notice: Notice) -> str:
    address = settings.SITE_URL + reverse("portal:notice", args=[notice.pk])
    return _("Read it in the inbox: %(address)s") % {"address": address}


def _foot() -> str:
    facts = {
        "site": settings.SITE_NAME or settings.SITE_TITLE,
        "address": settings.SITE_URL + reverse("portal:inbox_settings"),
    }
    return (
        _(
            "%(site)s. We never ask for a code or a password by e-mail or on the phone.\n"
            "How messages reach you: %(address)s"
        )
        % facts
    )
