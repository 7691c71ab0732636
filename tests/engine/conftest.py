"""A source that does what a test's script says, and jobs made of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import pytest

from tests.age.conftest import key, other  # noqa: F401 - fixtures
from wrikebackup_core import (
    Account,
    Attachment,
    AttachmentMode,
    Check,
    Crawled,
    Event,
    Export,
    Gap,
    Interrupted,
    Kind,
    NotFound,
    NotOffered,
    Page,
    Record,
    Sink,
    Transform,
)
from wrikebackup_core.engine.copying import Copied, CopyJob, copy
from wrikebackup_core.engine.job import Job
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.testing import MemorySink

ACCOUNT = Account("IEAAAEDY", "Acme")


class Cut:
    """Bytes that break off after a while."""

    def __init__(self, data: bytes, start: int, until: int | None, size: int | None) -> None:
        self._data, self._at, self.start, self._until = data, start, start, until
        self.size = size

    def read(self, size: int = -1, /) -> bytes:
        if self._until is not None and self._at >= self._until:
            raise Interrupted("the connection broke")
        end = len(self._data) if size < 0 else min(len(self._data), self._at + size)
        end = end if self._until is None else min(end, self._until)
        piece = self._data[self._at : end]
        self._at = end
        return piece

    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None: ...


class ScriptedSource:
    """A Source over lists. `refuse`, `fail_at` and `cut` are the script; `asked` counts what was asked for."""

    def __init__(self) -> None:
        self.listing: dict[Kind, list[dict[str, Any]]] = {kind: [] for kind in Kind}
        self.files: dict[str, bytes] = {}
        self.refuse: dict[Kind, Exception] = {}
        self.fail_at: dict[tuple[Kind, int], Exception] = {}
        self.lost: dict[str, Exception] = {}
        self.cut: dict[str, list[int]] = {}
        self.ranges = True
        self.page_size = 2
        self.recycled: list[str] = []
        self.page_gaps: dict[Kind, list[Gap]] = {}
        self.asked: Counter[str] = Counter()
        self.before_download: Callable[[str], None] = lambda _: None
        self.listing[Kind.ACCOUNT] = [{"id": ACCOUNT.id, "name": ACCOUNT.name}]
        self.listing[Kind.CONTACTS] = [
            {"id": "KUAAAAAB", "firstName": "Ada", "lastName": "L", "type": "Person", "profiles": []}
        ]

    def task(self, number: int, **more: Any) -> str:
        from wrikebackup_core.format import ids

        id_ = f"T{number:07d}"
        assert ids.number(id_) is None  # the permalink is what tells the number
        self.listing[Kind.TASKS].append(
            {
                "id": id_,
                "title": f"Task {number}",
                "permalink": f"https://www.wrike.com/open.htm?id={number}",
                "createdDate": "2026-10-07T01:48:56Z",
                "scope": "WsTask",
                "authorIds": ["KUAAAAAB"],
                "sharedIds": [],
            }
            | more
        )
        return id_

    def attach(self, id_: str, name: str, data: bytes, task: str, **more: Any) -> None:
        self.listing[Kind.ATTACHMENTS].append(
            {
                "id": id_,
                "name": name,
                "size": len(data),
                "type": "Wrike",
                "version": 1,
                "taskId": task,
                "contentType": "application/octet-stream",
                "createdDate": "2026-10-07T01:48:57Z",
            }
            | more
        )
        self.files[id_] = data

    def account(self) -> Account:
        self.asked["account"] += 1
        return ACCOUNT

    def waves(self) -> Sequence[Sequence[Kind]]:
        return [[kind for kind in Kind if kind is not Kind.COMMENTS], [Kind.COMMENTS]]

    def pages(self, kind: Kind, wave: int, crawled: Crawled, cursor: str | None) -> Iterator[Page]:
        if kind in self.refuse:
            raise self.refuse[kind]
        records = self.listing[kind]
        for start in range(int(cursor or 0), len(records), self.page_size):
            if (kind, start) in self.fail_at:
                raise self.fail_at.pop((kind, start))
            self.asked[f"{kind}:{start}"] += 1
            end = start + self.page_size
            gaps = self.page_gaps.get(kind, []) if end >= len(records) else []
            recycled = self.recycled if kind is Kind.COMMENTS else []
            yield Page(
                [Record(json.dumps(record).encode()) for record in records[start:end]],
                str(end),
                gaps=gaps,
                recycled=recycled,
            )

    def open_attachment(self, attachment: Attachment, offset: int = 0) -> Cut:
        self.asked[f"file:{attachment.id}"] += 1
        self.before_download(attachment.id)
        if attachment.id in self.lost:
            raise self.lost[attachment.id]
        if attachment.id not in self.files:
            raise NotFound(f"no attachment {attachment.id}")
        data = self.files[attachment.id]
        cuts = self.cut.get(attachment.id) or [None]
        return Cut(data, offset if self.ranges else 0, cuts.pop(0), len(data))  # type: ignore[arg-type]

    def export(self, max_age: timedelta | None = None, wait: timedelta = timedelta()) -> Export:
        raise NotOffered("no BI export")

    def export_edition(self) -> str:
        raise NotOffered("no BI export")

    def checks(self) -> Iterator[Check]:
        yield Check("account", True, "scripted")

    def close(self) -> None: ...


@pytest.fixture
def source() -> ScriptedSource:
    source = ScriptedSource()
    for number in range(1, 6):
        source.task(number)
    source.attach("IEAAAEDYIYAAAAAB", "one.txt", b"first", "T0000001")
    source.attach("IEAAAEDYIYAAAAAC", "two.bin", bytes(range(256)) * 20, "T0000002")
    source.attach("IEAAAEDYIYAAAAAD", "empty", b"", "T0000003")
    return source


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def make_job(tmp_path: Path, source: ScriptedSource) -> Callable[..., Job]:
    def make(
        *sinks: Sink,
        mode: AttachmentMode = AttachmentMode.LATEST,
        transforms: Sequence[Transform] = (),
        fingerprint: str = "same",
        plugins: Plugins | None = None,
        skip: frozenset[Kind] = frozenset(),
    ) -> Job:
        return Job(
            name="test",
            source=source,
            source_kind="scripted",
            sinks=sinks or (MemorySink("a"),),
            state=tmp_path / "state",
            plugins=plugins or Plugins(),
            transforms=transforms,
            attachments=mode,
            skip=skip,
            transfers=4,
            fingerprint=fingerprint,
        )

    return make


# Of copies


@pytest.fixture
def job(tmp_path: Path, source: MemorySink) -> Callable[..., CopyJob]:
    """From the sink `source` of the test's own file."""

    def make(*targets: Any, **more: Any) -> CopyJob:
        given: dict[str, Any] = {"source": source, "state": tmp_path / "state", "plugins": Plugins(), "transfers": 4}
        return CopyJob(targets=targets, **(given | more))

    return make


@pytest.fixture
def run(job: Callable[..., CopyJob], events: list[Event]) -> Callable[..., Copied]:
    return lambda *targets, **more: copy(job(*targets, **more), events.append)
