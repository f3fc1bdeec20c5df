"""The way into a plan: rules, quiz, payment, answers, questions to a reviewer, and the word."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rest_framework import serializers, status

from members import actions, quiz
from members.api.base import Listed, Shown, VerbView, of_family, own_member, plan_of
from members.api.cover import CoverSerializer
from members.models import JoinDraft, Membership, PreCheck, Rules
from mutualaid import clock


class QuestionSerializer(serializers.Serializer[Any]):
    """A health question of the version in force."""

    code = serializers.CharField()
    place = serializers.IntegerField()
    text = serializers.CharField()
    hint = serializers.CharField()


class WaySerializer(serializers.Serializer[Any]):
    """How far somebody is on the way into a plan."""

    rules = serializers.CharField(help_text="The version in force.")
    rules_read_at = serializers.DateTimeField(allow_null=True)
    quiz_passed_at = serializers.DateTimeField(allow_null=True)
    payment_agreed_at = serializers.DateTimeField(allow_null=True)
    questions = QuestionSerializer(many=True)
    answers = serializers.DictField(
        child=serializers.CharField(), help_text="By code of the question: no, yes or unsure."
    )


class OnTheWay(VerbView):
    """A step of a person on the way into a plan."""

    def where(self, member: int, plan: str) -> dict[str, Any]:
        found = own_member(self.by, member)
        way = {"member_id": found.pk, "plan_id": plan_of(plan).pk}
        return way | {"by": self.by, "at": clock.now()}

    def way(self, member: int, plan: str) -> dict[str, Any]:
        """Where they stand. The answers are health data: that they are read is recorded."""
        found = self.where(member, plan)
        rules = Rules.objects.in_force(found["plan_id"], clock.today())
        draft = JoinDraft.objects.filter(member=member, plan=found["plan_id"]).first()
        steps = ("rules_read_at", "quiz_passed_at", "payment_agreed_at")
        return {
            "rules": rules.version,
            "questions": rules.question_set.questions.all(),
            "answers": actions.draft_answers(**found),
        } | {step: getattr(draft, step, None) for step in steps}


class WayView(Shown, OnTheWay):
    """How far somebody is on the way into a plan. Reading the answers is recorded."""

    answered = WaySerializer
    http_method_names = ("get", "head", "options")

    def one(self, **where: Any) -> dict[str, Any]:
        return self.way(**where)


class ReadRulesView(OnTheWay):
    """The rules were read."""

    answered = WaySerializer

    def act(self, said: dict[str, Any], **where: Any) -> dict[str, Any]:
        actions.read_rules(**self.where(**where))
        return self.way(**where)


class QuizQuestionSerializer(serializers.Serializer[Any]):
    """A question of the quiz."""

    code = serializers.CharField()
    text = serializers.CharField()
    choices = serializers.DictField(child=serializers.CharField())


class QuizAnswersSerializer(serializers.Serializer[Any]):
    """A choice for each question, by code."""

    answers = serializers.DictField(child=serializers.CharField())


class QuizResultSerializer(serializers.Serializer[Any]):
    """Whether it is passed; why, for each question that is wrong."""

    passed = serializers.BooleanField()
    wrong = serializers.DictField(child=serializers.CharField())


class QuizView(Listed):
    """The five questions on shares and claims."""

    answered = QuizQuestionSerializer
    http_method_names = ("get", "head", "options")

    def rows(self, **where: Any) -> Iterable[dict[str, Any]]:
        return [
            {
                "code": question.code,
                "text": str(question.text),
                "choices": {code: str(text) for code, text in question.choices.items()},
            }
            for question in quiz.QUESTIONS
        ]


class TakeQuizView(OnTheWay):
    """Answers to the quiz. Wrong ones are explained, and one tries again."""

    asked, answered = QuizAnswersSerializer, QuizResultSerializer

    def act(self, said: dict[str, Any], **where: Any) -> dict[str, Any]:
        actions.take_quiz(answers=said["answers"], **self.where(**where))
        wrong = quiz.wrong(said["answers"])
        why = {question.code: str(question.why) for question in quiz.QUESTIONS}
        return {"passed": not wrong, "wrong": {code: why[code] for code in wrong}}


class AgreePaymentView(OnTheWay):
    """The payer agrees that shares are debited; the mandate is given on joining."""

    answered = WaySerializer

    def act(self, said: dict[str, Any], **where: Any) -> dict[str, Any]:
        actions.agree_payment(**self.where(**where))
        return self.way(**where)


class InvitationSerializer(serializers.Serializer[Any]):
    """The code of an invitation."""

    code = serializers.CharField()


class UseInvitationView(OnTheWay):
    """Keep an invitation with the way; it is counted on joining."""

    asked, answered = InvitationSerializer, WaySerializer

    def act(self, said: dict[str, Any], **where: Any) -> dict[str, Any]:
        actions.use_invitation(code=said["code"], **self.where(**where))
        return self.way(**where)


class AnswerSerializer(serializers.Serializer[Any]):
    """An answer to a health question."""

    code = serializers.CharField()
    answer = serializers.CharField(help_text="no, yes or unsure")


class SaveAnswerView(OnTheWay):
    """Keep one answer, sealed."""

    asked, answered = AnswerSerializer, WaySerializer

    def act(self, said: dict[str, Any], **where: Any) -> dict[str, Any]:
        actions.save_answer(**said, **self.where(**where))
        return self.way(**where)


class JoinView(OnTheWay):
    """Join, once every step is done."""

    answered, code = CoverSerializer, status.HTTP_201_CREATED

    def act(self, said: dict[str, Any], **where: Any) -> Membership:
        return actions.join(**self.where(**where))


# --- questions to a reviewer


class StorySerializer(serializers.Serializer[Any]):
    """In the family's own words."""

    story = serializers.CharField(allow_blank=True, trim_whitespace=False)


