"""The crawl of a large account compared with what its BI export told: seconds and peak of resident memory.

    python benchmarks/coverage.py [TASKS]

A spool with so many tasks of some 1.8 KB and as many rows of the export is made first, which is not measured. One task in a hundred is in
a space that the crawl has not, one in a thousand is in the crawl alone. The comparison runs in a process of its own: differences, the
space of each, the report. A second one does the same with a second listing in the place of the export.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from derive import items

from wrikebackup_core.engine.coverage.stage import cover
from wrikebackup_core.engine.coverage.told import Told
from wrikebackup_core.format import ids
from wrikebackup_core.model import CoverageMode, Kind, Record
from wrikebackup_core.ports import Listed, Page
from wrikebackup_core.spool import Spool
from wrikebackup_core.staged import batches
from wrikebackup_core.witnesses import Part, Seen

TARGET, MEMORY = 10, 120  # seconds, MB
_TASKS = 1_000_000
_FIRST = 4_392_000_000
_FOLDERS, _SPACES, _HIDDEN = 50_000, 200, 10
_FOLDER = 3_000_000_000
_STARTED = datetime(2027, 1, 1, tzinfo=UTC)


def _folder(number: int) -> Record:
    id_ = f"F{number}"
    return Record(
        f'{{"id":"{id_}","permalink":"https://www.wrike.com/open.htm?id={number}","scope":"WsFolder"}}'.encode()
    )


def make(path: Path, count: int) -> None:
    """The spool of a run that has crawled so many tasks, and heard of one in a hundred more."""
    spool = Spool(path)
    told = Told(spool)
    for batch in batches(islice(items(count), count), 1000):
        spool.add(Kind.TASKS, 0, Page([item.body for item in batch]))
    for numbers in batches(range(_FOLDER, _FOLDER + _FOLDERS), 1000):
        spool.add(Kind.FOLDERS, 0, Page(list(map(_folder, numbers))))
    told.begin("edition", datetime(2026, 12, 31, tzinfo=UTC))
    told.start(Part.ITEMS)
    hidden = range(_FOLDER + _FOLDERS, _FOLDER + _FOLDERS + _HIDDEN)
    spaces = [*range(_FOLDER, _FOLDER + _SPACES), *hidden]
    told.add(Part.ITEMS, [Seen(number, Kind.SPACES, f"Space {number}", owner=1) for number in spaces])
    folders = range(_FOLDER + _SPACES, _FOLDER + _FOLDERS)
    told.add(Part.ITEMS, [Seen(number, Kind.FOLDERS, f"Folder {number}", owner=1) for number in folders])
    told.start(Part.PARENTS)
    told.add(Part.PARENTS, [Seen(number, parent=_FOLDER + number % _SPACES) for number in folders])
    more = count // 100
    for batch in batches((n for n in range(count + more) if n % 1000), 10_000):
        told.add(
            Part.ITEMS, [Seen(_FIRST + n, Kind.TASKS, f"Task number {n}", owner=n % 5000, created=1) for n in batch]
        )
        told.add(
            Part.PARENTS,
            [Seen(_FIRST + n, parent=folders[n % len(folders)] if n < count else hidden[n % _HIDDEN]) for n in batch],
        )
    told.finish(Part.ITEMS)
    told.finish(Part.PARENTS)
    told.start_listing(Kind.TASKS)
    for some in batches(spool.ids(Kind.TASKS), 1000):
        told.add_listed(Kind.TASKS, [Listed(id_, None) for id_ in some if (ids.number(id_) or 0) % 1000])
    told.finish_listing(Kind.TASKS)
    spool.close()


class _Source:
    """Lists nothing once more: that has been done."""

    def waves(self) -> list[list[Kind]]:
        return [[Kind.TASKS, Kind.FOLDERS]]

    def recount(self, *_: object) -> list[Any]:
        return []

    def look_up(self, *_: object) -> list[Any]:
        return []


def compare(path: Path, mode: CoverageMode) -> None:
    spool = Spool(path)
    skip = frozenset({Kind.FOLDERS}) if mode is CoverageMode.LISTING else frozenset()
    run = SimpleNamespace(backup_uid="20270101T000000Z-abc", started=_STARTED, account=SimpleNamespace(id="IEAAAEDY"))
    job = SimpleNamespace(coverage=mode, skip=skip, source=_Source())
    began = time.perf_counter()
    covered = cover(
        cast(Any, SimpleNamespace(job=job, run=run, spool=spool, notify=lambda _: None, miss=spool.add_gap))
    )
    seconds = time.perf_counter() - began
    spool.close()
    if covered is None:
        raise SystemExit("nothing was compared")
    counts, size = covered.coverage.kinds["tasks"], len(covered.content)
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(
        f"  {covered.coverage.witness:>9}: {seconds:5.1f} s (target: under {TARGET}), {int(peak.split()[1]) / 1000:.0f} MB resident"
        f" (target: under {MEMORY}); {counts.both:,} tasks in both, {counts.only_witness:,} not shared, {counts.only_crawl:,} in the"
        f" crawl alone; {size / 1000:,.0f} kB of coverage.json",
        flush=True,
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["compare"]:
        compare(Path(sys.argv[2]), CoverageMode(sys.argv[3]))
    else:
        count = int(sys.argv[1]) if sys.argv[1:] else _TASKS
        with tempfile.TemporaryDirectory() as name:
            place = Path(name) / "spool.sqlite"
            make(place, count)
            print(f"coverage of {count:,} tasks")
            for mode in (CoverageMode.EXPORT, CoverageMode.LISTING):
                subprocess.run([sys.executable, __file__, "compare", str(place), mode], check=True)
