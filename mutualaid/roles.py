"""The roles of staff as groups, and what each may do. Applied by `manage.py setup_roles`."""

from __future__ import annotations

from django.contrib.auth.models import Group, Permission

VIEW_RULES = ["members.view_plan", "members.view_rules", "members.view_questionset"]
VIEW_CLAIMS = [*VIEW_RULES, "claims.view_claim", "claims.view_evidence", "claims.view_decision"]
ROLES: dict[str, list[str]] = {
    "adjuster": [*VIEW_CLAIMS, "claims.investigate_claim"],
    "reviewer": [
        *VIEW_CLAIMS,
        "claims.decide_claim",
        "members.view_precheck",
        "members.change_precheck",
        # Who judges by the rules puts them into force; who writes them does not (decision 13).
        "members.publish_rules",
        "members.close_plan",
    ],
    "finance": [
        *VIEW_RULES,
        "assessments.view_period",
        "assessments.view_share",
        "assessments.view_arrears",
        "assessments.view_debitbatch",
        "assessments.view_journalentry",
        "assessments.view_payout",
        "assessments.close_period",
        "assessments.prepare_payout",
        "assessments.release_payout",
        "members.view_membership",
    ],
    "help_line": [*VIEW_RULES, "members.view_helpcall", "members.add_helpcall"],
    "data_officer": [
        *VIEW_RULES,
        "members.view_accessrecord",
        "members.view_helpcall",
        "members.view_member",
        "members.view_membership",
        "members.view_account",
        "members.view_noticecopy",
        "members.view_recovery",
        "members.change_recovery",
        "members.add_plan",
        "members.change_plan",
        "members.add_rules",
        "members.change_rules",
        "members.delete_rules",
        "members.add_questionset",
        "members.change_questionset",
        "members.view_invitation",
        "members.add_invitation",
        "members.view_importrun",
        "members.add_importrun",
        "disclosures.view_disclosure",
        "disclosures.view_objection",
        "disclosures.change_objection",
        "jury.view_case",
        "jury.view_juror",
    ],
}


def ensure_roles() -> dict[str, Group]:
    """Make or complete the groups. Idempotent. A misspelt permission is an error."""
    groups = {}
    for name, wanted in ROLES.items():
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.set([_permission(dotted) for dotted in wanted])
        groups[name] = group
    return groups


def _permission(dotted: str) -> Permission:
    app, _, codename = dotted.partition(".")
    return Permission.objects.get(content_type__app_label=app, codename=codename)
