"""What is asked for each kind, and asking it: all optional fields, and fewer where the API no longer knows one.

Paths, parameters and fields: Wrike's OpenAPI file (version 154) and developers.wrike.com.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from wrikebackup_core import Forbidden, Kind
from wrikebackup_wrike.answer import Answer, Named
from wrikebackup_wrike.client import Api
from wrikebackup_wrike.crawl.shapes import shape_of
from wrikebackup_wrike.refusals import BadRequest

__all__ = ["BY_ID", "LISTINGS", "PAGE_SIZE", "Desk", "Query", "as_list"]

_log = logging.getLogger(__name__)
PAGE_SIZE = "1000"


@dataclass(frozen=True, slots=True)
class Query:
    """A list of the API. `token` names the parameter that takes a page token, None where the list has no pages.

    `sensitive` fields need rights of their own: a 403 may be about them alone. `droppable` parameters are a convenience: the
    query does without one that the API refuses by name.
    """

    path: str
    kind: Kind
    params: Mapping[str, str] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    token: str | None = None
    sensitive: frozenset[str] = frozenset()
    droppable: frozenset[str] = frozenset()

    def at(self, path: str) -> Query:
        """The same query of another path."""
        return replace(self, path=path)


def as_list(values: tuple[str, ...] | list[str]) -> str:
    """The JSON text of a list parameter, without spaces."""
    return "[" + ",".join(f'"{value}"' for value in values) + "]"


_PAGED = {"pageSize": PAGE_SIZE}
_NEXT = "nextPageToken"
_CONTACTS = Query(
    "/contacts",
    Kind.CONTACTS,
    {"types": as_list(["Person", "Group", "Asset", "Robot"])},
    ("metadata", "customFields", "currentBillRate", "currentCostRate", "jobRoleId", "workScheduleId"),
    sensitive=frozenset({"currentBillRate", "currentCostRate", "jobRoleId", "workScheduleId"}),
    droppable=frozenset({"types"}),
)
_TASK_FIELDS = (
    "authorIds",
    "hasAttachments",
    "attachmentCount",
    "parentIds",
    "superParentIds",
    "sharedIds",
    "responsibleIds",
    "responsiblePlaceholderIds",
    "description",
    "briefDescription",
    "recurrent",
    "superTaskIds",
    "subTaskIds",
    "dependencyIds",
    "metadata",
    "customFields",
    "effortAllocation",
    "billingType",
    "customItemTypeId",
    "followerIds",
    "workScheduleId",
)
_FOLDER_FIELDS = (
    "metadata",
    "hasAttachments",
    "attachmentCount",
    "description",
    "briefDescription",
    "customFields",
    "customColumnIds",
    "superParentIds",
    "space",
    "contractType",
    "customItemTypeId",
)

LISTINGS: dict[Kind, tuple[Query, ...]] = {
    Kind.ACCOUNT: (Query("/account", Kind.ACCOUNT, fields=("subscription", "metadata", "customFields")),),
    # Deleted people come only when asked for, and old records name them as authors.
    Kind.CONTACTS: (_CONTACTS, replace(_CONTACTS, params={**_CONTACTS.params, "deleted": "true"})),
    Kind.GROUPS: (Query("/groups", Kind.GROUPS, _PAGED, ("metadata",), token="pageToken"),),  # noqa: S106 - a parameter's name
    Kind.INVITATIONS: (Query("/invitations", Kind.INVITATIONS),),
    Kind.ACCESS_ROLES: (Query("/access_roles", Kind.ACCESS_ROLES),),
    Kind.JOB_ROLES: (Query("/jobroles", Kind.JOB_ROLES),),
    Kind.WORKFLOWS: (Query("/workflows", Kind.WORKFLOWS, fields=("dataUsageStatistics",)),),
    Kind.CUSTOM_FIELDS: (Query("/customfields", Kind.CUSTOM_FIELDS, fields=("dataUsageStatistics", "addedToSpaces")),),
    Kind.CUSTOM_ITEM_TYPES: (Query("/custom_item_types", Kind.CUSTOM_ITEM_TYPES, {"withDeleted": "true"}),),
    Kind.SPACES: (Query("/spaces", Kind.SPACES, {"withArchived": "true"}, ("members", "workScheduleId")),),
    # Any filter makes the API answer whole folders, in pages, instead of the bare tree; `deleted` is none of them.
    Kind.FOLDERS: (
        Query(
            "/folders",
            Kind.FOLDERS,
            {**_PAGED, "deleted": "false", "updatedDate": '{"start":"1970-01-01T00:00:00Z"}'},
            _FOLDER_FIELDS,
            token=_NEXT,
        ),
    ),
    # Oldest first: what is created meanwhile is at the end and shifts no page.
    Kind.TASKS: (
        Query(
            "/tasks",
            Kind.TASKS,
            {**_PAGED, "subTasks": "true", "sortField": "CreatedDate", "sortOrder": "Asc"},
            _TASK_FIELDS,
            token=_NEXT,
            droppable=frozenset({"sortField", "sortOrder"}),
        ),
    ),
    Kind.TIMELOG_CATEGORIES: (Query("/timelog_categories", Kind.TIMELOG_CATEGORIES),),
    Kind.TIMELOGS: (
        Query(
            "/timelogs",
            Kind.TIMELOGS,
            _PAGED,
            ("billingType", "approvalStatus", "lockStatus", "exportStatus"),
            token=_NEXT,
        ),
    ),
    Kind.APPROVALS: (Query("/approvals", Kind.APPROVALS, _PAGED, token=_NEXT),),
    Kind.FOLDER_BLUEPRINTS: (Query("/folder_blueprints", Kind.FOLDER_BLUEPRINTS),),
    Kind.TASK_BLUEPRINTS: (Query("/task_blueprints", Kind.TASK_BLUEPRINTS, _PAGED, token=_NEXT),),
    Kind.AUDIT_LOG: (Query("/audit_log", Kind.AUDIT_LOG, _PAGED, token=_NEXT),),
}
"""Kinds that a list of the whole account brings."""

BY_ID: dict[Kind, Query] = {
    Kind.TASKS: Query(
        "/tasks",
        Kind.TASKS,
        # The rest comes unasked here, and asking for it is an error.
        fields=(
            "recurrent",
            "attachmentCount",
            "effortAllocation",
            "billingType",
            "customItemTypeId",
            "workScheduleId",
            "responsiblePlaceholderIds",
        ),
    ),
    Kind.FOLDERS: Query(
        "/folders",
        Kind.FOLDERS,
        fields=("briefDescription", "customColumnIds", "attachmentCount", "contractType", "customItemTypeId"),
    ),
    Kind.CONTACTS: replace(_CONTACTS, params={}),
    Kind.CUSTOM_FIELDS: Query("/customfields", Kind.CUSTOM_FIELDS),
    Kind.CUSTOM_ITEM_TYPES: Query("/custom_item_types", Kind.CUSTOM_ITEM_TYPES),
    Kind.DEPENDENCIES: Query("/dependencies", Kind.DEPENDENCIES),
}
"""Kinds of which up to 100 records can be asked for by id."""


class Desk:
    """Asks queries, and remembers per kind and path what the API no longer takes. Safe from any thread."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self._lock = threading.Lock()
        self._dropped: dict[tuple[Kind, str], frozenset[str]] = {}

    def ask(self, query: Query, more: Mapping[str, str] | None = None, *, family: str = "") -> Answer[Named]:
        """One answer. `family` stands for all paths that differ only by ids, and take the same fields.

        Raises what `Api.get` raises; BadRequest not for an optional field that the API does not know: that one is left out.
        """
        key = (query.kind, family or query.path)
        while True:
            dropped = self._dropped.get(key, frozenset())
            fields = tuple(name for name in query.fields if name not in dropped)
            params = {name: value for name, value in query.params.items() if name not in dropped}
            params.update(more or {})
            if fields:
                params["fields"] = as_list(fields)
            try:
                return self.api.get(query.path, params, shape_of(query.kind))
            except BadRequest as error:
                refused = self._culprits(error, query, params, fields)
                if not refused:
                    raise
                self._drop(key, refused, f"no longer takes ({error.description or error.code})")
            except Forbidden:
                refused = query.sensitive.intersection(fields)
                if not refused:
                    raise
                self._drop(key, refused, "may not show")

    def _culprits(
        self, error: BadRequest, query: Query, params: Mapping[str, str], fields: tuple[str, ...]
    ) -> frozenset[str]:
        """The fields and parameters to do without, by the API's words, or by trying where the words leave it open."""
        if error.code not in ("invalid_parameter", "invalid_request"):
            return frozenset()
        words = frozenset(re.findall(r"[A-Za-z]+", error.description))
        quoted = frozenset(re.findall(r"""['"`]([A-Za-z]+)['"`]""", error.description))
        about_fields = bool({"field", "fields"} & {word.lower() for word in words})
        named = (words if about_fields else quoted).intersection((*fields, *(query.droppable & params.keys())))
        if len(named) == 1:
            return named
        return self._refused_among(query, params, fields) if about_fields else frozenset()

    def _refused_among(self, query: Query, params: Mapping[str, str], fields: tuple[str, ...]) -> frozenset[str]:
        """Those of `fields`, refused together, that are refused alone as well."""
        if len(fields) <= 1:
            return frozenset(fields)
        refused: frozenset[str] = frozenset()
        for half in (fields[: len(fields) // 2], fields[len(fields) // 2 :]):
            try:
                self.api.get(query.path, {**params, "fields": as_list(half)}, shape_of(query.kind))
            except BadRequest:
                refused |= self._refused_among(query, params, half)
        return refused

    def _drop(self, key: tuple[Kind, str], names: frozenset[str], why: str) -> None:
        with self._lock:
            before = self._dropped.get(key, frozenset())
            self._dropped[key] = before | names
        if names - before:
            _log.warning("%s: left out %s, which the API %s", key[1], ", ".join(sorted(names)), why)
