"""The texts of notices: a code names a title and a text, facts fill it in the reader's language.

A fact whose name ends in `_fen` is whole fen and is shown as yuan; one ending in `_on` is an ISO
date and one ending in `_at` an ISO instant, shown in words in Asia/Shanghai. One that comes twice,
ending in `_zh` and `_en`, is named without the ending and shown in the reader's language. Each room
adds its codes to CODES, and says in KINDS how they go out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from mutualaid.money import yuan
from mutualaid.templatetags.look import day, moment

Text = str | Promise

# code: (title, text). The words of a code may change; its facts may only grow.
CODES: dict[str, tuple[Text, Text]] = {
    "joined": (
        _("%(name)s has joined"),
        _(
            "Membership %(number)s. Accidents are covered from %(joined_on)s, illness from"
            " %(covered_on)s. We tell you every share before it is debited."
        ),
    ),
    "brought_in": (
        _("%(plan)s: %(people)s of your family have joined"),
        _(
            "Your co-operative brought its list of members on %(joined_on)s, with your agreement on"
            " paper. Please look at “My cover”: who is a member, since when they are covered, and"
            " what was declared. If something is wrong, correct it there, leave, or call us."
        ),
    ),
    "precheck_asked": (
        _("A reviewer has your question about %(name)s"),
        _(
            "Question %(place)s: you will have an answer in writing by %(due_on)s. What you have"
            " filled in is kept; you can go on with the other steps."
        ),
    ),
    "precheck_counts_as_no": (
        _("Your question about %(name)s is answered: it counts as “no”"),
        _(
            "Question %(place)s does not stand in the way of joining. The answer binds us and is"
            " kept with the declaration. You can go on with joining on your page."
        ),
    ),
    "precheck_counts_as_yes": (
        _("Your question about %(name)s is answered: it counts as “yes”"),
        _(
            "With it the health requirement of this plan is not met. The reasons stand on the page"
            " of the question. Nothing was charged; other plans may fit."
        ),
    ),
    "recovery_asked": (
        _("Somebody asks for your account back"),
        _(
            "With name, ID number and a new phone number ending in %(tail)s. If it is not you, sign"
            " in and object on the page of account security, or call us, before %(ready_at)s. Then"
            " the account signs in with the new number alone."
        ),
    ),
    "recovery_confirmed": (
        _("A person of ours is sure who asks for your account"),
        _(
            "The number ending in %(tail)s gets it on %(ready_at)s. If it is not you, object before"
            " on the page of account security, or call us."
        ),
    ),
    "recovery_objected": (
        _("You have objected: the account stays as it was for now"),
        _(
            "A person of ours looks into it. The account goes to somebody else only if two of us"
            " have seen their ID card and are sure; you are told three days before."
        ),
    ),
    "recovery_upheld": (
        _("Two of us are sure who asks for your account"),
        _(
            "In spite of the objection the number ending in %(tail)s gets it on %(ready_at)s. If"
            " the account is yours, call us before, with your ID card at hand."
        ),
    ),
    "recovery_stopped": (
        _("The account stays as it was"),
        _("The question to get it back was stopped. Nothing was changed."),
    ),
    "recovery_done": (
        _("Your account signs in with another number now"),
        _(
            "It ends in %(tail)s. Every other sign-in has ended: the old number, the password, the"
            " e-mail address and passkeys no longer open it. You can add them again on the page of"
            " account security."
        ),
    ),
    "help_began": (
        _("The help line acts for you until %(until_at)s"),
        _(
            "%(who)s, for this: %(reason)s. You agreed with the code that you read out. Each thing"
            " that is done has a message of its own. If it was not you on the phone, call us at"
            " once."
        ),
    ),
    "help_did": (
        _("The help line did for you: %(what)s"),
        _(
            "%(who)s did it in a call for this: %(reason)s. It stands on the page of who has read"
            " your data. If you did not want it, call us."
        ),
    ),
    "help_did_for": (
        _("The help line did for %(name)s: %(what)s"),
        _(
            "%(who)s did it in a call for this: %(reason)s. It stands on the page of who has read"
            " your data. If you did not want it, call us."
        ),
    ),
    "phone_changed": (
        _("The phone number you sign in with has changed"),
        _(
            "It ends in %(tail)s now. If this was not you, call us at once: we stop it and look"
            " into it with you."
        ),
    ),
    "family_asked": (
        _("%(who)s asks to act for you"),
        _(
            "If you agree, this account can join, claim and leave for you. Please look on the page"
            " of your family, and agree only if you know who it is."
        ),
    ),
    "family_asked_self": (
        _("%(who)s asks for a login of their own"),
        _(
            "You act for %(who)s here. If you agree, they act for themselves as well; who pays"
            " stays as it is. Please look on the page of your family, and agree only if it is they"
            " who ask."
        ),
    ),
    "payer_asked": (
        _("Who pays for %(name)s is to change"),
        _(
            "Membership %(number)s: another account of your family asks that you take over, or hand"
            " over, the payment of the shares. Please answer on your page, under payment, within 14"
            " days. Without your answer nothing changes."
        ),
    ),
    "payer_changed": (
        _("Who pays for %(name)s has changed"),
        _("Both have agreed. Shares of membership %(number)s are debited from the new payer now."),
    ),
    "payer_declined": (
        _("Who pays for %(name)s stays as it was"),
        _("The other account did not agree. Membership %(number)s goes on as before."),
    ),
    "family_accepted": (
        _("%(name)s agrees that you act for them"),
        _("You find them on the page of your family."),
    ),
    "family_declined": (
        _("%(name)s does not want you to act for them"),
        _("Nothing has changed. Please talk with them."),
    ),
    "family_ended": (
        _("You no longer act for %(name)s"),
        _("The link between your account and this person has been ended."),
    ),
    "export_ready": (
        _("The copy of your data is ready"),
        _("You find it on the page of your data until %(until_on)s; then we remove it."),
    ),
    "erasure_asked": (
        _("%(name)s will be forgotten on %(due_at)s"),
        _(
            "Somebody who acts for this person has asked for it. Until then it can be taken back on"
            " the page of your data. Afterwards nothing can be brought back, not even by us."
        ),
    ),
    "erasure_withdrawn": (
        _("%(name)s will not be forgotten"),
        _("The wish was taken back. Nothing has changed."),
    ),
    "erasure_stopped": (
        _("%(name)s was not forgotten"),
        _(
            "Something was begun in the meantime: a membership, a claim or a debt is open. When it"
            " has ended, you can ask again."
        ),
    ),
    "erasure_done": (
        _("%(name)s was forgotten"),
        _(
            "The key to everything that was sealed is deleted. The books keep numbers that lead to"
            " nobody."
        ),
    ),
    "leaving": (
        _("%(name)s leaves on %(leaving_at)s"),
        _(
            "Until then cover of membership %(number)s goes on, and you can take it back with one"
            " tap on your page. A period whose members are counted before is still shared."
        ),
    ),
    "kept": (
        _("%(name)s stays"),
        _("You took the leaving back. Membership %(number)s goes on as if nothing had been."),
    ),
    "join_undone": (
        _("The joining of %(name)s is undone"),
        _(
            "Membership %(number)s ended on %(ended_on)s. A period whose members were counted"
            " meanwhile is still shared; nothing after it."
        ),
    ),
    "ageing_out": (
        _("%(name)s will be past the highest age"),
        _(
            "Membership %(number)s ends on %(ends_on)s: the plan covers people up to %(age)s years."
            " What is first diagnosed before that day can still be asked for."
        ),
    ),
    "ageing_out_offer": (
        _("%(name)s will be past the highest age"),
        _(
            "Membership %(number)s ends on %(ends_on)s: the plan covers people up to %(age)s years."
            " From then on the %(next)s is open; your page shows how to go on in it."
        ),
    ),
    "aged_out_offer": (
        _("%(name)s has passed the highest age"),
        _(
            "Membership %(number)s ended on %(ended_on)s, because the plan covers people up to"
            " %(age)s years. The %(next)s is open now; your page shows how to go on in it."
        ),
    ),
    "reinstated": (
        _("%(name)s is back in the plan"),
        _(
            "The missed shares are paid. The new membership is %(number)s; illness is covered from"
            " %(covered_on)s. The days between are not covered."
        ),
    ),
    "membership_ended_dissolved": (
        _("The membership of %(name)s has ended"),
        _(
            "Membership %(number)s ended on %(ended_on)s, because the plan has ended. What was"
            " first diagnosed before that day can still be asked for."
        ),
    ),
    "membership_ended_died": (
        _("The membership %(number)s has ended"),
        _(
            "We are sorry for your loss. Membership %(number)s of %(name)s ended on %(ended_on)s."
            " If an illness came before, you can ask for the benefit; we help you with it."
        ),
    ),
    "mandate_given": (
        _("Your payment agreement is renewed"),
        _("Shares are debited as before. The agreement holds until %(expires_on)s."),
    ),
    "mandate_expiring": (
        _("Your payment agreement ends on %(expires_on)s"),
        _(
            "Without it shares cannot be debited, and who does not pay leaves the plan. Renewing it"
            " takes two taps: on your page, under payment."
        ),
    ),
    "mandate_expired": (
        _("Your payment agreement has ended"),
        _(
            "It held until %(expires_on)s. Shares that fall due now cannot be debited. Please renew"
            " it on your page, under payment, so that nobody of your family loses the cover."
        ),
    ),
    "mandate_revoked": (
        _("You have revoked your payment agreement"),
        _(
            "Nothing more is debited. The memberships go on until a share stays unpaid. You can"
            " give the agreement again at any time on your page, under payment."
        ),
    ),
    "left": (
        _("%(name)s has left"),
        _(
            "Membership %(number)s ended on %(ended_on)s. A period whose members were counted"
            " before that day is still shared; nothing after it."
        ),
    ),
    "aged_out": (
        _("%(name)s has passed the highest age"),
        _(
            "Membership %(number)s ended on %(ended_on)s, because the plan covers people up to"
            " %(age)s years. What was first diagnosed before that day can still be asked for."
        ),
    ),
    "membership_ended_arrears": (
        _("The membership of %(name)s has ended"),
        _(
            "Membership %(number)s ended on %(ended_on)s, because a share was not paid in time."
            " You can call us about coming back."
        ),
    ),
    "membership_ended_helped": (
        _("The membership of %(name)s is complete"),
        _(
            "Membership %(number)s ended on %(ended_on)s, because the benefit was granted. Nothing"
            " more is debited for it."
        ),
    ),
    "rules_announced": (
        _("%(plan)s: the rules change on %(effective_on)s"),
        _(
            "Version %(version)s is announced %(days)s days ahead. Read what changes beside the"
            " plain words, then accept it or leave, for each person of your family. Until"
            " %(effective_on)s nothing changes."
        ),
    ),
    "rules_reminder": (
        _("%(plan)s: the rules change in %(days)s days"),
        _(
            "Version %(version)s begins on %(effective_on)s. Whoever has not answered yet can still"
            " accept it or leave. Without an answer cover goes on: then the new terms hold for"
            " illnesses first diagnosed from that day on."
        ),
    ),
    "rules_begun": (
        _("%(plan)s: version %(version)s of the rules is in force"),
        _(
            "It holds since %(effective_on)s. For whoever did not answer we have written down that"
            " there was no answer; for them the new terms of cover hold for illnesses first"
            " diagnosed from that day on. Leaving stays possible at any time."
        ),
    ),
    "plan_closes": (
        _("The %(plan)s closes; cover goes on until %(ends_on)s"),
        _(
            "Since %(closed_on)s nobody joins it any more. The reason: %(why)s Until %(ends_on)s"
            " everything goes on as before: cover, claims, shares. What is first diagnosed before"
            " that day can still be asked for after it."
        ),
    ),
    "plan_closes_below": (
        _("The %(plan)s closes; cover goes on until %(ends_on)s"),
        _(
            "On %(closed_on)s it had %(members)s members, and its rules ask for at least"
            " %(threshold)s. Nobody joins it any more. Until %(ends_on)s everything goes on as"
            " before: cover, claims, shares. What is first diagnosed before that day can still be"
            " asked for after it."
        ),
    ),
    "plan_ended": (
        _("The %(plan)s has ended"),
        _(
            "Every membership ended on %(ends_on)s at 00:00. What was first diagnosed before can"
            " still be asked for within the time that the rules give. Nothing more is debited for"
            " periods that are counted from then on."
        ),
    ),
    "correction_kept": (
        _("We have kept the correction for %(name)s"),
        _(
            "It stands with what was declared for membership %(number)s. The cover stays as it is;"
            " you need do nothing."
        ),
    ),
    "correction_in_review": (
        _("A reviewer looks at the correction for %(name)s"),
        _(
            "You will have an answer in writing by %(due_on)s. Until then the cover of membership"
            " %(number)s stays as it is."
        ),
    ),
    "correction_counts_as_no": (
        _("The cover of %(name)s stays as it is"),
        _(
            "A reviewer has answered your correction in writing: the requirement on joining was"
            " met. The answer binds us and is kept with the declaration of membership %(number)s."
        ),
    ),
    "membership_ended_not_met": (
        _("The membership of %(name)s has ended"),
        _(
            "Membership %(number)s ended on %(ended_on)s, because the health requirement was not"
            " met on joining. The reviewer's answer stands with what you declared. If you do not"
            " agree, object there within 30 days: another reviewer then decides. Or call us."
        ),
    ),
    "objection_not_met": (
        _("Another reviewer has looked at it: membership %(number)s stays ended"),
        _(
            "The second reviewer has answered your objection for %(name)s in writing. The answer"
            " stands with what you declared. Call us if you want to talk it over."
        ),
    ),
    "claim_reported": (
        _("Claim %(number)s is reported"),
        _(
            "We have the report for %(name)s. Please add the papers by %(due_on)s. Nothing is lost"
            " if it takes longer."
        ),
    ),
    "claim_papers_wanted": (
        _("Claim %(number)s: one more paper is needed"),
        _(
            "For the claim of %(name)s we need one more paper by %(due_on)s. Which one, and why,"
            " stands on the page of the claim."
        ),
    ),
    "claim_waiting": (
        _("Claim %(number)s waits for a date"),
        _(
            "One condition of the claim of %(name)s can only be judged from %(not_before_on)s on."
            " We go on by ourselves on that day; you need do nothing."
        ),
    ),
    "claim_granted": (
        _("Claim %(number)s is granted"),
        _(
            "The claim of %(name)s is granted: %(benefit_fen)s yuan. It is disclosed on"
            " %(disclosed_on)s and shared on %(split_on)s; that day the membership ends, as it does"
            " once help was given. Please say which account it goes to."
        ),
    ),
    "claim_refused": (
        _("Claim %(number)s: there is a decision"),
        _(
            "The benefit cannot be granted for %(name)s with what there is now. The letter says"
            " why, and what would change it. You can go before a jury until %(appeal_on)s."
        ),
    ),
    "claim_overturned": (
        _("Claim %(number)s: the jury has granted it"),
        _(
            "The jury has decided for %(name)s: %(benefit_fen)s yuan. It is disclosed on"
            " %(disclosed_on)s and shared on %(split_on)s; that day the membership ends, as it does"
            " once help was given. Please say which account it goes to."
        ),
    ),
    "claim_upheld": (
        _("Claim %(number)s: the refusal stands"),
        _(
            "The jury has voted on the claim of %(name)s, and the refusal stands. The page of the"
            " claim shows the result and the ways on."
        ),
    ),
    "claim_message": (
        _("Claim %(number)s: a message for you"),
        _("Somebody who works on the claim of %(name)s has written to you."),
    ),
    "jury_opened": (
        _("The jury has your appeal"),
        _(
            "Case %(number)s. The jurors read both sides and vote until %(closes_at)s. Until then"
            " nobody sees how they vote, and neither do we. You need not do anything."
        ),
    ),
    "jury_seated": (
        _("You are drawn for jury case %(number)s"),
        _(
            "Please read the case and vote before %(closes_at)s. If you know the people in it, give"
            " the seat to another juror; you need no reason."
        ),
    ),
    "jury_extended": (
        _("Jury case %(number)s: the vote goes on"),
        _(
            "Not enough jurors had voted, so the vote is extended once, until %(closes_at)s. A vote"
            " that is cast stays as it is."
        ),
    ),
    "jury_decided": (
        _("Jury case %(number)s is decided"),
        _("The vote closed at %(closes_at)s. The jury page shows the result. Thank you."),
    ),
    "jury_withdrawn": (
        _("Jury case %(number)s has been withdrawn"),
        _("The claimant has taken the appeal back. There is nothing more to do."),
    ),
    "share_due": (
        _("Period %(number)s: %(share_fen)s yuan each"),
        _(
            "The cost of period %(number)s has been shared: %(share_fen)s yuan for each member,"
            " less for who has reached the year's cap. It is debited from %(debit_on)s. If a debit"
            " fails we try again on each of the next %(days)s days."
        ),
    ),
    "debit_failed": (
        _("Period %(number)s: %(owed_fen)s yuan could not be debited"),
        _(
            "The shares of %(people)s people in your family are open: %(owed_fen)s yuan together."
            " We try again on %(again_on)s, and every day until %(last_on)s. Please put money into"
            " the account: whoever has not paid by then leaves the plan."
        ),
    ),
    "payout_paid": (
        _("Claim %(claim)s: the benefit is paid"),
        _("%(amount_fen)s yuan went to the account ending in %(tail)s. It is there within a day."),
    ),
    "period_disclosed": (
        _("Period %(number)s is laid open: about %(share_fen)s yuan each"),
        _(
            "%(cases)s granted cases stand in the disclosure. Your share is expected to be"
            " %(share_fen)s yuan for each member you pay for, less for who has reached the year's"
            " cap, debited from %(split_on)s on. Until %(object_until_on)s you can object."
        ),
    ),
    "period_disclosed_again": (
        _("Period %(number)s has a new version: about %(share_fen)s yuan each"),
        _(
            "A case was set aside, and %(cases)s remain. Your share is now expected to be"
            " %(share_fen)s yuan for each member you pay for, less for who has reached the year's"
            " cap, debited from %(split_on)s on. Until %(object_until_on)s you can object."
        ),
    ),
    "objection_sustained": (
        _("Your objection to case %(case)s holds"),
        _("The case is set aside and nobody shares it for now. We answered: %(answer)s"),
    ),
    "objection_answered": (
        _("Your objection to case %(case)s has been answered"),
        _("The case stays in the disclosure. We answered: %(answer)s"),
    ),
}


def render(code: str, facts: Mapping[str, object]) -> tuple[str, str]:
    """Title and text in the active language. Raises KeyError for a code or a fact not known."""
    title, text = CODES[code]
    shown = {name: _shown(name, value) for name, value in facts.items()}
    ending = "_en" if (get_language() or "").startswith("en") else "_zh"
    shown |= {
        name.removesuffix(ending): value for name, value in shown.items() if name.endswith(ending)
    }
    return str(title) % shown, str(text) % shown


def _shown(name: str, value: object) -> object:
    if name.endswith("_fen") and isinstance(value, int):
        return yuan(value)
    if name.endswith("_on") and isinstance(value, str):
        return day(date.fromisoformat(value))
    if name.endswith("_at") and isinstance(value, str):
        return moment(datetime.fromisoformat(value))
    return value


# --- what may be switched off, and what a copy may say


class Group(NamedTuple):
    """What a notice is about, for the page where one says how to be told. `kept`: what of it cannot
    be switched off, `free`: what can; one of them may be empty. `hint` stands in a copy in place of
    a text that stays in the house."""

    name: Text
    kept: Text
    free: Text
    hint: Text


class Kind(NamedTuple):
    """How one code goes out. `must`: it cannot be switched off. `whole`: its text has only sums,
    dates, numbers and masked names, and may stand in a copy. `outside`: the title of a copy where
    that of the inbox says too much."""

    group: str
    must: bool = False
    whole: bool = False
    outside: Text = ""


GROUPS: dict[str, Group] = {
    "security": Group(
        _("Security of your account"),
        _(
            "Everything: a changed number, an account asked back, a person who is to act for you."
            " It goes to every address we have, at once, at night too."
        ),
        "",
        _("It is about signing in to your account. If something is wrong, call us at once."),
    ),
    "money": Group(
        _("Shares and debits"),
        _(
            "What is shared, before it is debited; a debit that failed; a payment agreement that"
            " ends."
        ),
        _("Receipts: an agreement given or revoked, a change of who pays."),
        _("It is about the payment of shares."),
    ),
    "cover": Group(
        _("Cover"),
        _("A membership that ends or is about to, and why."),
        _("Welcome, coming back, leaving taken back."),
        _("It is about a membership of your family."),
    ),
    "rules": Group(
        _("Rules"),
        _("Every change of the rules: announced, about to begin, in force."),
        "",
        _("It is about the rules of your plan."),
    ),
    "claims": Group(
        _("Claims"),
        _("Decisions on a claim, a paper we need from you, the payout."),
        _("Steps on the way, and messages about a claim."),
        _("It is about a claim of your family."),
    ),
    "health": Group(
        _("Health questions"),
        "",
        _("Answers of a reviewer to a health question or a correction."),
        _("It is about what you asked or told us when joining or later."),
    ),
    "jury": Group(
        _("Jury and objections"),
        "",
        _("A seat in a jury, the result of a case, an answer to your objection."),
        _("It is about a case that you take part in."),
    ),
    "data": Group(
        _("Family and your data"),
        _("A person who is to be forgotten, and that it was done."),
        _("Answers in the family, and a copy of your data that is ready."),
        _("It is about the people of your family and their data."),
    ),
}

# How each code of CODES goes out; complete by tests/members/test_copies.py.
_HELPED = _("The help line did something for you")
KINDS: dict[str, Kind] = {
    "joined": Kind("cover", whole=True),
    "brought_in": Kind("cover", must=True, whole=True),
    "precheck_asked": Kind("health", outside=_("A reviewer has your question")),
    "precheck_counts_as_no": Kind("health", outside=_("A reviewer has answered your question")),
    "precheck_counts_as_yes": Kind("health", outside=_("A reviewer has answered your question")),
    "recovery_asked": Kind("security", must=True, whole=True),
    "recovery_confirmed": Kind("security", must=True, whole=True),
    "recovery_objected": Kind("security", must=True, whole=True),
    "recovery_upheld": Kind("security", must=True, whole=True),
    "recovery_stopped": Kind("security", must=True, whole=True),
    "recovery_done": Kind("security", must=True, whole=True),
    "phone_changed": Kind("security", must=True, whole=True),
    "family_asked": Kind("security", must=True, whole=True),
    "family_asked_self": Kind("security", must=True, whole=True),
    # A reason that somebody of the help line wrote stays in the house.
    "help_began": Kind("security", must=True),
    "help_did": Kind("security", must=True, outside=_HELPED),
    "help_did_for": Kind("security", must=True, outside=_HELPED),
    "payer_asked": Kind("money"),
    "payer_changed": Kind("money", whole=True),
    "payer_declined": Kind("money", whole=True),
    "family_accepted": Kind("data"),
    "family_declined": Kind("data"),
    "family_ended": Kind("data"),
    "export_ready": Kind("data", whole=True),
    "erasure_asked": Kind("data", must=True, whole=True),
    "erasure_withdrawn": Kind("data", must=True, whole=True),
    "erasure_stopped": Kind("data", must=True),
    "erasure_done": Kind("data", must=True, whole=True),
    "leaving": Kind("cover", must=True, whole=True),
    "kept": Kind("cover", whole=True),
    "join_undone": Kind("cover", must=True, whole=True),
    "ageing_out": Kind("cover", must=True),
    "ageing_out_offer": Kind("cover", must=True),
    "aged_out": Kind("cover", must=True),
    "aged_out_offer": Kind("cover", must=True),
    "reinstated": Kind("cover", whole=True),
    "membership_ended_dissolved": Kind("cover", must=True),
    "membership_ended_died": Kind("cover", must=True),
    "mandate_given": Kind("money", whole=True),
    "mandate_expiring": Kind("money", must=True, whole=True),
    "mandate_expired": Kind("money", must=True, whole=True),
    "mandate_revoked": Kind("money", whole=True),
    "left": Kind("cover", must=True, whole=True),
    "membership_ended_arrears": Kind("cover", must=True, whole=True),
    "membership_ended_helped": Kind("cover", must=True),
    "membership_ended_not_met": Kind("cover", must=True),
    "objection_not_met": Kind("cover", must=True, outside=_("A reviewer has answered you")),
    "plan_closes": Kind("cover", must=True),
    "plan_closes_below": Kind("cover", must=True, whole=True),
    "plan_ended": Kind("cover", must=True, whole=True),
    "rules_announced": Kind("rules", must=True, whole=True),
    "rules_reminder": Kind("rules", must=True, whole=True),
    "rules_begun": Kind("rules", must=True),
    "correction_kept": Kind("health"),
    "correction_in_review": Kind("health", outside=_("A reviewer has your question")),
    "correction_counts_as_no": Kind("health", outside=_("A reviewer has answered your question")),
    "claim_reported": Kind("claims"),
    "claim_papers_wanted": Kind("claims", must=True),
    "claim_waiting": Kind("claims"),
    "claim_granted": Kind("claims", must=True),
    "claim_refused": Kind("claims", must=True),
    "claim_overturned": Kind("claims", must=True),
    "claim_upheld": Kind("claims", must=True),
    "claim_message": Kind("claims"),
    "jury_opened": Kind("jury"),
    "jury_seated": Kind("jury", whole=True),
    "jury_extended": Kind("jury", whole=True),
    "jury_decided": Kind("jury", whole=True),
    "jury_withdrawn": Kind("jury", whole=True),
    "share_due": Kind("money", must=True, whole=True),
    "debit_failed": Kind("money", must=True, whole=True),
    "payout_paid": Kind("claims", must=True, whole=True),
    "period_disclosed": Kind("money", must=True, whole=True),
    "period_disclosed_again": Kind("money", must=True, whole=True),
    "objection_sustained": Kind("jury"),
    "objection_answered": Kind("jury"),
}
URGENT = "security"  # of this group, everything goes at once and everywhere


def for_copy(code: str, facts: Mapping[str, object]) -> tuple[str, str]:
    """What may leave the house, in the active language: the title, and the text or, where it says
    too much, a sentence that says what it is about. Raises KeyError as `render` does."""
    kind = KINDS[code]
    title, text = render(code, facts)
    return str(kind.outside) or title, text if kind.whole else str(GROUPS[kind.group].hint)
