"""Backups to drill: with real files in folders of this host, and what a drill makes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.restore.backups import ADA, SUFFIX, Mask, account, file, folder, local, masked, task
from tests.verify.sample import Sample
from wrikebackup_core.decoding import Decoding
from wrikebackup_core.engine.drill import Drilled, DrillJob, Extent, drill
from wrikebackup_core.model import Event
from wrikebackup_core.ports import Sink

OLD, NEW = "20260901T153000Z-aaaaaa", "20261101T153000Z-bbbbbb"
EVERYTHING = Extent(None, None, None)


def sample(uid: str = NEW, *, encoded: bool = False) -> Sample:
    """Two folders, eight tasks with a comment each, nine files of several kinds, sizes and ages, and a table."""
    permalink = "https://www.wrike.com/open.htm?id="
    folders = [
        folder("F1", "Plans", "F2", permalink=f"{permalink}501"),
        folder("F2", "Old", permalink=f"{permalink}502"),
    ]
    tasks = [
        task(f"T{at}", f"Task *{at}*", "F1", permalink=f"{permalink}{100 + at}", description=f"<b>do</b> {at}")
        for at in range(8)
    ]
    files = [
        (file(f"A{at}", f"file {at}.{'pdf' if at % 2 else 'txt'}", bytes([at]) * 10**at_size, taskId=f"T{at % 8}"), at)
        for at, at_size in enumerate((0, 1, 2, 3, 4, 5, 2, 2, 2))
    ]
    comments = [{"id": f"C{at}", "taskId": f"T{at}", "authorId": ADA, "text": f"said {at}"} for at in range(8)]
    made = account(
        folders,
        tasks,
        [(record, bytes([at]) * record["size"]) for record, at in files],
        comments=comments,
    )
    made.uid, made.artifacts = uid, {"table.csv": b"a,b\n1,2\n" * 50}
    if encoded:
        made.suffix, made.encoded = SUFFIX, masked
    return made


def job(*sinks: Sink, key: bool | None = True, **more: Any) -> DrillJob:
    """`key`: whether it fits; None for none at hand."""

    def decoding(manifest: Any) -> Decoding | None:
        encoded = any(one.get("suffix") or one.get("kind") == "encrypt" for one in manifest.transforms)
        if not encoded:
            return Decoding()
        return None if key is None else Decoding([Mask(key=key)])

    return DrillJob(sinks, local, 7, decoding, **{"extent": EVERYTHING, "transfers": 4, **more})


def drilled(*sinks: Sink, notify: Callable[[Event], None] = lambda _: None, **more: Any) -> list[Drilled]:
    return drill(job(*sinks, **more), notify)


def held(sink: Sink) -> dict[str, bytes]:
    """All that is in a sink, byte for byte."""
    found = {}
    for entry in sink.list(""):
        with sink.open(entry.key) as reader:
            found[entry.key] = reader.read()
    return found


def replaced(sink: Sink, key: str, data: bytes | None) -> None:
    sink.delete([key])
    if data is not None:
        writer = sink.create(key)
        writer.write(data)
        writer.commit()


def leftovers(root: Path) -> Sequence[Path]:
    return sorted(root.glob("wrikebackup-drill-*"))
