"""The people and groups of the account, and the roles that they have."""

from __future__ import annotations

from typing import Any

from wrikebackup_mock import ids, texts
from wrikebackup_mock.chance import DAY, Dice, moment
from wrikebackup_mock.ids import Ids
from wrikebackup_mock.shape import Shape

_FIRST_PERSON = 7_000_123
_FIRST_GROUP = -9_164_115
_TYPES = {3: "Robot", 4: "Asset"}


class People:
    """Index: the living, then the deleted, then one stranger who is in no list and answers to `/contacts/{id}` only."""

    def __init__(self, make: Ids, shape: Shape, dice: Dice) -> None:
        self._make, self._shape, self._dice = make, shape, dice
        self.living = shape.people
        self.deleted = range(shape.people, shape.people + shape.deleted_people)
        self.stranger = self.deleted.stop
        self.ids = [make.person(_FIRST_PERSON + index) for index in range(self.stranger + 1)]
        self.groups = [make.person(_FIRST_GROUP - index) for index in range(shape.groups)]
        self._where = {text: index for index, text in enumerate(self.ids)}
        self._group_where = {text: index for index, text in enumerate(self.groups)}

    def pick(self, roll: int) -> str:
        """Id of whoever wrote something: also of the deleted, now and then of the stranger."""
        return self.ids[roll % len(self.ids)]

    def active(self, roll: int) -> str:
        return self.ids[roll % self.living]

    def find(self, text: str) -> int | None:
        return self._where.get(text)

    def find_group(self, text: str) -> int | None:
        return self._group_where.get(text)

    def name(self, index: int) -> str:
        return texts.FIRST_NAMES[index % len(texts.FIRST_NAMES)]

    def email(self, index: int) -> str:
        return f"person{index}@example.com"

    def contact(self, index: int) -> dict[str, Any]:
        """With all optional members."""
        roll = self._dice.roll("person", index)
        gone = index in self.deleted
        record: dict[str, Any] = {
            "id": self.ids[index],
            "firstName": self.name(index),
            "lastName": texts.LAST_NAMES[index % len(texts.LAST_NAMES)],
            "type": _TYPES.get(index, "Person"),
            "profiles": [
                {
                    "accountId": self._make.account,
                    "email": self.email(index),
                    "role": "Collaborator" if index % 5 == 2 else "User",
                    "external": index % 5 == 2 or index == self.stranger,
                    "admin": index in (0, 1),
                    "owner": index == 0,
                    "active": not gone,
                }
            ],
            "avatarUrl": f"https://www.wrike.com/avatars/{roll % 4096:x}.png",
            "timezone": ("Europe/Berlin", "US/Pacific", "Asia/Tokyo")[index % 3],
            "locale": ("en", "de", "ja")[index % 3],
            "deleted": gone,
        }
        if index == 0:
            record["me"] = True
        if index % 4 == 1:
            record |= {"title": "Engineer", "companyName": "Acme & Söhne", "phone": "+49 30 1234", "location": "Berlin"}
        record["primaryEmail"] = self.email(index)
        record["metadata"] = [{"key": "origin", "value": f"hr-{index}"}] if index % 7 == 0 else []
        record["customFields"] = []
        record["workScheduleId"] = self._make.classic(ids.WORK_SCHEDULE, -self._make.number)
        if index % 3 == 0:
            record["jobRoleId"] = self._make.classic(ids.JOB_ROLE, 500 + index % 6)
        return record

    def group_contact(self, index: int) -> dict[str, Any]:
        group = self.group(index)
        return {
            "id": group["id"],
            "firstName": group["title"],
            "lastName": "",
            "type": "Group",
            "profiles": [
                {
                    "accountId": self._make.account,
                    "role": "User",
                    "external": False,
                    "admin": False,
                    "owner": False,
                    "active": True,
                }
            ],
            "avatarUrl": group["avatarUrl"],
            "timezone": "Europe/Berlin",
            "locale": "en",
            "deleted": False,
            "memberIds": group["memberIds"],
            "myTeam": group["myTeam"],
            "metadata": group["metadata"],
            "customFields": [],
        }

    def group(self, index: int) -> dict[str, Any]:
        """Group 0 is everybody; the others are nested, two below each."""
        members = self.ids[: self.living] if index == 0 else self.ids[index : self.living : len(self.groups)]
        return {
            "id": self.groups[index],
            "accountId": self._make.account,
            "title": texts.TEAMS[index % len(texts.TEAMS)],
            "memberIds": members if index != len(self.groups) - 1 else [],
            "childIds": self.groups[index * 2 + 1 : index * 2 + 3],
            "parentIds": [self.groups[(index - 1) // 2]] if index else [],
            "avatarUrl": f"https://www.wrike.com/avatars/group{index}.png",
            "myTeam": index == 0,
            "metadata": [{"key": "sync", "value": "on"}] if index == 1 else [],
        }

    def invitations(self) -> list[dict[str, Any]]:
        """One of each status and more."""
        found = []
        for index in range(max(4, self._shape.people // 20)):
            status = ("Pending", "Accepted", "Declined", "Cancelled")[index % 4]
            record = {
                "id": self._make.classic(ids.INVITATION, 22_000_000 + index),
                "accountId": self._make.account,
                "firstName": texts.FIRST_NAMES[index % len(texts.FIRST_NAMES)],
                "email": f"guest{index}@example.org",
                "status": status,
                "inviterUserId": self.active(index),
                "invitationDate": moment(self._shape.start + index * DAY),
                "role": "Collaborator" if index % 2 else "User",
                "external": bool(index % 2),
            }
            if status != "Pending":
                record["resolvedDate"] = moment(self._shape.start + index * DAY + 3600)
            found.append(record)
        return found

    def access_roles(self) -> list[dict[str, Any]]:
        names = ("Full", "Editor", "Limited", "Read only")
        found = [
            {"id": self._make.classic(ids.ACCESS_ROLE, -1 - place), "title": name, "description": f"{name} access"}
            for place, name in enumerate(names)
        ]
        return [*found, {"id": self._make.classic(ids.ACCESS_ROLE, 1201), "title": "Prüfer", "description": ""}]

    def job_roles(self) -> list[dict[str, Any]]:
        return [
            {
                "id": self._make.classic(ids.JOB_ROLE, 500 + index),
                "title": title,
                "shortTitle": title[:2].upper(),
                "avatarUrl": f"https://www.wrike.com/avatars/role{index}.png",
                "isDeleted": index == 5,
            }
            for index, title in enumerate(("Designer", "Entwickler", "Юрист", "編集者", "Lead", "Intern"))
        ]