class AskPrecheckSerializer(StorySerializer):
    """A health question that cannot be answered, described."""

    code = serializers.CharField()


class PreCheckSerializer(serializers.Serializer[PreCheck]):
    """A question to a reviewer, and the answer in writing, which binds."""

    id = serializers.IntegerField()
    question = serializers.CharField(source="question.code")
    kind = serializers.CharField(help_text="joining or correction")
    asked_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    withdrawn_at = serializers.DateTimeField(allow_null=True)
    answered_at = serializers.DateTimeField(allow_null=True)
    ruling = serializers.CharField(allow_null=True, help_text="It counts as: no or yes.")


class PreCheckTextSerializer(PreCheckSerializer):
    """The same, opened."""

    story = serializers.CharField()
    reply = serializers.CharField(allow_blank=True)


class AskPrecheckView(OnTheWay, Listed):
    """Questions of this person to a reviewer; POST asks one."""

    asked, answered, code = AskPrecheckSerializer, PreCheckSerializer, status.HTTP_201_CREATED

    def rows(self, **where: Any) -> Iterable[PreCheck]:
        found = self.where(**where)
        mine = PreCheck.objects.filter(member=found["member_id"], plan=found["plan_id"])
        return mine.select_related("question").order_by("-pk")

    def act(self, said: dict[str, Any], **where: Any) -> PreCheck:
        return actions.ask_precheck(**said, **self.where(**where))


class PrecheckView(Shown):
    """A question to a reviewer, opened. That it is read is recorded."""

    answered = PreCheckTextSerializer
    http_method_names = ("get", "head", "options")

    def one(self, **where: Any) -> PreCheck:
        found: PreCheck = of_family(
            self.by, PreCheck.objects.select_related("question"), where["pk"]
        )
        for part in ("story", "reply"):
            text = actions.open_precheck(
                precheck_id=found.pk, part=part, by=self.by, why="own", at=clock.now()
            )
            setattr(found, part, text)
        return found


class WithdrawPrecheckView(VerbView):
    """Take a question to a reviewer back."""

    answered = PreCheckSerializer

    def act(self, said: dict[str, Any], **where: Any) -> PreCheck:
        found = of_family(self.by, PreCheck.objects.all(), where["pk"])
        return actions.withdraw_precheck(precheck_id=found.pk, by=self.by, at=clock.now())


class ObjectView(VerbView):
    """Do not agree with “counts as yes” on a correction: another reviewer answers, once."""

    asked, answered, code = StorySerializer, PreCheckSerializer, status.HTTP_201_CREATED

    def check(self, **where: Any) -> None:
        of_family(self.by, PreCheck.objects.all(), where["pk"])

    def act(self, said: dict[str, Any], **where: Any) -> PreCheck:
        return actions.object_to_ruling(precheck_id=where["pk"], by=self.by, at=clock.now(), **said)
