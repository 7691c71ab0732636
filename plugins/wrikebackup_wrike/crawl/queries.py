"""What is asked for each kind, and asking it: all optional fields, and fewer where the API no longer knows one.

Paths, parameters and fields: Wrike's OpenAPI file (version 154) and developers.wrike.com.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from wrikebackup_core import Forbidden, Gap, Kind
from wrikebackup_wrike.answer import Answer, Named
from wrikebackup_wrike.client import Api
from wrikebackup_wrike.crawl.shapes import shape_of
from wrikebackup_wrike.refusals import BadRequest

__all__ = ["BY_ID", "ESSENTIAL", "FOLDER_TREE", "LISTINGS", "PAGE_SIZE", "Desk", "Query", "as_list"]

_log = logging.getLogger(__name__)
PAGE_SIZE = "1000"


@dataclass(frozen=True, slots=True)
class Query:
    """A list of the API. `token` names the parameter that takes a page token, None where the list has no pages.

    `sensitive` fields need rights of their own: a 403 may be about them alone. `spare` parameters are those that the query does
    without where the API refuses them by name, each with what the answer then lacks, which is a gap of the run; empty: nothing.
    """

    path: str
    kind: Kind
    params: Mapping[str, str] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    token: str | None = None
    sensitive: frozenset[str] = frozenset()
    spare: Mapping[str, str] = field(default_factory=dict)

    def at(self, path: str) -> Query:
        """The same query of another path."""
        return replace(self, path=path)


def as_list(values: tuple[str, ...] | list[str]) -> str:
    """The JSON text of a list parameter, without spaces."""
    return "[" + ",".join(f'"{value}"' for value in values) + "]"


_PAGED = {"pageSize": PAGE_SIZE}
_PAGES = {"pageSize": ""}  # refused where the list has no pages
_LONG_PAGES = {"pageSize": "what goes beyond the first 1000"}  # the API's own default for these
_SMALL_PAGE = "100"
_NEXT = "nextPageToken"
_CONTACTS = Query(
    "/contacts",
    Kind.CONTACTS,
    {"types": as_list(["Person", "Group", "Asset", "Robot"])},
    ("metadata", "customFields", "currentBillRate", "currentCostRate", "jobRoleId", "workScheduleId"),
    sensitive=frozenset({"currentBillRate", "currentCostRate", "jobRoleId", "workScheduleId"}),
    spare={"types": "", "deleted": "people who were deleted"},
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
    Kind.GROUPS: (Query("/groups", Kind.GROUPS, _PAGED, ("metadata",), token="pageToken", spare=_PAGES),),  # noqa: S106 - a parameter's name
    Kind.INVITATIONS: (Query("/invitations", Kind.INVITATIONS),),
    Kind.ACCESS_ROLES: (Query("/access_roles", Kind.ACCESS_ROLES),),
    Kind.JOB_ROLES: (Query("/jobroles", Kind.JOB_ROLES),),
    Kind.WORKFLOWS: (Query("/workflows", Kind.WORKFLOWS, fields=("dataUsageStatistics",)),),
    Kind.CUSTOM_FIELDS: (Query("/customfields", Kind.CUSTOM_FIELDS, fields=("dataUsageStatistics", "addedToSpaces")),),
    Kind.CUSTOM_ITEM_TYPES: (
        Query(
            "/custom_item_types",
            Kind.CUSTOM_ITEM_TYPES,
            {"withDeleted": "true"},
            spare={"withDeleted": "deleted types that nothing uses"},
        ),
    ),
    Kind.SPACES: (
        Query(
            "/spaces",
            Kind.SPACES,
            {"withArchived": "true"},
            ("members", "workScheduleId"),
            spare={"withArchived": "archived spaces"},
        ),
    ),
    # Any filter makes the API answer whole folders, in pages, instead of the bare tree; `deleted` is none of them. Where the API
    # refuses `updatedDate`, folders.py does with the tree.
    Kind.FOLDERS: (
        Query(
            "/folders",
            Kind.FOLDERS,
            {**_PAGED, "deleted": "false", "updatedDate": '{"start":"1970-01-01T00:00:00Z"}'},
            _FOLDER_FIELDS,
            token=_NEXT,
            spare={**_LONG_PAGES, "deleted": ""},  # a folder's `scope` tells whether it is in the recycle bin
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
            # Subtasks that no list brings are found by the links of their tasks.
            spare={**_LONG_PAGES, "sortField": "", "sortOrder": "", "subTasks": ""},
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
            spare=_PAGES,
        ),
    ),
    Kind.APPROVALS: (Query("/approvals", Kind.APPROVALS, _PAGED, token=_NEXT, spare=_PAGES),),
    Kind.FOLDER_BLUEPRINTS: (Query("/folder_blueprints", Kind.FOLDER_BLUEPRINTS),),
    Kind.TASK_BLUEPRINTS: (Query("/task_blueprints", Kind.TASK_BLUEPRINTS, _PAGED, token=_NEXT, spare=_PAGES),),
    Kind.AUDIT_LOG: (Query("/audit_log", Kind.AUDIT_LOG, _PAGED, token=_NEXT, spare=_PAGES),),
}
"""Kinds that a list of the whole account brings."""

FOLDER_TREE = Query("/folders", Kind.FOLDERS)
"""The account's folders as short entries, in one answer, the root and the recycle bin with its folders among them."""

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


