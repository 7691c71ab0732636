"""Spaces, folders and tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from wrikebackup_mock.ids import BIN, ROOT
from wrikebackup_mock.paging import Rows, backwards, indices
from wrikebackup_mock.protocol import Call, Endpoint, Listing, Range, bad_parameter, bad_request


def _params(words: str) -> frozenset[str]:
    return frozenset(words.split())


_FOLDER_FIELDS = _params(
    "metadata hasAttachments attachmentCount description briefDescription customFields customColumnIds superParentIds space "
    "contractType customItemTypeId"
)
_FOLDER_PARAMS = _params(
    "permalink descendants metadata customField customFields updatedDate withInvitations project contractTypes "
    "plainTextCustomFields customItemTypes customStatuses authors owners startDate endDate completedDate title"
)
_FOLDER_UNFILTERED = _params(
    "metadata customField customFields contractTypes customItemTypes customStatuses authors owners startDate endDate completedDate"
)
_TASK_FIELDS = _params(
    "authorIds hasAttachments attachmentCount parentIds superParentIds sharedIds responsibleIds responsiblePlaceholderIds "
    "description briefDescription recurrent superTaskIds subTaskIds dependencyIds metadata customFields effortAllocation "
    "billingType customItemTypeId followerIds workScheduleId"
)
_TASK_PARAMS = _params(
    "descendants title status importance startDate dueDate scheduledDate createdDate updatedDate completedDate authors "
    "responsibles responsiblePlaceholders permalink type limit sortField sortOrder subTasks metadata customField customFields "
    "customStatuses withInvitations billingTypes plainTextCustomFields customItemTypes"
)
_TASK_UNFILTERED = _params("startDate dueDate scheduledDate responsiblePlaceholders metadata customField customFields")
_SORTS = {"CreatedDate", "UpdatedDate", "CompletedDate", "DueDate", "Status", "Importance", "Title", "LastAccessDate"}
_MOST_TASKS = 1000


def _refuse(call: Call, names: frozenset[str]) -> None:
    """Some filters of Wrike this server does not have: better an error than an answer that was not filtered."""
    for name in names:
        if call.has(name):
            raise bad_request(f"Parameter '{name}' is not offered by this mock server")


# Spaces


def _spaces(call: Call) -> Listing:
    work, archived, types = call.account.work, call.flag("withArchived"), call.words("accessTypes")
    title = call.request.query.get("title")
    found = (
        space
        for space in map(work.space, range(call.account.shape.spaces))
        if (archived or not space["archived"])
        and (types is None or space["accessType"] in types)
        and (title is None or title in space["title"])
    )
    return Listing("spaces", call.strip(found))


def _space(call: Call) -> Listing:
    index = call.account.tree.folders.find(call.parts["id"])
    if index is None or not call.account.tree.is_space(index):
        raise bad_request("Parameter 'id' value is invalid")
    return Listing("spaces", call.strip([call.account.work.space(index)]))


# Folders


def find_folder(call: Call, text: str) -> int | None:
    """Index of a folder, space, or of one of the two virtual ones."""
    virtual = {call.account.work.root: ROOT, call.account.work.bin: BIN}
    return virtual[text] if text in virtual else call.account.tree.folders.find(text)


def _place(call: Call) -> int | None:
    """The folder that the path names; None for the whole account."""
    if "id" not in call.parts:
        return None
    index = find_folder(call, call.parts["id"])
    if index is None:
        raise bad_request("Parameter 'folderId' value is invalid")
    return index


def _is_tree(call: Call) -> bool:
    """Whether no parameter switches from the short tree to full records."""
    return call.flag("descendants") is not False and not any(
        call.has(name) for name in _FOLDER_PARAMS - {"descendants", "withInvitations", "plainTextCustomFields"}
    )


def _folders(call: Call) -> Listing:
    _refuse(call, _FOLDER_UNFILTERED)
    place = _place(call)
    if not _is_tree(call):
        rows = call.server.pages.chosen(("folders", call.key), lambda: _chosen_folders(call, place))
        make = call.account.work.folder
        return call.server.pages.page(call, "folders", rows, lambda found: call.strip(map(make, found)), size=None)
    for name in ("pageSize", "nextPageToken"):
        if call.has(name):
            raise bad_parameter(name)
    call.flag("deleted")
    return Listing("folderTree", map(call.account.work.folder_entry, _tree(call, place)))


def _tree(call: Call, place: int | None) -> Iterator[int]:
    if place is not None:
        yield place
        yield from call.account.tree.subtree(place)
        return
    for virtual, trashed in ((ROOT, False), (BIN, True)):
        if call.flag("deleted") in (None, trashed):
            yield virtual
            yield from indices(call.account.tree.folders.ranges(trashed=trashed))


def _chosen_folders(call: Call, place: int | None) -> Iterator[int]:
    tree, work = call.account.tree, call.account.work
    updated, project = call.range("updatedDate"), call.flag("project")
    title, permalink = call.request.query.get("title"), call.request.query.get("permalink")
    dull = updated is None or (updated.end is None and (updated.start or 0) <= call.account.shape.start)
    for index in _candidates(call, place):
        if project is not None and work.is_project(index) != project:
            continue
        if not dull and work.folder_updated(index) not in (updated or ()):
            continue
        if title is not None and title not in work.folder_entry(index)["title"]:
            continue
        if permalink is not None and not permalink.endswith(f"id={tree.folders.number(index)}"):
            continue
        yield index


def _candidates(call: Call, place: int | None) -> Iterator[int]:
    tree = call.account.tree
    deep = call.flag("descendants") is not False
    if place is None:
        if deep:
            yield from indices(tree.folders.ranges(trashed=call.flag("deleted")))
            return
        tops = {False: [ROOT], True: [BIN], None: [ROOT, BIN]}[call.flag("deleted")]
        for top in tops:
            yield from tree.folder_children(top)
        return
    if deep and place >= 0:
        yield place
    yield from tree.subtree(place) if deep else tree.folder_children(place)


def _folders_by_id(call: Call) -> Listing:
    found = call.ids(call.account.tree.folders.find)
    return Listing("folders", call.strip(map(call.account.work.folder, found)))


# Tasks


def _tasks(call: Call) -> Listing:
    _refuse(call, _TASK_UNFILTERED)
    place = _place(call)
    rows = _task_rows(call, place)
    order = call.request.query.get("sortOrder", "Asc")
    field = call.request.query.get("sortField", "CreatedDate")
    if order not in ("Asc", "Desc") or field not in _SORTS:
        raise bad_parameter("sortOrder" if field in _SORTS else "sortField")
    if field != "CreatedDate":
        plain, key = rows, _sort_key(call, field)
        rows = call.server.pages.chosen(("sorted", call.key), lambda: iter(sorted(indices(plain), key=key)))
    if order == "Desc":
        rows = backwards(rows)
    size = min(call.number("limit", 1, 999_999_999) or _MOST_TASKS, _MOST_TASKS)
    make = call.account.work.task
    also = {"followedByMe": "followerIds"}
    return call.server.pages.page(call, "tasks", rows, lambda found: call.strip(map(make, found), also=also), size=size)


def _sort_key(call: Call, field: str) -> Callable[[int], Any]:
    work = call.account.work
    if field in ("UpdatedDate", "LastAccessDate"):
        return work.task_updated
    members = {"CompletedDate": "completedDate", "Status": "status", "Importance": "importance", "Title": "title"}
    if field == "DueDate":
        return lambda index: str(work.task(index)["dates"].get("due", ""))
    return lambda index: str(work.task(index).get(members[field], ""))


def _task_rows(call: Call, place: int | None) -> Rows:
    """Indices of the tasks that a call asks for, in order of creation."""
    series = call.account.tree.tasks
    deep = call.flag("descendants") or False
    subs = call.flag("subTasks") or False
    plain = not any(call.has(name) for name in _TASK_PARAMS - _UNFILTERING)
    if plain and subs and (place is None or (deep and place < 0)):
        return series.ranges(trashed=place == BIN)
    return call.server.pages.chosen(("tasks", call.key), lambda: _chosen_tasks(call, place, deep=deep, subs=subs))


_UNFILTERING = _params("descendants limit sortField sortOrder subTasks withInvitations plainTextCustomFields")


def _chosen_tasks(call: Call, place: int | None, *, deep: bool, subs: bool) -> Iterator[int]:
    account = call.account
    wanted = _task_filter(call)
    for index in tasks_below(call, place, deep=deep, subs=subs):
        if (subs or not account.tree.supers(index)) and wanted(index):
            yield index


def tasks_below(call: Call, place: int | None, *, deep: bool, subs: bool) -> Iterator[int]:
    """Indices of the tasks in a folder (None: in the account), in order of creation; subtasks may be missing without `subs`."""
    tree = call.account.tree
    if place is None or (deep and place < 0):
        created = call.range("createdDate")
        rows = tree.tasks.ranges(trashed=place == BIN)
        if created is None:
            yield from indices(rows)
            return
        for index in tree.tasks.between(created.start, created.end):
            if tree.tasks.trashed(index) == (place == BIN):
                yield index
        return
    folders = [place, *tree.subtree(place)] if deep else [place]
    found: set[int] = set()
    for folder in folders:
        for task in tree.tasks_in(folder):
            found.add(task)
            if subs:
                found.update(tree.below(task))
    yield from sorted(found)


def _task_filter(call: Call) -> Callable[[int], bool]:
    """Whether a task passes the filters; only what a filter needs is built."""
    series, work = call.account.tree.tasks, call.account.work
    created, updated, completed = (call.range(name) for name in ("createdDate", "updatedDate", "completedDate"))
    status = call.chosen("status", ("Active", "Completed", "Deferred", "Cancelled"))
    permalink = call.request.query.get("permalink")
    passes: list[Callable[[int], bool]] = []
    if created is not None:
        passes.append(lambda index: series.created(index) in created)
    if updated is not None:
        passes.append(lambda index: work.task_updated(index) in updated)
    if status is not None:
        passes.append(lambda index: work.task_status(index) in status)
    if completed is not None:
        passes.append(lambda index: _completed(work.task_status(index), work.task_updated(index), completed))
    if permalink is not None:
        passes.append(lambda index: permalink.endswith(f"id={series.number(index)}"))
    passes += _record_filter(call)
    return lambda index: all(wanted(index) for wanted in passes)


def _record_filter(call: Call) -> list[Callable[[int], bool]]:
    """The filters that need the whole record: none, or one for all of them."""
    single = {"importance": "importance", "customStatuses": "customStatusId", "customItemTypes": "customItemTypeId"}
    single["billingTypes"] = "billingType"
    words = {member: call.words(name) for name, member in single.items()}
    people = {"authorIds": call.words("authors"), "responsibleIds": call.words("responsibles")}
    title, kind = call.request.query.get("title"), call.request.query.get("type")
    if title is None and kind is None and not any((*words.values(), *people.values())):
        return []

    def fits(index: int) -> bool:
        record = call.account.work.task(index)
        return (
            (title is None or title.lower() in record["title"].lower())
            and (kind is None or record["dates"]["type"] == kind)
            and all(wanted is None or record.get(member) in wanted for member, wanted in words.items())
            and all(wanted is None or wanted & set(record[member]) for member, wanted in people.items())
        )

    return [fits]


def _completed(status: str, updated: int, wanted: Range) -> bool:
    return status == "Completed" and updated in wanted


def _tasks_by_id(call: Call) -> Listing:
    found = call.ids(call.account.tree.tasks.find)
    return Listing("tasks", call.strip(map(call.account.work.task, found)))


_SPACE_PARAMS = _params("withArchived userIsMember withInvitations title accessTypes")
_FOLDER_IDS_FIELDS = _params(
    "briefDescription customColumnIds attachmentCount contractType customItemTypeId cascadingFields accessRoles finance"
)
_TASK_IDS_FIELDS = _params(
    "recurrent attachmentCount effortAllocation billingType customItemTypeId workScheduleId responsiblePlaceholderIds "
    "cascadingFields finance"
)
_BY_ID = _params("withInvitations plainTextCustomFields")

ENDPOINTS = [
    Endpoint("/spaces", _spaces, _SPACE_PARAMS, _params("members workScheduleId"), "spaces"),
    Endpoint(
        "/spaces/{id}",
        _space,
        _params("withInvitations"),
        _params("members workScheduleId suggestedTaskWorkflows suggestedProjectWorkflows"),
        "spaces",
    ),
    Endpoint("/folders", _folders, _FOLDER_PARAMS | {"deleted"}, _FOLDER_FIELDS, "folders", "nextPageToken"),
    Endpoint(
        "/spaces/{id}/folders", _folders, _FOLDER_PARAMS | {"deleted"}, _FOLDER_FIELDS, "folders", "nextPageToken"
    ),
    Endpoint(
        "/folders/{id}/folders", _folders, _FOLDER_PARAMS, _FOLDER_FIELDS | {"finance"}, "folders", "nextPageToken"
    ),
    Endpoint("/folders/{ids}", _folders_by_id, _BY_ID, _FOLDER_IDS_FIELDS, "folders"),
    Endpoint("/tasks", _tasks, _TASK_PARAMS, _TASK_FIELDS, "tasks", "nextPageToken"),
    Endpoint("/folders/{id}/tasks", _tasks, _TASK_PARAMS, _TASK_FIELDS | {"finance"}, "tasks", "nextPageToken"),
    Endpoint("/spaces/{id}/tasks", _tasks, _TASK_PARAMS, _TASK_FIELDS, "tasks", "nextPageToken"),
    Endpoint("/tasks/{ids}", _tasks_by_id, _BY_ID, _TASK_IDS_FIELDS, "tasks"),
]
