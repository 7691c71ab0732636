"""A prune's plan over 1,000 daily backups and 1,000,000 attachments in a folder: seconds, and the peak of resident memory.

    python benchmarks/prune.py [BACKUPS] [ATTACHMENTS] [RUNS]

Three accounts. In `growing` the attachments came evenly over the days, a fifth of them before the first, and one in twenty was deleted
again in Wrike. Each backup names what there was on its day, so the last names nearly all of them: a SHA256SUMS of 130 MB. Rules keep
some 20 of the backups; those that go have a SHA256SUMS of the right length that takes no room on the disk, for a prune does not read it.
In `apart, few stay` and `apart, all stay` each backup names attachments of its own, and the rules keep those 20, or all.

`first`: nothing is remembered, and the SHA256SUMS of every backup that stays are read. `next day`: one backup more. `again`: none.
`shell`: beside them, what stock tools need for the same answer to the last of the three questions of a plan, once it is known which
backups stay: what is the hash of each of their SHA256SUMS, what do they name, what is named by none, and how large is that. Its parts
run side by side where they can.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from array import array
from bisect import bisect_left, bisect_right
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from _peers import WRIKEBACKUP, Run, timed

from wrikebackup_core import Account, AttachmentMode, Backup
from wrikebackup_core.format import layout
from wrikebackup_core.format.manifest import Attachments, Files, Manifest, Tool
from wrikebackup_retention.options import RetainOptions
from wrikebackup_retention.retention import retention

ACCOUNT = Account("IEAAAEDY", "Acme")
RULES = {"daily": 7, "weekly": 5, "monthly": 12, "yearly": 3}
ACCOUNTS: dict[str, tuple[bool, dict[str, int]]] = {
    "growing": (False, RULES),
    "apart, few stay": (True, RULES),
    "apart, all stay": (True, {"last": 1_000_000}),
}
"""Whether each backup names attachments of its own, and the rules."""
TARGET_SECONDS, TARGET_MB = 5, 300
NOW = datetime.now(UTC).replace(microsecond=0)


SHELL = r"""
set -eo pipefail; export LC_ALL=C
cd "$1/account-IEAAAEDY"
xargs openssl dgst -sha256 -r <"$2/kept" >"$2/hashes" & hashing=$!
xargs cut -c 82- <"$2/kept" | sort -S 128M -u >"$2/needed" & naming=$!
find attachments -type f -printf '%f\t%s\n' | sort -S 128M >"$2/listed"
wait $hashing; wait $naming
join -t "$(printf '\t')" -v 1 "$2/listed" "$2/needed" | awk -F '\t' '{ files += 1; bytes += $2 } END { print files + 0, bytes + 0 }'
"""


class Shelf:
    """The folder, and how its attachments came and went: day 0 is that of the first backup."""

    def __init__(self, root: Path, days: int, attachments: int, *, apart: bool) -> None:
        chance = random.Random(1)
        self._root, self._days, self._apart = root, days, apart
        old = 0 if apart else attachments // 5
        self._born = array("i", [max(0, (at - old) * days // (attachments - old)) for at in range(attachments)])
        if apart:
            self._gone = array("i", [born + 1 for born in self._born])
        else:
            last = days * 20
            self._gone = array(
                "i", [chance.randrange(born, last - 19 * born) if born < days else days for born in self._born]
            )
        self._come, self._left = [0] * (days + 1), [0] * (days * 20 + 1)
        for born, gone in zip(self._born, self._gone, strict=True):
            self._come[born] += 1
            self._left[gone] += 1
        names = (f"IEAAAEDYIY{at:06X}-report {at} for the quarter.pdf" for at in range(attachments))
        folder = root / layout.attachments_folder(ACCOUNT.id)
        folder.mkdir(parents=True)
        self._lines = []
        for name in names:
            (folder / name).touch()
            self._lines.append(f"{hashlib.sha256(name.encode()).hexdigest()}  ../attachments/{name}\n".encode())

    def _lines_of(self, day: int) -> list[bytes]:
        first = bisect_left(self._born, day) if self._apart else 0
        end = bisect_right(self._born, day)
        return [self._lines[at] for at in range(first, end) if day < self._gone[at]]

    def put(self, day: int, *, read: bool) -> None:
        """The backup of a day; with `read`, one that a prune reads."""
        started = NOW - timedelta(days=self._days - day)
        uid = layout.new_backup_uid(started, "000000")
        folder = self._root / layout.backup_folder(ACCOUNT.id, uid)
        folder.mkdir()
        lines = self._lines_of(day) if read else []
        total = len(lines) if read else sum(self._come[: day + 1]) - sum(self._left[: day + 1])
        own = [f"backup-{uid}.zip", f"records-{uid}.zip"]
        for name in own:
            (folder / name).write_bytes(uid.encode())
        data = b"".join(lines) + b"".join(
            f"{hashlib.sha256(uid.encode()).hexdigest()}  {name}\n".encode() for name in own
        )
        with (folder / "SHA256SUMS").open("wb") as file:
            file.write(data) if read else file.truncate(total * len(self._lines[-1]))
        manifest = Manifest(
            tool=Tool("wrikebackup", "0"),
            backup_uid=uid,
            account=ACCOUNT,
            source="bench",
            started=started,
            finished=started,
            complete=True,
            counts={"tasks": 1_000_000},
            attachments=Attachments(AttachmentMode.LATEST, total=total),
            files=Files(*own),
            sha256sums=hashlib.sha256(data).hexdigest() if read else "0" * 64,
        )
        (folder / "manifest.json").write_bytes(manifest.encode())


def kept(days: int, wanted: dict[str, int]) -> set[int]:
    """The days whose backups the rules keep, now and with one more."""
    rules, found = retention(RetainOptions(**wanted)), set[int]()
    for last in (days, days + 1):
        backups = {}
        for day in range(last):
            started = NOW - timedelta(days=days - day)
            backups[layout.new_backup_uid(started, "000000")] = (day, Backup("", started, complete=True))
        listed = [Backup(uid, one.started, complete=True) for uid, (_, one) in backups.items()]
        found |= {backups[uid][0] for uid in rules.keep(listed, NOW)}
    return found


def tell(what: str, run: Run) -> float:
    print(
        f"  {what:<9} {run.wall:6.1f} s (target: under {TARGET_SECONDS}), {run.cpu:6.1f} s of processor,"
        f" {run.peak:5.0f} MB resident (target: under {TARGET_MB})",
        flush=True,
    )
    return run.wall


def shell(folder: Path, facts: dict[str, Any]) -> float:
    """Seconds that it takes of the backups that a plan keeps. Raises ValueError where it comes to another answer."""
    work = folder / "shell"
    work.mkdir(exist_ok=True)
    stay = [one["backup_uid"] for one in facts["backups"] if one["keep"]]
    (work / "kept").write_text("".join(f"backup-{uid}/SHA256SUMS\n" for uid in stay))
    run = timed(["bash", "-c", SHELL, "bash", folder / "sink", work], folder / "log")
    found, ours = (folder / "log").read_text().split(), facts["attachments"]
    if found != [str(ours["files"]), str(ours["bytes"])]:
        raise ValueError(f"the shell finds {found}, and the plan {ours}")
    print(f"  {'shell':<9} {run.wall:6.1f} s, {run.cpu:6.1f} s of processor", flush=True)
    return run.wall


def fill(root: Path, days: int, attachments: int, account: str) -> None:
    """In a process of its own: what one holds in memory counts as that of the commands that it starts."""
    apart, rules = ACCOUNTS[account]
    shelf, stay = Shelf(root, days, attachments, apart=apart), kept(days, rules)
    for day in range(days):
        shelf.put(day, read=day in stay)
    shelf.put(days, read=True)


def measure(days: int, attachments: int, runs: int, account: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        filling = multiprocessing.get_context("spawn").Process(
            target=fill, args=(folder / "sink", days, attachments, account)
        )
        filling.start()
        filling.join()
        newest = max((folder / "sink").glob("*/backup-*"))
        rules = ", ".join(f"{key}: {value}" for key, value in ACCOUNTS[account][1].items())
        profile = folder / "bench.yaml"
        profile.write_text(
            f"source: mock\ntransforms: [retain: {{{rules}}}]\nstate: {folder}/state\nsinks: [local: {{path: {folder}/sink}}]\n"
        )
        command = [*WRIKEBACKUP, "-q", "prune", "--json", profile]
        print(f"plan of a prune: {days:,} backups, {attachments:,} attachments, {account}", flush=True)
        newest.rename(folder / newest.name)
        first = []
        for _ in range(runs):
            shutil.rmtree(folder / "state", ignore_errors=True)
            first.append(tell("first", timed(command, folder / "log")))
        (folder / newest.name).rename(newest)
        tell("next day", timed(command, folder / "log"))
        for _ in range(runs):
            tell("again", timed(command, folder / "log"))
        facts = json.loads((folder / "log").read_text().splitlines()[-1])["places"][0]
        ratio = statistics.median(first) / shell(folder, facts)
        print(f"  ratio of the first to the shell: {ratio:.2f}")
        stays = sum(one["keep"] for one in facts["backups"])
        print(f"  {stays} backups stay, {facts['attachments']['files']:,} attachments go", flush=True)
        # By another process: what this one takes for a folder of a million files counts as that of the commands that it starts.
        subprocess.run(["rm", "-rf", folder / "sink"], check=True)


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    days, attachments, runs = *numbers, *[1_000, 1_000_000, 3][len(numbers) :]
    for account in ACCOUNTS:
        measure(days, attachments, runs, account)
