"""Records of comments, files, time logs, dependencies, approvals and the audit log, with all optional members."""

from __future__ import annotations

from typing import Any

from wrikebackup_mock import texts
from wrikebackup_mock.chance import DAY, Timeline, day, moment
from wrikebackup_mock.parts import Parts
from wrikebackup_mock.work import Work

_KIB = 1024


class Activity:
    """Builds records from indices; holds no record."""

    def __init__(self, parts: Parts, work: Work) -> None:
        self._shape, self._dice, self._make, self._tree = parts.shape, parts.dice, parts.ids, parts.tree
        self._people, self._catalogue, self._belongings = parts.people, parts.catalogue, parts.belongings
        self._work, shape = work, parts.shape
        self._audit = Timeline(shape.start, shape.end(0), shape.audit)

    def _owner(self, target: str, index: int) -> tuple[str, str]:
        if target == "task":
            return "taskId", self._tree.tasks.id(index)
        return "folderId", self._work.folder_id(index)

    # Comments

    def is_email(self, index: int) -> bool:
        return index % 11 == 5

    def comment(self, index: int) -> dict[str, Any]:
        series = self._belongings.comments.series
        roll = self._dice.roll("comment", index)
        written = moment(series.created(index))
        mention = self._people.active(roll >> 30)
        text = f'{texts.REMARKS[roll % len(texts.REMARKS)]} <a class="stream-user-id avatar" rel="{mention}">&#64;Name</a> {index}'
        record: dict[str, Any] = {
            "id": series.id(index),
            "authorId": self._people.pick(roll >> 8),
            "text": text,
            "updatedDate": written,
            "createdDate": written,
        }
        key, owner = self._owner(*self._belongings.comments.owner(index))
        record[key] = owner
        files = [self._belongings.attachments.series.id(file) for file in self._belongings.files_on("comment", index)]
        if files:
            record["attachmentIds"] = files
        record["type"] = "Email" if self.is_email(index) else "Regular"
        if self.is_email(index):
            record |= {
                "emailSubject": f"Re: Größe {index} ✉",
                "direction": "Outgoing" if index % 2 else "Incoming",
                "externalRequester": {
                    "id": f"ext-{index}",
                    "email": f"client{index}@example.net",
                    "firstName": "Client",
                },
            }
        return record

    # Attachments

    def file_name(self, index: int) -> str:
        """Of an attachment: all versions of a file have the same."""
        group, local = self._belongings.attachments.series.place(self._belongings.chain(index)[0])
        if group.name in ("live", "bin") and local < len(texts.HOSTILE_NAMES):
            return texts.HOSTILE_NAMES[local]
        word, ending = texts.FILE_WORDS[local % len(texts.FILE_WORDS)], self._file_type(index)[0]
        return f"{word} {local}.{ending}"

    def _file_type(self, index: int) -> tuple[str, str]:
        """Ending and content type."""
        _, local = self._belongings.attachments.series.place(self._belongings.chain(index)[0])
        return texts.FILE_TYPES[local % len(texts.FILE_TYPES)]

    def file_size(self, index: int) -> int:
        """Bytes; -1 for a file that Wrike only links to."""
        group, local = self._belongings.attachments.series.place(index)
        if group.name == "external":
            return -1
        if group.name == "live" and local in texts.EMPTY_FILES:
            return 0
        if self._shape.attachment_size is not None:
            return self._shape.attachment_size
        if group.name == "live" and local == texts.BIG_FILE:
            return 1300 * _KIB + 7
        roll = self._dice.roll("size", index)
        if roll % 100 < 80:
            return 200 + (roll >> 8) % (20 * _KIB)
        return 20 * _KIB + (roll >> 8) % (100 * _KIB)

    def external_url(self, index: int) -> str:
        local = self._belongings.attachments.series.place(index)[1]
        key = f"1NPu0BlX9hrnSZf1OYh9TyFDoJWEYWxXi{local:08d}ABC"
        return texts.EXTERNAL[local % len(texts.EXTERNAL)][1].format(key=key)

    def attachment(self, index: int) -> dict[str, Any]:
        """With the `url` of an external file, without one for a file that Wrike stores: that one would expire."""
        belongings, series = self._belongings, self._belongings.attachments.series
        file = belongings.file(index)
        local = series.place(index)[1]
        roll = self._dice.roll("attachment", index)
        record: dict[str, Any] = {
            "id": series.id(index),
            "authorId": self._people.pick(roll >> 8),
            "name": f"linked document {local}" if file.external else self.file_name(index),
            "createdDate": moment(series.created(index)),
            "version": file.version,
            "type": texts.EXTERNAL[local % len(texts.EXTERNAL)][0] if file.external else "Wrike",
            "contentType": "application/octet-stream" if file.external else self._file_type(index)[1],
            "size": self.file_size(index),
        }
        target, owner = belongings.file_owner(index)
        if target == "comment":
            record["commentId"] = belongings.comments.series.id(owner)
            target, owner = belongings.comments.owner(owner)
        key, text = self._owner(target, owner)
        record[key] = text
        if file.newest != index:
            record["currentAttachmentId"] = series.id(file.newest)
        if file.external:
            record["url"] = self.external_url(index)
            if record["type"] == "Whiteboard":
                record["whiteboardId"] = f"wb-{local}"
            return record
        record["originVersionId"] = series.id(file.first)
        if record["contentType"].startswith("image/"):
            record |= {"width": 1024, "height": 576}
        return record

    # The rest

    def timelog(self, index: int) -> dict[str, Any]:
        series = self._belongings.timelogs.series
        roll = self._dice.roll("timelog", index)
        created = series.created(index)
        record: dict[str, Any] = {
            "id": series.id(index),
            "taskId": self._tree.tasks.id(self._belongings.timelogs.owner(index)[1]),
            "userId": self._people.pick(roll),
            "hours": (roll >> 8) % 33 / 4,
            "createdDate": moment(created),
            "updatedDate": moment(created),
            "trackedDate": day(created // DAY),
            "comment": texts.REMARKS[(roll >> 16) % len(texts.REMARKS)] if index % 2 else "",
            "billingType": "Billable" if index % 3 else "NonBillable",
            "approvalStatus": ("NotSubmitted", "Approved", "Rejected")[index % 3],
            "lockStatus": "Locked" if index % 7 == 3 else "Unlocked",
            "exportStatus": "NotExported",
        }
        if index % 2:
            record["categoryId"] = self._catalogue.categories[index // 2 % 5]["id"]
        return record

    def dependency(self, index: int) -> dict[str, Any]:
        before, after = self._belongings.dependency(index)
        kinds = ("FinishToStart", "StartToStart", "FinishToFinish", "StartToFinish")
        return {
            "id": self._belongings.dependency_id(index),
            "predecessorId": self._tree.tasks.id(before),
            "successorId": self._tree.tasks.id(after),
            "relationType": kinds[index % 4],
            "lagTime": (0, 480, -60)[index % 3],
        }

    def approval(self, index: int) -> dict[str, Any]:
        series = self._belongings.approvals
        status = ("Pending", "Approved", "Rejected", "Draft", "Cancelled")[index % 5]
        when = moment(series.created(index))
        record: dict[str, Any] = {
            "id": series.id(index),
            "taskId": self._tree.tasks.id(self._belongings.approval_task(index)),
            "authorId": self._people.pick(index),
            "title": f"Freigabe {index}",
            "description": "Bitte prüfen ✔",
            "updatedDate": when,
            "dueDate": day(series.created(index) // DAY + 7),
            "decisions": [
                {"approverId": self._people.pick(index + 1), "comment": "", "status": status, "updatedDate": when}
            ],
            "type": "Regular",
            "autoFinishOnApprove": index % 2 == 0,
            "autoFinishOnReject": False,
            "finished": status in ("Approved", "Rejected"),
            "status": status,
            "reviewId": f"review-{index}",
        }
        if record["finished"]:
            record["finisherId"] = self._people.pick(index + 1)
        return record

    def audit(self, index: int) -> dict[str, Any]:
        roll = self._dice.roll("audit", index)
        person = roll % self._people.living
        task = index % self._shape.tasks
        return {
            "id": self._make.audit(5_991_664_000 + index),
            "operation": ("TaskCreated", "TaskDeleted", "AttachUploaded", "UserLoggedIn", "AccountBackupCreated")[
                index % 5
            ],
            "userId": self._people.ids[person],
            "userEmail": self._people.email(person),
            "eventDate": moment(self._audit.at(index)),
            "ipAddress": f"192.0.2.{index % 254 + 1}",
            "objectType": "Task",
            "objectName": texts.THINGS[index % len(texts.THINGS)],
            "objectId": self._tree.tasks.id(task),
            "details": {"Origin": "Web"},
        }

    def audit_at(self, index: int) -> int:
        return self._audit.at(index)
