"""The tables of the account's BI export. Names: the API reference as far as it gives them; the others are ours, in its manner."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from wrikebackup_core import Kind
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.hidden import Hidden, hidden

__all__ = ["SCHEMA", "VERSIONS", "csv_of", "schema"]

VERSIONS = ("V3", "V2", "V1", "V0")
"""Of the schema; a server may know fewer than its documentation names."""

_COLUMNS = {
    "attachment_file": "attachment_file_api_id:String attachment_file_id:Number attachment_file_name:String"
    " attachment_file_size_bytes:Number work_id:Number>work_item user_id:Number>user when_added:Date",
    "audit_log": "audit_log_id:Number audit_log_operation:String audit_log_object_id:Number audit_log_object_title:String"
    " user_id:Number>user when_happened:Date",
    "group": "group_id:Number group_name:String",
    "group_to_user": "group_id:Number>group user_id:Number>user",
    "user": "user_id:Number first_name:String last_name:String user_email:String user_title:String is_deleted:Boolean",
    "work_assignee": "work_id:Number>work_item user_id:Number>user",
    "work_custom_field_history": "work_id:Number>work_item custom_field_id:Number old_custom_field_value:String"
    " new_custom_field_value:String user_id:Number>user change_datetime:Date",
    "work_description": "work_id:Number>work_item description:String",
    "work_graph": "work_id:Number>work_item parent_work_id:Number",
    "work_item": "work_id:Number work_title:String work_type:String author_user_id:Number work_status:String when_created:Date"
    " when_changed:Date",
    "work_timelog": "timelog_id:Number work_id:Number>work_item user_id:Number>user timelog_hours:Number tracked_date:Date"
    " timelog_comment:String",
    "work_workflow_stage_history": "work_id:Number>work_item old_workflow_stage_id:Number new_workflow_stage_id:Number"
    " user_id:Number>user change_datetime:Date",
}
_KEYS = {"work_item": "work_id", "user": "user_id", "group": "group_id"}
_Row = tuple[object, ...]


def _column(text: str) -> dict[str, Any]:
    name, _, rest = text.partition(":")
    kind, _, table = rest.partition(">")
    found: dict[str, Any] = {"id": name, "alias": name.replace("_", " ").capitalize(), "dataType": kind}
    if table:
        found["foreignKey"] = {"tableId": table, "columnId": _KEYS[table]}
    return found


SCHEMA: dict[str, dict[str, Any]] = {
    name: {"id": name, "alias": name.replace("_", " ").capitalize(), "columns": [_column(one) for one in text.split()]}
    for name, text in _COLUMNS.items()
}
"""By the table's name, as `GET /data_export_schema` answers it."""


def schema() -> list[dict[str, Any]]:
    return list(SCHEMA.values())


def csv_of(account: MockAccount, name: str, edition: int = 1) -> bytes:
    """A table as Wrike writes it: UTF-8, a first row of column names, and what holds a comma, quote or line break in quotes."""
    rows = _Rows(account, edition).of(name)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(column["id"] for column in SCHEMA[name]["columns"])
    writer.writerows(rows)
    return text.getvalue().encode()


