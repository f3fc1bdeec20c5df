"""The juror exam as data: questions.json holds eighteen, three a topic, in both languages and in
our own words.

Sources: design §1, §5, §6, §9; domain.md §1a to §1c, §3a. A change of the rules they cite is a
change there; `right` is the index of the right option.
"""

from __future__ import annotations

import json
from pathlib import Path

from django.utils.translation import gettext_lazy as _

from jury.models import ExamQuestion

TOPICS = {
    "joining": _("Joining and health questions"),
    "waiting": _("Waiting period and time limits"),
    "benefit": _("Conditions and benefit"),
    "sharing": _("How costs are shared"),
    "voting": _("How a jury decides"),
    "ethics": _("The duties of a juror"),
}


def ensure_questions() -> int:
    """Make or renew the exam questions by their code. Idempotent. Returns how many there are."""
    questions = json.loads((Path(__file__).parent / "questions.json").read_text())
    for question in questions:
        ExamQuestion.objects.update_or_create(code=question.pop("code"), defaults=question)
    return len(questions)
