"""The account itself, its people, and what it is set up with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from wrikebackup_mock import ids
from wrikebackup_mock.protocol import Call, Endpoint, Listing, Refusal, bad_parameter, bad_request

_CONTACT_FIELDS = frozenset(
    {"metadata", "customFields", "currentBillRate", "currentCostRate", "jobRoleId", "workScheduleId"}
)
_TYPES = ("Person", "Group", "Asset", "Robot")
_USAGE = frozenset({"dataUsageStatistics"})
"""Its shape is not public: taken, and never answered."""


def _account(call: Call) -> Listing:
    return Listing("accounts", call.strip([call.account.account_record()]))


def _ids(call: Call) -> Listing:
    tree, belongings = call.account.tree, call.account.belongings
    series = {
        "ApiV2Task": tree.tasks,
        "ApiV2Folder": tree.folders,
        "ApiV2Comment": belongings.comments.series,
        "ApiV2Attachment": belongings.attachments.series,
        "ApiV2Timelog": belongings.timelogs.series,
    }
    for name in ("type", "ids"):
        if not call.has(name):
            raise Refusal(400, "parameter_required", f"Parameter '{name}' is required")
    wanted = series.get(call.request.query["type"])
    try:
        numbers = [int(number) for number in json.loads(call.request.query["ids"])]
    except (ValueError, TypeError):
        raise bad_parameter("ids") from None
    if wanted is None:
        raise bad_parameter("type")
    found = []
    for number in numbers:
        index = wanted.index(number)
        if index is None:
            raise bad_parameter("ids")
        found.append({"id": wanted.id(index), "apiV2Id": str(number)})
    return Listing("ids", found)


def _contacts(call: Call) -> Listing:
    people, shape = call.account.people, call.account.shape
    deleted, active = call.flag("deleted"), call.flag("active")
    types = call.chosen("types", _TYPES)
    emails, name = call.words("emails"), call.request.query.get("name")
    for unknown in ("metadata", "customFields"):
        if call.has(unknown):
            raise bad_parameter(unknown)

    def every() -> Iterator[dict[str, Any]]:
        if deleted:
            yield from map(people.contact, people.deleted)
            return
        yield from map(people.contact, range(people.living))
        yield from map(people.group_contact, range(shape.groups))

    def wanted(record: dict[str, Any]) -> bool:
        profile = record["profiles"][0]
        return (
            (types is None or record["type"] in types)
            and (emails is None or profile.get("email") in emails)
            and (active is None or profile["active"] == active)
            and (name is None or name in f"{record['firstName']} {record['lastName']}")
            and (not call.flag("me") or record.get("me", False))
        )

    return Listing("contacts", call.strip(filter(wanted, every())))


def _contacts_by_id(call: Call) -> Listing:
    people = call.account.people

    def find(text: str) -> int | None:
        group = people.find_group(text)
        return people.find(text) if group is None else -1 - group

    found = call.ids(find)
    made = (people.contact(index) if index >= 0 else people.group_contact(-1 - index) for index in found)
    return Listing("contacts", call.strip(made))


def _user(call: Call) -> Listing:
    index = call.account.people.find(call.parts["id"])
    if index is None:
        raise bad_request("Parameter 'id' value is invalid")
    return Listing("users", call.strip([call.account.people.contact(index)]))


def _groups(call: Call) -> Listing:
    people = call.account.people
    return call.server.pages.page(
        call,
        "groups",
        [range(call.account.shape.groups)],
        lambda indices: call.strip(map(people.group, indices)),
        size=None,
    )


def _group(call: Call) -> Listing:
    index = call.account.people.find_group(call.parts["id"])
    if index is None:
        raise bad_request("Parameter 'id' value is invalid")
    return Listing("groups", call.strip([call.account.people.group(index)]))


def _workflows(call: Call) -> Listing:
    return Listing("workflows", call.account.catalogue.account_workflows)


def _space(call: Call) -> int:
    index = call.account.tree.folders.find(call.parts["id"])
    if index is None or not call.account.tree.is_space(index):
        raise bad_request("Parameter 'spaceId' value is invalid")
    return index


def _space_workflows(call: Call) -> Listing:
    return Listing("workflows", call.account.catalogue.space_workflows.get(_space(call), []))


def _custom_fields(call: Call) -> Listing:
    types, title = call.words("types"), call.request.query.get("title")
    found = [
        each
        for each in call.account.catalogue.custom_fields
        if (types is None or each["type"] in types) and (title is None or title in each["title"])
    ]
    return Listing("customfields", found)


def _of_space(call: Call, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    text = call.account.tree.folders.id(_space(call))
    return [record for record in records if record.get("spaceId") == text]


def _space_custom_fields(call: Call) -> Listing:
    return Listing("customfields", _of_space(call, call.account.catalogue.custom_fields))


def _by_id(call: Call, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    where = {record["id"]: index for index, record in enumerate(records)}
    return [records[index] for index in call.ids(where.get)]


def _custom_fields_by_id(call: Call) -> Listing:
    return Listing("customfields", _by_id(call, call.account.catalogue.custom_fields))


def _item_types(call: Call) -> Listing:
    deleted = call.flag("withDeleted")
    kind = call.request.query.get("type")
    if kind not in (None, "Task", "Project"):
        raise bad_parameter("type")
    found = [
        each
        for each in call.account.catalogue.item_types
        if (deleted or not each["isDeleted"]) and (kind is None or each["relatedType"] == kind)
    ]
    return Listing("customItemTypes", found[: call.number("limit", 1, 10_000)])


def _space_item_types(call: Call) -> Listing:
    return Listing("customItemTypes", _of_space(call, call.account.catalogue.item_types))


def _item_types_by_id(call: Call) -> Listing:
    return Listing("customItemTypes", _by_id(call, call.account.catalogue.item_types))


def _job_roles_by_id(call: Call) -> Listing:
    return Listing("jobRoles", _by_id(call, call.account.people.job_roles()))


def _blueprints(letter: str) -> Any:
    def handle(call: Call) -> Listing:
        made = call.account.catalogue.blueprints(letter)
        if call.endpoint.paging:
            return call.server.pages.page(
                call,
                "taskBlueprints",
                [range(len(made))],
                lambda indices: [made[index] for index in indices],
                size=None,
            )
        return Listing("folderBlueprints", made)

    return handle


def _params(words: str) -> frozenset[str]:
    return frozenset(words.split())


ENDPOINTS = [
    Endpoint("/version", lambda _: Listing("version", [{"major": "4", "minor": "0"}])),
    Endpoint("/colors", lambda _: Listing("colors", [{"name": "None", "hex": "#FFFFFF"}])),
    Endpoint("/ids", _ids, _params("type ids")),
    Endpoint("/account", _account, _params("metadata"), _params("subscription metadata customFields"), "account"),
    Endpoint(
        "/contacts",
        _contacts,
        _params("me metadata deleted active emails name types customFields"),
        _CONTACT_FIELDS,
        "contacts",
    ),
    Endpoint("/contacts/{ids}", _contacts_by_id, _params("metadata types"), _CONTACT_FIELDS, "contacts"),
    Endpoint("/users/{id}", _user, frozenset(), frozenset({"customFields"}), "contacts"),
    Endpoint("/groups", _groups, _params("metadata"), _params("metadata"), "groups", "pageToken"),
    Endpoint("/groups/{id}", _group, frozenset(), _params("metadata"), "groups"),
    Endpoint(
        "/invitations", lambda call: Listing("invitations", call.account.people.invitations()), kind="invitations"
    ),
    Endpoint(
        "/access_roles", lambda call: Listing("accessRoles", call.account.people.access_roles()), kind="access_roles"
    ),
    Endpoint("/jobroles", lambda call: Listing("jobRoles", call.account.people.job_roles()), kind="jobroles"),
    Endpoint("/jobroles/{ids}", _job_roles_by_id, kind="jobroles"),
    Endpoint("/workflows", _workflows, frozenset(), _USAGE, "workflows"),
    Endpoint("/spaces/{id}/workflows", _space_workflows, frozenset(), _USAGE, "workflows"),
    Endpoint(
        "/customfields",
        _custom_fields,
        _params("applicableEntityTypes types inheritanceTypes title"),
        _USAGE | {"addedToSpaces"},
        "customfields",
    ),
    Endpoint(
        "/spaces/{id}/customfields",
        _space_custom_fields,
        _params("applicableEntityTypes types inheritanceTypes title"),
        _USAGE | {"addedToSpaces"},
        "customfields",
    ),
    Endpoint("/customfields/{ids}", _custom_fields_by_id, frozenset(), _USAGE | {"addedToSpaces"}, "customfields"),
    Endpoint("/custom_item_types", _item_types, _params("title limit withDeleted type"), _USAGE, "custom_item_types"),
    Endpoint(
        "/spaces/{id}/custom_item_types",
        _space_item_types,
        _params("title limit withDeleted type"),
        _USAGE,
        "custom_item_types",
    ),
    Endpoint("/custom_item_types/{ids}", _item_types_by_id, frozenset(), _USAGE, "custom_item_types"),
    Endpoint(
        "/timelog_categories",
        lambda call: Listing("timelogCategories", call.account.catalogue.categories),
        kind="timelog_categories",
    ),
    Endpoint("/folder_blueprints", _blueprints(ids.FOLDER_BLUEPRINT), kind="folder_blueprints"),
    Endpoint(
        "/task_blueprints",
        _blueprints(ids.TASK_BLUEPRINT),
        _params("limit"),
        kind="task_blueprints",
        paging="nextPageToken",
    ),
]
