"""Records of the account's spaces, folders and tasks, with all optional members."""

from __future__ import annotations

from typing import Any

from wrikebackup_mock import ids, texts
from wrikebackup_mock.chance import DAY, day, moment
from wrikebackup_mock.ids import BIN, ROOT
from wrikebackup_mock.parts import Parts

_COLORS = ("Purple1", "Green2", "Red3", "None")
_TASK_GROUPS = ("Active", "Completed", "Deferred", "Cancelled")


class Work:
    """Builds records from indices; holds no record."""

    def __init__(self, parts: Parts) -> None:
        self._shape, self._dice, self._make, self._tree = parts.shape, parts.dice, parts.ids, parts.tree
        self._people, self._catalogue, self._belongings = parts.people, parts.catalogue, parts.belongings
        make, shape, catalogue = parts.ids, parts.shape, parts.catalogue
        self.root = make.classic(ids.FOLDER, ROOT)
        self.bin = make.classic(ids.FOLDER, BIN)
        self._end = shape.end(0)
        self._by_group = {
            group: [status for status, its in catalogue.statuses if its == group] for group in _TASK_GROUPS
        }

    def folder_id(self, folder: int) -> str:
        if folder < 0:
            return self.root if folder == ROOT else self.bin
        return self._tree.folders.id(folder)

    def _updated(self, created: int, roll: int) -> int:
        return max(created, min(self._end, created + (roll >> 40) % (90 * DAY)))

    def _edits(self, index: int) -> int:
        """The last generation that changed this task or folder: those with the numbers 3, 5, 7, …, one in each; 0 for none."""
        number = (index - 1) // 2
        return number if index % 2 and 1 <= number <= self._shape.generation else 0

    # Spaces

    def space(self, index: int) -> dict[str, Any]:
        catalogue, make = self._catalogue, self._make
        record: dict[str, Any] = {
            "id": self.folder_id(index),
            "title": self._folder_title(index),
            "avatarUrl": f"https://www.wrike.com/avatars/space{index}.png",
            "accessType": ("Public", "Private", "Personal", "Locked")[index % 4],
            "archived": index % 6 == 5,
            "guestRoleId": make.classic(ids.ACCESS_ROLE, -4),
            "defaultProjectWorkflowId": catalogue.default_workflow,
            "defaultTaskWorkflowId": catalogue.workflows[1]["id"] if index % 3 == 2 else catalogue.default_workflow,
            "members": [
                {"id": self._people.ids[0], "accessRoleId": make.classic(ids.ACCESS_ROLE, -1), "isManager": True},
                {
                    "id": self._people.groups[index % 3],
                    "accessRoleId": make.classic(ids.ACCESS_ROLE, -2),
                    "isManager": False,
                },
            ],
            "workScheduleId": make.classic(ids.WORK_SCHEDULE, -make.number),
        }
        if index % 2:
            record["description"] = texts.PARAGRAPHS[index % len(texts.PARAGRAPHS)]
        return record

    # Folders

    def _folder_title(self, index: int) -> str:
        awkward = index - self._shape.spaces
        if 0 <= awkward < len(texts.AWKWARD_TITLES):
            return texts.AWKWARD_TITLES[awkward]
        return f"{texts.PLACES[index % len(texts.PLACES)]} {index}"

    def _project(self, index: int, created: int, roll: int) -> dict[str, Any]:
        author = self._people.pick(roll >> 20)
        project: dict[str, Any] = {
            "authorId": author,
            "ownerIds": [author, self._people.active(roll >> 24)] if index % 2 else [author],
            "customStatusId": self._catalogue.statuses[roll % 5][0],
            "createdDate": moment(created),
        }
        if index % 3 == 0:
            project |= {"startDate": day(created // DAY), "endDate": day(created // DAY + 30)}
        return project

    def is_project(self, index: int) -> bool:
        return index >= self._shape.spaces and index % 3 != 0

    def folder_entry(self, index: int) -> dict[str, Any]:
        """The short form that the folder tree has; ROOT and BIN too."""
        children = [self.folder_id(child) for child in self._tree.folder_children(index)]
        if index < 0:
            root = index == ROOT
            return {
                "id": self.folder_id(index),
                "title": "Root" if root else "Recycle Bin",
                "childIds": children,
                "scope": "WsRoot" if root else "RbRoot",
            }
        trashed = self._tree.folders.trashed(index)
        record: dict[str, Any] = {
            "id": self.folder_id(index),
            "title": self._folder_title(index),
            "childIds": children,
            "scope": "RbFolder" if trashed else "WsFolder",
        }
        if index % 4 == 0:
            record["color"] = _COLORS[index // 4 % 4]
        if self.is_project(index):
            record["project"] = self._project(
                index, self._tree.folders.created(index), self._dice.roll("folder", index)
            )
        if self._tree.is_space(index):
            record["space"] = True
        return record

    def folder_updated(self, index: int) -> int:
        """Seconds since 1970."""
        edit = self._edits(index)
        if edit:
            return self._shape.end(edit - 1) + 60
        return self._updated(self._tree.folders.created(index), self._dice.roll("folder", index))

    def folder(self, index: int) -> dict[str, Any]:
        """The full model."""
        tree, people = self._tree, self._people
        roll = self._dice.roll("folder", index)
        created = tree.folders.created(index)
        edit = self._edits(index)
        files = sum(1 for _ in self._belongings.files_on("folder", index))
        paragraph = texts.PARAGRAPHS[roll % len(texts.PARAGRAPHS)] if index % 3 else ""
        entry = self.folder_entry(index)
        record: dict[str, Any] = {
            "id": entry["id"],
            "accountId": self._make.account,
            "title": f"{entry['title']} (edited {edit})" if edit else entry["title"],
            "createdDate": moment(created),
            "updatedDate": moment(self.folder_updated(index)),
            "description": paragraph,
            "briefDescription": texts.brief(paragraph),
            "parentIds": [self.folder_id(parent) for parent in tree.folder_parents(index)],
            "childIds": entry["childIds"],
            "superParentIds": [],
            "sharedIds": [people.groups[0], people.pick(roll >> 8)],
            "scope": entry["scope"],
            "hasAttachments": files > 0,
            "attachmentCount": files,
            "permalink": f"https://www.wrike.com/open.htm?id={tree.folders.number(index)}",
            "workflowId": self._catalogue.default_workflow,
            "metadata": [{"key": "source", "value": "import"}] if index % 11 == 5 else [],
            "customFields": [self._catalogue.value(index, roll)] if index % 2 else [],
            "customColumnIds": self._catalogue.field_ids[:2] if index % 5 == 0 else [],
        }
        for name in ("color", "project", "space"):
            if name in entry:
                record[name] = entry[name]
        if self.is_project(index):
            record["contractType"] = "Billable" if index % 2 else "NonBillable"
            if index % 4 == 1:
                record["customItemTypeId"] = self._catalogue.item_type_ids[3]
        return record

    # Tasks

    def _task_title(self, index: int) -> str:
        if index < len(texts.AWKWARD_TITLES):
            return texts.AWKWARD_TITLES[index]
        return f"{texts.VERBS[index % len(texts.VERBS)]} {texts.THINGS[index // 3 % len(texts.THINGS)]} {index}"

    def _description(self, index: int, roll: int, files: list[int]) -> str:
        text = texts.PARAGRAPHS[roll % len(texts.PARAGRAPHS)] if index % 5 else ""
        if files and index % 2 == 0:
            number = self._belongings.attachments.series.number(files[0])
            text += f'<img src="https://storage.www.wrike.com/filemeta/oriented/F{number}.A{self._make.number}" />'
        return text

    def _dates(self, index: int, created: int) -> dict[str, Any]:
        start = created // DAY + 3
        if index % 4 == 0:
            return {"type": "Backlog"}
        if index % 4 == 1:
            return {"type": "Milestone", "due": f"{day(start)}T17:00:00"}
        due = f"{day(start + 1 + index % 9)}T17:00:00"
        return {"type": "Planned", "duration": 480 * (1 + index % 9), "start": f"{day(start)}T09:00:00", "due": due}

    def task_status(self, index: int) -> str:
        return _TASK_GROUPS[self._dice.roll("task", index) % 9 % 4]

    def task_updated(self, index: int) -> int:
        """Seconds since 1970."""
        edit = self._edits(index)
        if edit:
            return self._shape.end(edit - 1) + 60
        return self._updated(self._tree.tasks.created(index), self._dice.roll("task", index))

    def task(self, index: int) -> dict[str, Any]:
        """The full model."""
        tree, people, belongings, series = self._tree, self._people, self._belongings, self._tree.tasks
        roll = self._dice.roll("task", index)
        created = series.created(index)
        edit = self._edits(index)
        status = _TASK_GROUPS[roll % 9 % 4]
        statuses = self._by_group[status]
        files = list(belongings.files_on("task", index))
        description = self._description(index, roll, files)
        author, someone = people.pick(roll >> 8), people.active(roll >> 16)
        title = self._task_title(index)
        record: dict[str, Any] = {
            "id": series.id(index),
            "accountId": self._make.account,
            "title": f"{title} (edited {edit})" if edit else title,
            "description": description,
            "briefDescription": texts.brief(description),
            "parentIds": [self.folder_id(folder) for folder in tree.task_parents(index)],
            "superParentIds": [self.folder_id(folder) for folder in tree.super_parents(index)],
            "sharedIds": [people.groups[0], author],
            "responsibleIds": [someone] if index % 3 else [],
            "responsiblePlaceholderIds": [],
            "status": status,
            "importance": ("Normal", "High", "Low")[index % 3],
            "createdDate": moment(created),
            "updatedDate": moment(self._shape.end(edit - 1) + 60 if edit else self._updated(created, roll)),
            "dates": self._dates(index, created),
            "scope": "RbTask" if series.trashed(index) else "WsTask",
            "authorIds": [author],
            "customStatusId": statuses[(roll >> 12) % len(statuses)],
        }
        record |= self._task_links(index, files, [people.ids[0], someone] if index % 5 == 0 else [someone])
        record |= self._task_extras(index, roll)
        if status == "Completed":
            record["completedDate"] = record["updatedDate"]
        if index % 9 == 4:
            record["recurrent"] = True
        if index % 6 == 2:
            record["customItemTypeId"] = self._catalogue.item_type_ids[2]
        return record

    def _task_links(self, index: int, files: list[int], followers: list[str]) -> dict[str, Any]:
        """What a task has to do with other things."""
        tree, belongings, series = self._tree, self._belongings, self._tree.tasks
        return {
            "hasAttachments": bool(files),
            "attachmentCount": len(files),
            "permalink": f"https://www.wrike.com/open.htm?id={series.number(index)}",
            "priority": f"{index:08x}00000000000000",
            "followedByMe": index % 5 == 0,
            "followerIds": followers,
            "superTaskIds": [series.id(upper) for upper in tree.supers(index)],
            "subTaskIds": [series.id(sub) for sub in tree.subs(index)],
            "dependencyIds": [belongings.dependency_id(each) for each in belongings.dependencies_of(index)],
        }

    def _task_extras(self, index: int, roll: int) -> dict[str, Any]:
        return {
            "metadata": [{"key": "ticket", "value": f"T-{index}"}] if index % 10 == 7 else [],
            "customFields": [self._catalogue.value(index, roll), self._catalogue.value(index + 1, roll >> 4)],
            "billingType": "Billable" if index % 2 else "NonBillable",
            "effortAllocation": {"mode": "Basic", "totalEffort": 480, "allocatedEffort": 480}
            if index % 4
            else {"mode": "None"},
            "workScheduleId": self._make.classic(ids.WORK_SCHEDULE, -self._make.number),
        }