ESSENTIAL = frozenset({
    Kind.ACCOUNT, Kind.CONTACTS, Kind.FOLDERS, Kind.TASKS, Kind.COMMENTS, Kind.ATTACHMENTS, Kind.TIMELOGS
})  # fmt: skip
"""Kinds that the archive is made of; groups are also among the contacts."""


class Desk:
    """Asks queries, and remembers per kind and path what the API no longer takes. Safe from any thread."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self._lock = threading.Lock()
        self._dropped: dict[tuple[Kind, str], frozenset[str]] = {}
        self._short: set[tuple[Kind, str]] = set()
        self._accepted: set[tuple[Kind, str]] = set()
        self._lacking: dict[Kind, list[Gap]] = {}

    def ask(self, query: Query, more: Mapping[str, str] | None = None, *, family: str = "") -> Answer[Named]:
        """One answer. `family` stands for all paths that differ only by ids, and take the same fields.

        Raises what `Api.get` raises; BadRequest not for what the API does not know and the query can do without.
        """
        key = (query.kind, family or query.path)
        while True:
            dropped = self._dropped.get(key, frozenset())
            fields = tuple(name for name in query.fields if name not in dropped)
            params = {name: value for name, value in query.params.items() if name not in dropped}
            if key in self._short and "pageSize" in params:
                params["pageSize"] = _SMALL_PAGE
            params.update(more or {})
            if fields:
                params["fields"] = as_list(fields)
            try:
                answer = self.api.get(query.path, params, shape_of(query.kind), dispensable=query.kind not in ESSENTIAL)
            except BadRequest as error:
                known = key in self._accepted or query.token in params
                refused = self._culprits(error, query, params, fields, known=known)
                if not refused:
                    raise
                if refused == {"pageSize"} and params["pageSize"] == PAGE_SIZE and "value" in error.description:
                    self._short.add(key)
                else:
                    self._drop(key, refused, f"no longer takes ({error.description or error.code})", query.spare)
            except Forbidden:
                refused = query.sensitive.intersection(fields)
                if not refused:
                    raise
                self._drop(key, refused, "may not show")
            else:
                self._accepted.add(key)
                return answer

    def lacking(self, kind: Kind) -> list[Gap]:
        """What the answers lack for want of a parameter that the API refused; each told once."""
        with self._lock:
            return self._lacking.pop(kind, [])

    def _culprits(
        self, error: BadRequest, query: Query, params: Mapping[str, str], fields: tuple[str, ...], *, known: bool
    ) -> frozenset[str]:
        """The fields and parameters to do without, by the API's words, or by trying where the words leave it open.

        `known`: the API has taken all of them before.
        """
        if error.code == "parameter_required":
            return frozenset()
        words = frozenset(re.findall(r"[A-Za-z]+", error.description))
        about_fields = bool({"field", "fields"} & {word.lower() for word in words})
        named = (words if about_fields else _parameters(error.description)).intersection(
            (*fields, *(query.spare.keys() & params.keys()))
        )
        if len(named) == 1:
            return named
        vague = not (known or words & params.keys())
        if about_fields or (vague and fields and self._is_taken(query, params, ())):
            return self._refused_among(query, params, fields)
        return frozenset()

    def _refused_among(self, query: Query, params: Mapping[str, str], fields: tuple[str, ...]) -> frozenset[str]:
        """Those of `fields`, refused together, that are refused alone as well."""
        if len(fields) <= 1:
            return frozenset(fields)
        refused: frozenset[str] = frozenset()
        for half in (fields[: len(fields) // 2], fields[len(fields) // 2 :]):
            if not self._is_taken(query, params, half):
                refused |= self._refused_among(query, params, half)
        return refused

    def _is_taken(self, query: Query, params: Mapping[str, str], fields: tuple[str, ...]) -> bool:
        """Whether the API takes the query with these fields alone."""
        asked = {name: value for name, value in params.items() if name != "fields"}
        if fields:
            asked["fields"] = as_list(fields)
        try:
            self.api.get(query.path, asked, shape_of(query.kind))
        except BadRequest:
            return False
        return True

    def _drop(
        self, key: tuple[Kind, str], names: frozenset[str], why: str, spare: Mapping[str, str] | None = None
    ) -> None:
        kind, path = key
        with self._lock:
            before = self._dropped.get(key, frozenset())
            self._dropped[key] = before | names
            for name in sorted(names - before):
                if lost := (spare or {}).get(name):
                    reason = f"{path}: the API refuses the parameter {name}, so that the backup may lack {lost}"
                    self._lacking.setdefault(kind, []).append(Gap(kind.value, name, reason))
        if names - before:
            _log.warning("%s: left out %s, which the API %s", path, ", ".join(sorted(names)), why)


def _parameters(words: str) -> frozenset[str]:
    """What stands in quotes, behind the word "parameter", or in camel case: no word of a sentence."""
    quoted = re.findall(r"""['"`]([A-Za-z]+)['"`]""", words)
    named = re.findall(r"(?i:parameters?:?)\s+([A-Za-z]+)", words)
    return frozenset([*quoted, *named, *re.findall(r"\b[a-z]+[A-Z][A-Za-z]*", words)])
