"""What an account is set up with: workflows, custom fields, item types, time log categories, blueprints."""

from __future__ import annotations

from typing import Any

from wrikebackup_mock import ids
from wrikebackup_mock.chance import moment
from wrikebackup_mock.ids import Ids
from wrikebackup_mock.shape import Shape

_FIELD_TYPES = (
    "Text", "DropDown", "Numeric", "Currency", "Percentage", "Date", "Duration", "Checkbox", "Contacts", "Multiple",
    "CalculatedNumeric", "CalculatedDate", "LinkToDatabase",
)  # fmt: skip
_GROUPS = ("Active", "Active", "Completed", "Deferred", "Cancelled")
_COLORS = ("Blue", "Turquoise", "Green", "Gray", "Red")


class Catalogue:
    """Everything here is small and built at once. `space_ids` are ids of the spaces, in order."""

    def __init__(self, make: Ids, shape: Shape, space_ids: list[str]) -> None:
        self._make, self._shape, self._spaces = make, shape, space_ids
        number = make.number
        self.default_workflow = make.classic(ids.WORKFLOW, -number)
        self.account_workflows = [
            self._workflow(-number, "Default Workflow", 0, standard=True),
            self._workflow(7_001, "Согласование", 1, standard=False),
            self._workflow(7_002, "Old & hidden", 2, standard=False) | {"hidden": True},
        ]
        self.space_workflows = {1: [self._workflow(7_003, "Only in this space", 3, standard=False)]}
        every = [*self.account_workflows, *self.space_workflows[1]]
        self.workflows = every
        self.statuses = [(status["id"], status["group"]) for each in every for status in each["customStatuses"]]
        self.custom_fields = [self._field(index, kind) for index, kind in enumerate((*_FIELD_TYPES, "Text", "Numeric"))]
        self.field_ids = [field["id"] for field in self.custom_fields]
        self.item_types = [self._item_type(index) for index in range(6)]
        self.item_type_ids = [kind["id"] for kind in self.item_types]
        self.categories = [
            {"id": make.classic(ids.CATEGORY, 300 + index), "name": name, "order": index, "hidden": index == 4}
            for index, name in enumerate(("Design", "Entwicklung", "会議", "Support", "Retired"))
        ]

    def _workflow(self, number: int, name: str, place: int, *, standard: bool) -> dict[str, Any]:
        statuses = []
        for index, group in enumerate(_GROUPS):
            builtin = standard and group == "Active" and index == 0, standard and group == "Completed"
            value = 0 if builtin[0] else 1 if builtin[1] else 5_000 + place * 10 + index
            status = {
                "id": self._make.classic(ids.STATUS, value),
                "name": ("New", "In Progress", "Completed", "On Hold", "Cancelled")[index],
                "standardName": standard,
                "color": _COLORS[index],
                "standard": standard,
                "group": group,
                "hidden": place == 1 and index == 4,
            }
            statuses.append(status)
        return {
            "id": self._make.classic(ids.WORKFLOW, number),
            "name": name,
            "standard": standard,
            "hidden": False,
            "customStatuses": statuses,
        }

    def _field(self, index: int, kind: str) -> dict[str, Any]:
        settings: dict[str, Any] = {"inheritanceType": ("All", "Tasks", "Projects", "Folders")[index % 4]}
        if kind in ("DropDown", "Multiple"):
            values = ["Low", "Mittel", "高い", ""]
            settings |= {"values": values, "options": [{"value": value, "color": "Green"} for value in values]}
            settings["allowOtherValues"] = kind == "Multiple"
        if kind in ("Numeric", "Currency", "Percentage"):
            settings |= {"decimalPlaces": 2, "useThousandsSeparator": True, "aggregation": "Sum"}
        if kind == "Currency":
            settings["currency"] = "EUR"
        record: dict[str, Any] = {
            "id": self._make.classic(ids.CUSTOM_FIELD, 11_586_000 + index),
            "accountId": self._make.account,
            "title": f"{kind} {'für alle' if index % 2 else '項目'} {index}",
            "type": kind,
            "sharedIds": [],
            "settings": settings,
        }
        if index == 13:
            record |= {"spaceId": self._spaces[1]}
        if index == 14:
            record |= {"archived": True, "archivedOn": moment(self._shape.end(0) - 90_000)}
        return record

    def _item_type(self, index: int) -> dict[str, Any]:
        record: dict[str, Any] = {
            "id": self._make.classic(ids.ITEM_TYPE, 90 + index),
            "title": ("Task", "Project", "Bug 🐞", "Кампания", "Only here", "Deleted type")[index],
            "description": "",
            "relatedType": "Project" if index in (1, 3) else "Task",
            "icon": "task",
            "customFieldIds": self.field_ids[index : index + 2],
            "isDeleted": index == 5,
        }
        if index == 4:
            record["spaceId"] = self._spaces[1]
        return record

    def value(self, index: int, roll: int) -> dict[str, str]:
        """A value of a custom field on an item; always text."""
        field = self.custom_fields[index % len(self.custom_fields)]
        kind = field["type"]
        values = {"Numeric": "8000", "Currency": "12.50", "Percentage": "7", "Checkbox": "true", "Date": "2025-03-01"}
        return {"id": field["id"], "value": values.get(kind, ("Low", "Mittel", "高い", "")[roll % 4])}

    def blueprints(self, letter: str) -> list[dict[str, Any]]:
        """Of folders or of tasks, by the letter of their ids."""
        made = [self._make.classic(letter, 40 + index) for index in range(4)]
        return [
            {
                "id": text,
                "title": f"Vorlage {index} 📐",
                "childIds": made[1:3] if index == 0 else [],
                "scope": "BpFolder" if letter == ids.FOLDER_BLUEPRINT else "BpTask",
                "permalink": f"https://www.wrike.com/open.htm?id={8_000_000 + index + ord(letter) * 100}",
            }
            for index, text in enumerate(made)
        ]
