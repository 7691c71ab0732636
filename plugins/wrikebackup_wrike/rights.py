"""What a token and its user need for a kind that not everybody may read (reference: scopes of the API's methods)."""

from __future__ import annotations

from wrikebackup_core import Kind

__all__ = ["EXPORT_MEANS", "FORBIDDEN_MEANS", "hint_for"]

EXPORT_MEANS = 'the right "Export account data" of an owner or admin on an Enterprise plan, and for an OAuth app the scope dataExportFull'

FORBIDDEN_MEANS: dict[Kind, str] = {
    Kind.GROUPS: "the scope amReadOnlyGroup",
    Kind.INVITATIONS: "the scope amReadOnlyInvitation",
    Kind.ACCESS_ROLES: "the scope amReadOnlyAccessRole",
    Kind.JOB_ROLES: "the scope amReadOnlyUser",
    Kind.WORKFLOWS: "the scope amReadOnlyWorkflow",
    Kind.TIMELOG_CATEGORIES: "the scope amReadOnlyTimelogCategory",
    Kind.AUDIT_LOG: "the scope amReadOnlyAuditLog, an Enterprise plan, and the right to create user activity reports",
    Kind.TIMELOGS: "a plan with time tracking",
    Kind.APPROVALS: "a plan with approvals",
    Kind.FOLDER_BLUEPRINTS: "a plan with blueprints",
    Kind.TASK_BLUEPRINTS: "a plan with blueprints",
    Kind.CUSTOM_FIELDS: "a plan with custom fields",
    Kind.CUSTOM_ITEM_TYPES: "a plan with custom item types",
}


def hint_for(kind: Kind) -> str:
    """One line: what would make the kind readable, and how to do without it."""
    need = FORBIDDEN_MEANS.get(kind, "the scope wsReadOnly, and a user who may see it")
    return f"it takes {need}; to do without, list {kind} under `skip:` in the profile"