class _Rows:
    """Live things only: nobody outside knows whether Wrike exports what is in the recycle bin."""

    def __init__(self, account: MockAccount, edition: int) -> None:
        self._account, self._edition = account, edition
        self._hidden: Hidden = hidden(account)

    def of(self, name: str) -> Iterator[_Row]:
        makers: dict[str, Callable[[], Iterator[_Row]]] = {
            "attachment_file": self._files,
            "audit_log": self._audit,
            "group": lambda: ((self._number(one["id"]), one["title"]) for one in self._all(Kind.GROUPS)),
            "group_to_user": self._members,
            "user": self._users,
            "work_assignee": self._assignees,
            "work_custom_field_history": self._field_history,
            "work_description": self._descriptions,
            "work_graph": self._graph,
            "work_item": self._items,
            "work_timelog": self._timelogs,
            "work_workflow_stage_history": self._stages,
        }
        return makers[name]()

    def _number(self, id_: str | None) -> int | None:
        parsed = self._account.ids.parse(id_) if id_ else None
        return parsed.number if parsed else None

    def _all(self, kind: Kind) -> Iterator[dict[str, Any]]:
        return self._account.dicts(kind, trashed=False)

    def _work(self) -> Iterator[dict[str, Any]]:
        return chain(self._all(Kind.FOLDERS), self._all(Kind.TASKS))

    def _files(self) -> Iterator[_Row]:
        for one in self._all(Kind.ATTACHMENTS):
            if one["type"] == "Wrike":
                number, author = self._number(one["id"]), self._number(one["authorId"])
                work = self._number(one.get("taskId") or one.get("folderId"))
                yield one["id"], number, one["name"], one["size"], work, author, _date(one["createdDate"])
        yield from self._hidden.files

    def _audit(self) -> Iterator[_Row]:
        for one in self._account.dicts(Kind.AUDIT_LOG):
            title = f"{one['objectName']} (export {self._edition})"
            who, when = self._number(one["userId"]), _date(one["eventDate"])
            yield self._number(one["id"]), one["operation"], self._number(one["objectId"]), title, who, when

    def _members(self) -> Iterator[_Row]:
        for group in self._all(Kind.GROUPS):
            for member in group["memberIds"]:
                yield self._number(group["id"]), self._number(member)

    def _users(self) -> Iterator[_Row]:
        people = self._account.people
        for index in range(people.stranger):
            one = people.contact(index)
            names = (one["firstName"], one["lastName"], one["primaryEmail"], one.get("title", ""))
            yield self._number(one["id"]), *names, "t" if one["deleted"] else "f"

    def _assignees(self) -> Iterator[_Row]:
        for one in self._all(Kind.TASKS):
            for person in one["responsibleIds"]:
                yield self._number(one["id"]), self._number(person)

    def _field_history(self) -> Iterator[_Row]:
        for one in self._all(Kind.TASKS):
            for field in one["customFields"]:
                key, who = self._number(field["id"]), self._number(one["authorIds"][0])
                yield self._number(one["id"]), key, "", field["value"], who, _date(one["updatedDate"])

    def _descriptions(self) -> Iterator[_Row]:
        for one in self._work():
            if one["description"]:
                yield self._number(one["id"]), one["description"] + '\n<p class="end">"quoted", twice</p>'

    def _graph(self) -> Iterator[_Row]:
        for one in self._work():
            for parent in (*one["parentIds"], *one.get("superTaskIds", ())):
                yield self._number(one["id"]), self._number(parent)
        yield from self._hidden.graph

    def _items(self) -> Iterator[_Row]:
        owner = self._number(self._account.people.ids[0])
        for one in self._all(Kind.FOLDERS):
            kind = "Space" if one.get("space") else "Project" if "project" in one else "Folder"
            author = self._number(one["project"]["authorId"]) if "project" in one else owner
            dates = _date(one["createdDate"]), _date(one["updatedDate"])
            yield self._number(one["id"]), one["title"], kind, author, "", *dates
        for one in self._all(Kind.TASKS):
            author, dates = self._number(one["authorIds"][0]), (_date(one["createdDate"]), _date(one["updatedDate"]))
            yield self._number(one["id"]), one["title"], "Task", author, one["status"], *dates
        yield from self._hidden.items

    def _timelogs(self) -> Iterator[_Row]:
        for one in self._all(Kind.TIMELOGS):
            numbers = self._number(one["id"]), self._number(one["taskId"]), self._number(one["userId"])
            yield *numbers, one["hours"], one["trackedDate"], one["comment"]
        yield from self._hidden.timelogs

    def _stages(self) -> Iterator[_Row]:
        first = self._number(self._account.catalogue.statuses[0][0])
        for one in self._all(Kind.TASKS):
            stage = self._number(one["customStatusId"])
            if stage != first:
                who = self._number(one["authorIds"][0])
                yield self._number(one["id"]), first, stage, who, _date(one["updatedDate"])


def _date(moment: str) -> str:
    """`2026-10-07T01:48:56Z` as the export writes it."""
    return moment.replace("T", " ").removesuffix("Z")
