"""Comments, attachments with their bytes, time logs, dependencies, approvals and the audit log."""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterator
from typing import Any

from wrikebackup_mock.belongings import Owned
from wrikebackup_mock.chance import DAY
from wrikebackup_mock.paging import Rows
from wrikebackup_mock.protocol import Bytes, Call, Endpoint, Listing, Range, Refusal, bad_parameter, bad_request
from wrikebackup_mock.routes_work import find_folder, tasks_below
from wrikebackup_mock.series import Series

_WEEK = 7 * DAY
_MONTH = 31 * DAY


def _params(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _owner(call: Call) -> tuple[str, int]:
    """The task or folder that the path names."""
    if call.endpoint.template.startswith("/tasks/"):
        index = call.account.tree.tasks.find(call.parts["id"])
        if index is not None:
            return "task", index
    else:
        index = find_folder(call, call.parts["id"])
        if index is not None and index >= 0:
            return "folder", index
    raise bad_request("Parameter 'id' value is invalid")


def _by_id(call: Call, owned: Owned) -> list[int]:
    found = call.ids(owned.series.find)
    if owned.gone.intersection(found):
        raise Refusal(404, "resource_not_found", "The resource is not found")
    return found


def _window(call: Call, name: str, longest: int, *, inclusive: bool) -> Range | None:
    """A range of dates that may not be longer than `longest` seconds, or has to be shorter."""
    wanted = call.range(name)
    if wanted is None:
        return None
    end = int(time.time()) if wanted.end is None else wanted.end
    if wanted.start is None or end - wanted.start > longest or (end - wanted.start == longest and not inclusive):
        raise bad_parameter(name)
    return wanted


def _listed(call: Call, series: Series, wanted: Range) -> Iterator[int]:
    """What an account-wide list has of a range of dates."""
    found = series.between(wanted.start, wanted.end)
    return found if call.server.plan.lists_bin else (index for index in found if not series.trashed(index))


# Comments


def _chosen_comments(call: Call, found: Iterator[int]) -> list[int]:
    """Newest first, those of the wanted types."""
    types = call.chosen("types", ("Regular", "Email")) or {"Regular"}
    owned, activity = call.account.belongings.comments, call.account.activity
    wanted = [i for i in found if ("Email" if activity.is_email(i) else "Regular") in types and i not in owned.gone]
    return sorted(wanted, key=lambda index: (-owned.series.created(index), index))


def _comment_listing(call: Call, found: list[int]) -> Listing:
    plain = call.flag("plainText")

    def made() -> Iterator[dict[str, Any]]:
        for record in map(call.account.activity.comment, found):
            if plain:
                record["text"] = record["text"].partition(" <a ")[0]
            yield record

    return Listing("comments", call.strip(made()))


def _comments(call: Call) -> Listing:
    created = _window(call, "createdDate", _WEEK, inclusive=True)
    updated = _window(call, "updatedDate", _WEEK, inclusive=True)
    now = call.account.shape.end(call.account.shape.generation)
    wanted = created or updated or Range(now - _WEEK, None)
    series = call.account.belongings.comments.series
    found = _chosen_comments(call, _listed(call, series, wanted))
    return _comment_listing(call, found[: call.number("limit", 1, 999_999_999) or 1000])


def _comments_of(call: Call) -> Listing:
    return _comment_listing(call, _chosen_comments(call, call.account.belongings.comments.of(*_owner(call))))


def _comments_by_id(call: Call) -> Listing:
    return _comment_listing(call, _by_id(call, call.account.belongings.comments))


# Attachments


def _attachment_listing(call: Call, found: Iterator[int]) -> Listing:
    urls = call.flag("withUrls")

    def made() -> Iterator[dict[str, Any]]:
        for record in map(call.account.activity.attachment, found):
            if not urls:
                record.pop("url", None)
            elif record["type"] == "Wrike":
                record["url"] = call.server.storage_url(record["id"])
            yield record

    return Listing("attachments", made())


def _attachments(call: Call) -> Listing:
    created = _window(call, "createdDate", _MONTH, inclusive=False)
    if created is None:
        raise Refusal(400, "parameter_required", "Parameter 'createdDate' is required")
    belongings, versions = call.account.belongings, call.flag("versions")
    found = (
        index
        for index in _listed(call, belongings.attachments.series, created)
        if index not in belongings.attachments.gone and (versions or belongings.file(index).newest == index)
    )
    return _attachment_listing(call, found)


def _attachments_of(call: Call) -> Listing:
    created = _window(call, "createdDate", _MONTH, inclusive=False)
    belongings, versions = call.account.belongings, call.flag("versions")
    found = list(belongings.files_on(*_owner(call)))
    if versions:
        found = [version for index in found for version in belongings.versions(index)]
    series = belongings.attachments.series
    return _attachment_listing(call, (i for i in found if created is None or series.created(i) in created))


def _attachments_by_id(call: Call) -> Listing:
    found = _by_id(call, call.account.belongings.attachments)
    if call.flag("versions"):
        found = [version for index in found for version in call.account.belongings.versions(index)]
    return _attachment_listing(call, iter(dict.fromkeys(found)))


def _file(call: Call) -> int:
    owned = call.account.belongings.attachments
    index = owned.series.find(call.parts["id"])
    if index is None:
        raise bad_request("Parameter 'attachmentId' value is invalid")
    if index in owned.gone:
        raise Refusal(404, "resource_not_found", "The resource is not found")
    return index


def _download(call: Call) -> Bytes:
    index = _file(call)
    if call.account.belongings.file(index).external:
        raise bad_request("Attachment cannot be downloaded")
    attachment = call.account.belongings.attachments.series.id(index)
    if call.server.redirects:
        location = call.server.storage_url(attachment)
        return Bytes(302, {"location": location, "content-length": "0"})
    return call.server.file_answer(attachment, call.request, name=call.parts.get("name"))


def _url(call: Call) -> Listing:
    index = _file(call)
    if call.account.belongings.file(index).external:
        return Listing("attachmentUrl", [{"url": call.account.activity.external_url(index)}])
    attachment = call.account.belongings.attachments.series.id(index)
    return Listing("attachmentUrl", [{"url": call.server.storage_url(attachment)}])


# Time logs


def _timelogs(call: Call) -> Listing:
    account = call.account
    series = account.belongings.timelogs.series
    created = call.range("createdDate") or call.range("updatedDate")
    for name in ("trackedDate", "me", "descendants", "timelogCategories", "exportStatuses", "billingTypes"):
        if call.has(name) and name != "descendants":
            raise bad_request(f"Parameter '{name}' is not offered by this mock server")
    rows: Rows = series.ranges(trashed=None if call.server.plan.lists_bin else False)
    if "id" in call.parts:
        rows = call.server.pages.chosen(("timelogs", call.key), lambda: _timelogs_of(call))
    elif created is not None:
        wanted = created
        rows = call.server.pages.chosen(("timelogs", call.key), lambda: _listed(call, series, wanted))
    make = account.activity.timelog
    limit = None if call.has("pageSize") else call.number("limit", 1, 999_999_999)
    return call.server.pages.page(call, "timelogs", rows, lambda found: call.strip(map(make, found)), size=limit)


def _timelogs_of(call: Call) -> Iterator[int]:
    """Those of a task, or of all tasks below a folder."""
    target, owner = _owner(call)
    deep = call.flag("descendants") is not False
    tasks = (
        [owner] if target == "task" else tasks_below(call, owner, deep=deep, subs=call.flag("subTasks") is not False)
    )
    for task in tasks:
        yield from call.account.belongings.timelogs.of("task", task)


def _timelogs_by_id(call: Call) -> Listing:
    found = _by_id(call, call.account.belongings.timelogs)
    return Listing("timelogs", call.strip(map(call.account.activity.timelog, found)))


# Dependencies, approvals, audit log


def _dependencies(call: Call) -> Listing:
    found = call.ids(call.account.belongings.find_dependency)
    return Listing("dependencies", map(call.account.activity.dependency, found))


def _dependencies_of(call: Call) -> Listing:
    _, task = _owner(call)
    found = call.account.belongings.dependencies_of(task)
    return Listing("dependencies", map(call.account.activity.dependency, found))


def _approvals(call: Call) -> Listing:
    account = call.account
    rows: Rows = account.belongings.approvals.ranges()
    for name in ("statuses", "updatedDate", "approvers", "pendingApprovers", "type", "dueDate"):
        if call.has(name):
            raise bad_request(f"Parameter '{name}' is not offered by this mock server")
    if "id" in call.parts:
        target, owner = _owner(call)
        every = range(account.shape.approvals if target == "task" else 0)
        rows = [array("q", (i for i in every if account.belongings.approval_task(i) == owner))]
    make = account.activity.approval
    limit = None if call.has("pageSize") else call.number("limit", 1, 999_999_999)
    return call.server.pages.page(call, "approvals", rows, lambda found: map(make, found), size=limit)


def _approvals_by_id(call: Call) -> Listing:
    found = call.ids(call.account.belongings.approvals.find)
    return Listing("approvals", map(call.account.activity.approval, found))


def _audit(call: Call) -> Listing:
    account = call.account
    wanted = call.range("eventDate")
    operations = call.words("operations")
    for name in ("users", "objectType", "objectIds"):
        if call.has(name):
            raise bad_request(f"Parameter '{name}' is not offered by this mock server")
    rows: Rows = [range(account.shape.audit)]
    if wanted is not None or operations is not None:
        rows = call.server.pages.chosen(
            ("audit", call.key),
            lambda: (
                index
                for index in range(account.shape.audit)
                if (wanted is None or account.activity.audit_at(index) in wanted)
                and (operations is None or account.activity.audit(index)["operation"] in operations)
            ),
        )
    make = account.activity.audit
    return call.server.pages.page(call, "auditLog", rows, lambda found: map(make, found), size=None)


_COMMENT_PARAMS = _params("plainText types")
_FILE_PARAMS = _params("versions createdDate withUrls")
_LOG_PARAMS = _params(
    "createdDate updatedDate trackedDate me descendants subTasks plainText timelogCategories exportStatuses billingTypes "
    "approvalStatuses limit"
)
_LOG_FIELDS = _params("billingType approvalStatus lockStatus exportStatus")
_APPROVAL_PARAMS = _params("statuses updatedDate approvers pendingApprovers type dueDate limit")
_TYPE = _params("type")

ENDPOINTS = [
    Endpoint("/comments", _comments, _COMMENT_PARAMS | _params("createdDate updatedDate limit"), _TYPE, "comments"),
    Endpoint("/tasks/{id}/comments", _comments_of, _COMMENT_PARAMS, _TYPE, "comments"),
    Endpoint("/folders/{id}/comments", _comments_of, _COMMENT_PARAMS, _TYPE, "comments"),
    Endpoint("/comments/{ids}", _comments_by_id, _COMMENT_PARAMS, _TYPE, "comments"),
    Endpoint("/attachments", _attachments, _FILE_PARAMS, kind="attachments"),
    Endpoint("/tasks/{id}/attachments", _attachments_of, _FILE_PARAMS, kind="attachments"),
    Endpoint("/folders/{id}/attachments", _attachments_of, _FILE_PARAMS, kind="attachments"),
    Endpoint("/attachments/{ids}", _attachments_by_id, _params("versions"), kind="attachments"),
    Endpoint("/attachments/{id}/download", _download, kind="attachments"),
    Endpoint("/attachments/{id}/download/{name}", _download, kind="attachments"),
    Endpoint("/attachments/{id}/url", _url, kind="attachments"),
    Endpoint("/timelogs", _timelogs, _LOG_PARAMS, _LOG_FIELDS, "timelogs", "nextPageToken"),
    Endpoint("/tasks/{id}/timelogs", _timelogs, _LOG_PARAMS, _LOG_FIELDS, "timelogs", "nextPageToken"),
    Endpoint("/folders/{id}/timelogs", _timelogs, _LOG_PARAMS, _LOG_FIELDS, "timelogs", "nextPageToken"),
    Endpoint("/timelogs/{ids}", _timelogs_by_id, _params("plainText"), _LOG_FIELDS, "timelogs"),
    Endpoint("/dependencies/{ids}", _dependencies, kind="dependencies"),
    Endpoint("/tasks/{id}/dependencies", _dependencies_of, kind="dependencies"),
    Endpoint("/approvals", _approvals, _APPROVAL_PARAMS, kind="approvals", paging="nextPageToken"),
    Endpoint("/tasks/{id}/approvals", _approvals, _APPROVAL_PARAMS, kind="approvals", paging="nextPageToken"),
    Endpoint("/folders/{id}/approvals", _approvals, _APPROVAL_PARAMS, kind="approvals", paging="nextPageToken"),
    Endpoint("/approvals/{ids}", _approvals_by_id, kind="approvals"),
    Endpoint(
        "/audit_log",
        _audit,
        _params("eventDate operations users objectType objectIds"),
        kind="audit_log",
        paging="nextPageToken",
    ),
]
