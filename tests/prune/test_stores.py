"""The same on a folder, S3, GCS and over SSH, with backups that this host could not decode."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.prune.backups import (
    ACCOUNT,
    NOW,
    attachments,
    committed,
    only,
    pruned,
    put,
    uid_of,
    uids,
    whole,
)
from tests.prune.test_killed import KEPT, NEEDED, Dying, Killed, check_finished, check_kept, fill
from wrikebackup_core import Sink
from wrikebackup_core.engine.pins import pin, unpin
from wrikebackup_core.format import layout
from wrikebackup_retention.options import RetainOptions
from wrikebackup_retention.retention import retention

YEAR = """\
2025-11-28 Fri  oldest (room left in yearly)
2025-12-31 Wed  monthly 12 of 12 (2025-12), yearly 2 of 3 (2025)
2026-01-31 Sat  monthly 11 of 12 (2026-01)
2026-02-28 Sat  monthly 10 of 12 (2026-02)
2026-03-31 Tue  monthly 9 of 12 (2026-03)
2026-04-30 Thu  monthly 8 of 12 (2026-04)
2026-05-31 Sun  monthly 7 of 12 (2026-05)
2026-06-30 Tue  monthly 6 of 12 (2026-06)
2026-07-31 Fri  monthly 5 of 12 (2026-07)
2026-08-31 Mon  monthly 4 of 12 (2026-08)
2026-09-30 Wed  monthly 3 of 12 (2026-09)
2026-10-31 Sat  monthly 2 of 12 (2026-10)
2026-11-01 Sun  weekly 5 of 5 (2026-W44)
2026-11-08 Sun  weekly 4 of 5 (2026-W45)
2026-11-15 Sun  weekly 3 of 5 (2026-W46)
2026-11-21 Sat  daily 7 of 7 (2026-11-21)
2026-11-22 Sun  daily 6 of 7 (2026-11-22), weekly 2 of 5 (2026-W47)
2026-11-23 Mon  daily 5 of 7 (2026-11-23)
2026-11-24 Tue  daily 4 of 7 (2026-11-24)
2026-11-25 Wed  daily 3 of 7 (2026-11-25)
2026-11-26 Thu  daily 2 of 7 (2026-11-26)
2026-11-27 Fri  newest, daily 1 of 7 (2026-11-27), weekly 1 of 5 (2026-W48), monthly 1 of 12 (2026-11), yearly 1 of 3 (2026)
"""


@pytest.mark.slow
def test_a_kill_at_each_deletion_leaves_what_stays_whole(store: Sink, tmp_path: Path) -> None:
    """Each time the same store is filled up again."""
    for steps in itertools.count(1):
        fill(store)
        try:
            pruned(Dying(store, steps, after=bool(steps & 2)), tmp_path / str(steps))  # type: ignore[arg-type]
        except Killed:
            check_kept(store)
            if steps % 6 == 1:
                check_finished(store, tmp_path / str(steps))
        else:
            break
    check_kept(store)
    assert (uids(store), attachments(store)) == (KEPT, NEEDED)
    assert steps > 20


@pytest.mark.slow
def test_a_year_of_daily_backups_keeps_what_the_rules_name(store: Sink, tmp_path: Path) -> None:
    """Sealed ones, of which each names what there was at its time: a file comes each day, and goes after a hundred."""
    days = range(364, -1, -1)
    files = {day: [f"IEAAAEDYIY{at:06X}-f.age" for at in range(364 - day, 464 - day)] for day in days}

    def store_one(day: int) -> None:
        new = files[day] if day == 364 else files[day][-1:]
        put(store, uid_of(day), files[day], suffix=".age", gaps=int(day % 50 == 7), new=new)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(store_one, days))
    rules = retention(RetainOptions(daily=7, weekly=5, monthly=12, yearly=3, time_zone="UTC"))
    place = only(pruned(store, tmp_path, rules))
    kept = [one for one in place.backups if one.keep]
    shown = [f"{one.started:%Y-%m-%d %a}  {', '.join(one.reasons)}" for one in kept]
    assert "\n".join(shown) + "\n" == YEAR
    assert committed(store) == uids(store) == [one.backup_uid for one in kept]
    whole(store, committed(store)[::4])
    left = {(NOW - one.started).days for one in kept}
    assert attachments(store) == {name for day in left for name in files[day]}
    assert not only(pruned(store, tmp_path, rules)).goes


@pytest.fixture(params=["s3", "gcs"])
def locking(request: pytest.FixtureRequest) -> Iterator[Sink]:
    """A store that locks what it is given for a day."""
    if request.param == "s3":
        weed = request.getfixturevalue("_seaweedfs")
        yield weed.sink(weed.bucket(ObjectLockEnabledForBucket=True), lock_days=1, lock_mode="governance")
    else:
        pytest.importorskip("google_crc32c", reason="the extra gcs is not installed")
        from tests.fsspec.gcs.google_server import GoogleServer
        from tests.fsspec.gcs.stores import Store

        with GoogleServer() as server:
            server.bucket("locking", retention=True)
            yield Store(server.url).sink("locking", lock_days=1)


def test_what_a_store_locks_stays_whole_and_the_date_is_told(locking: Sink, tmp_path: Path) -> None:
    fill(locking)
    there = uids(locking)
    place = only(pruned(locking, tmp_path))
    end = datetime.now(UTC) + timedelta(days=1)
    assert uids(locking) == there
    for one in place.backups[:3]:
        assert one.keep
        assert one.reasons[0].startswith(f"locked until {end:%Y-%m-}")
    assert place.attachments.files == 0
    assert not place.attachments.deleted
    whole(locking, committed(locking))


def test_a_pin_in_a_locked_store_is_written_and_stays(locking: Sink, tmp_path: Path) -> None:
    put(locking, uid_of(1), ["A-file"])
    assert pin([locking], tmp_path, ACCOUNT.id, uid_of(1), "audit")[0].what == "pinned: audit"
    assert "locked until" in str(unpin([locking], tmp_path, ACCOUNT.id, uid_of(1))[0].failed)
    whole(locking, [uid_of(1)])
    assert layout.pin_key(ACCOUNT.id, uid_of(1)) in {entry.key for entry in locking.list("")}
