"""Derive the archive of a large account: our tasks.json and zip against plain `json` and `zipfile` on the same records.

    python benchmarks/derive.py [TASKS]

Prints seconds, the size of the zip and the peak of resident memory for each way, and the ratio. Both ways run in a process of their
own and generate the records as they go; what the generating costs is measured alone and taken off both.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from base64 import b32encode, urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from wrikebackup_core.format.archive import zip_stream
from wrikebackup_core.format.official import Item, tasks
from wrikebackup_core.model import AttachmentMode, Record

_ACCOUNT = 4216
_TASKS = 1_000_000
_TEXT = 1400  # characters of a description, on average


def _words(chance: random.Random) -> str:
    """Prose-like text: words of a vocabulary in which some are far more frequent than others, and a little markup."""
    letters = "etaoinshrdlucmfwypvbgk"
    vocabulary = ["".join(chance.choices(letters, k=chance.randint(2, 11))) for _ in range(8000)] + [
        "größe",
        "naïve",
        "日程",
    ]
    weights = [1 / (rank + 3) for rank in range(len(vocabulary))]
    words = chance.choices(vocabulary, weights, k=300_000)
    return " ".join(word + "<br />" * (not chance.randrange(40)) for word in words)


def _classic(letter: str, number: int) -> str:
    return b32encode(b"A" + _ACCOUNT.to_bytes(4, "big") + letter.encode() + number.to_bytes(4, "big")).decode()


def items(count: int) -> Iterator[Item]:
    """Tasks of some 1.8 KB; a third with comments, a fifth with attachments, a fifth with time logs."""
    chance = random.Random(2026)
    text = _words(chance)
    room = len(text) - 4000
    for n in range(count):
        number = 4_392_000_000 + n
        id_ = urlsafe_b64encode(b"0" + number.to_bytes(8, "big")).decode()
        at = chance.randrange(room)
        day = f"2026-{1 + n % 12:02}-{1 + n % 28:02}T{n % 24:02}:{n % 60:02}:{n % 59:02}Z"
        body = (
            f'{{"id":"{id_}","accountId":"IEAAAEDY","title":"{text[at : at + 40]}","description":"{text[at : at + _TEXT - 600 + n % 1200]}",'
            f'"briefDescription":"{text[at : at + 60]}","parentIds":["MQAAAAEQ_HoI"],"superParentIds":[],"sharedIds":["KX7WCEJZ","KUAZR5CO"],'
            f'"responsibleIds":["KUAZR5CO"],"status":"Active","importance":"Normal","createdDate":"{day}","updatedDate":"{day}",'
            f'"dates":{{"type":"Backlog"}},"scope":"WsTask","authorIds":["KUAZR5CO"],"customStatusId":"IEAG5DAKJMHVMQW2",'
            f'"permalink":"https://www.wrike.com/open.htm?id={number}","priority":"01b89400800000000000b800","superTaskIds":[],"subTaskIds":[]}}'
        )
        comments = [
            f'{{"id":"{_classic("C", n)}","authorId":"KUAZR5CO","text":"{text[at + c : at + c + 90]}","createdDate":"{day}","taskId":"{id_}"}}'
            for c in range(chance.choice((0, 0, 0, 0, 1, 3)))
        ]
        attachments = [
            f'{{"id":"{_classic("F", n)}","authorId":"KUAZR5CO","name":"plan {n}.pdf","createdDate":"{day}","version":1,"type":"Wrike",'
            f'"contentType":"application/pdf","size":102400,"taskId":"{id_}"}}'
            for _ in range(n % 5 == 0)
        ]
        timelogs = [
            f'{{"id":"{_classic("L", n)}","taskId":"{id_}","userId":"KUAZR5CO","hours":1.5,"createdDate":"{day}","updatedDate":"{day}",'
            f'"trackedDate":"2026-10-08","comment":"{text[at : at + 30]}"}}'
            for _ in range(n % 5 == 1)
        ]
        yield Item(number, _record(body), _records(comments), _records(attachments), _records(timelogs))


def _record(text: str) -> Record:
    return Record(text.encode())


def _records(texts: list[str]) -> list[Record]:
    return [_record(text) for text in texts]


def generate(count: int, _: Path) -> None:
    """Only what both ways have in common."""
    for _item in items(count):
        pass


def derive(count: int, path: Path) -> None:
    """Our way."""
    members = [("tasks.json", tasks(items(count), AttachmentMode.LATEST, print), None)]
    with path.open("wb") as file:
        for chunk in zip_stream(members, datetime(2026, 11, 23, tzinfo=UTC)):
            file.write(chunk)


def plain(count: int, path: Path) -> None:
    """What one would write first: everything into a list, then `json` and `zipfile`."""
    rows = [_plain_task(item) for item in items(count)]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        archive.writestr("tasks.json", json.dumps(rows))


def _plain_task(item: Item) -> dict[str, object]:
    task = json.loads(item.body)
    comments = [json.loads(comment) for comment in item.comments]
    attachments = [json.loads(attachment) for attachment in item.attachments]
    timelogs = [json.loads(timelog) for timelog in item.timelogs]
    return {
        "id": item.number,
        "title": task["title"],
        "author": task["authorIds"][0],
        "dateCreated": task["createdDate"].replace("T", " ").rstrip("Z"),
        "description": task["description"],
        "shared": task["sharedIds"],
        "comments": [
            {"body": one["text"], "author": one["authorId"], "dateCreated": one["createdDate"]} for one in comments
        ],
        "attachments": [
            {"contentType": one["contentType"], "version": one["version"], "apiId": one["id"], "name": one["name"]}
            for one in attachments
        ],
        "googleDocs": [],
        "timeLogs": [{"user": one["userId"], "hours": one["hours"], "comment": one["comment"]} for one in timelogs],
    }


_WAYS = {"generate": generate, "derive": derive, "plain": plain}


def _peak() -> int:
    """Peak resident bytes of this process; 0 where the system does not say."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    lines = status.read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def _measure(way: str, count: int, path: Path) -> tuple[float, int]:
    """Seconds, and peak resident bytes, of one way in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, str(count), way, os.fspath(path)], check=True, capture_output=True, text=True
    )
    seconds, peak = done.stdout.split()[-2:]
    return float(seconds), int(peak)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else _TASKS
    if len(sys.argv) > 2:
        begun = time.perf_counter()
        _WAYS[sys.argv[2]](count, Path(sys.argv[3]))
        print(time.perf_counter() - begun, _peak())
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "archive.zip")
        generating, _ = _measure("generate", count, path)
        print(f"{count:,} tasks; generating them alone takes {generating:.1f} s, taken off below")
        net = {}
        for way in ("derive", "plain"):
            seconds, peak = _measure(way, count, path)
            net[way] = seconds - generating
            print(f"{way:8} {net[way]:7.1f} s  {peak / 1e6:7.0f} MB resident  zip {path.stat().st_size / 1e6:7.1f} MB")
        print(f"derive: {net['plain'] / net['derive']:.1f} times as fast")


if __name__ == "__main__":
    main()
