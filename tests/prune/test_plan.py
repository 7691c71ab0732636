"""What goes, what stays and what is told of it."""

from __future__ import annotations

import itertools
import os
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.prune.backups import (
    ACCOUNT,
    NOW,
    Keep,
    attachments,
    committed,
    only,
    pruned,
    put,
    uid_of,
    uids,
    whole,
)
from wrikebackup_core import Account, Event, SinkError, StageProgress, Transform, UsageError
from wrikebackup_core.engine.locking import locked, short_hash
from wrikebackup_core.engine.pins import pin, unpin
from wrikebackup_core.engine.prune import Notes, PruneJob, plan_prune
from wrikebackup_core.engine.prune.run import _Locking
from wrikebackup_core.engine.remembered import Newest, recall, remember, rolled_back
from wrikebackup_core.errors import ExitCode
from wrikebackup_core.format import layout
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.testing import MemorySink

OLD, MIDDLE, NEW = uid_of(3), uid_of(2), uid_of(1)


@pytest.fixture
def sink() -> MemorySink:
    """Three backups: of each two neighbours share a file."""
    sink = MemorySink()
    for number, uid in enumerate((OLD, MIDDLE, NEW)):
        put(sink, uid, [f"A{number}-file", f"A{number + 1}-file"])
    return sink


def sums_of(uid: str) -> str:
    return layout.sums_key(ACCOUNT.id, uid)


def test_backups_go_with_what_nobody_else_needs(sink: MemorySink, tmp_path: Path) -> None:
    place = only(pruned(sink, tmp_path))
    assert uids(sink) == [MIDDLE, NEW]
    assert attachments(sink) == {"A1-file", "A2-file", "A3-file"}
    assert (place.attachments.files, place.attachments.bytes, place.attachments.deleted) == (1, 7, True)
    assert [(one.keep, one.deleted) for one in place.backups] == [(False, True), (True, False), (True, False)]
    whole(sink, [MIDDLE, NEW])


def test_a_plan_changes_nothing_and_says_what_a_prune_does(sink: MemorySink, tmp_path: Path) -> None:
    before = dict(sink.objects)
    plan = plan_prune(PruneJob([sink], tmp_path, Plugins(), [Keep(last=2)]), lambda _: None, NOW)
    assert sink.objects == before
    done = only(pruned(sink, tmp_path))
    assert only(plan).bytes == done.bytes == sum(map(len, before.values())) - sum(map(len, sink.objects.values()))


def test_files_that_only_an_interrupted_prune_or_run_left_go_too(sink: MemorySink, tmp_path: Path) -> None:
    sink.objects[f"{layout.attachments_folder(ACCOUNT.id)}/stray"] = b"nobody's"
    sink.objects[f"{layout.attachments_folder(ACCOUNT.id)}/.hidden"] = b"not ours"
    sink.objects[f"{layout.attachments_folder(ACCOUNT.id)}/deeper/down"] = b"not ours"
    pruned(sink, tmp_path, Keep(last=9))
    left = {key.split("/", 2)[2] for key in sink.objects if "/attachments/" in key}
    assert left == {"A0-file", "A1-file", "A2-file", "A3-file", ".hidden", "deeper/down"}


# Where what is needed is not known, attachments stay


@pytest.mark.parametrize("damage", ["cut", "changed", "missing"])
def test_damaged_checksums_of_a_backup_that_stays_keep_all_attachments(
    sink: MemorySink, tmp_path: Path, damage: str
) -> None:
    before, data = attachments(sink), sink.objects.pop(sums_of(MIDDLE))
    if damage != "missing":
        sink.objects[sums_of(MIDDLE)] = data[:-90] if damage == "cut" else data.replace(b"A1", b"A7")
    result = pruned(sink, tmp_path)
    assert (uids(sink), attachments(sink)) == ([MIDDLE, NEW], before)
    assert f"the SHA256SUMS of {MIDDLE}" in only(result).attachments.stay[0]
    assert result.exit_code is ExitCode.DAMAGED


def test_checksums_that_were_read_before_are_known_though_they_are_damaged_now(
    sink: MemorySink, tmp_path: Path
) -> None:
    pruned(sink, tmp_path, Keep(last=9))
    sink.objects[sums_of(MIDDLE)] = b"damaged"
    pruned(sink, tmp_path)
    assert attachments(sink) == {"A1-file", "A2-file", "A3-file"}


def test_damaged_checksums_of_a_backup_that_goes_do_not_matter(sink: MemorySink, tmp_path: Path) -> None:
    sink.objects[sums_of(OLD)] = b"damaged"
    pruned(sink, tmp_path)
    assert attachments(sink) == {"A1-file", "A2-file", "A3-file"}


@pytest.mark.parametrize("data", [b"{", b'{"format": 9}', None])
def test_a_backup_whose_manifest_cannot_be_read_stays_with_all_attachments(
    sink: MemorySink, tmp_path: Path, data: bytes | None
) -> None:
    key, before = layout.manifest_key(ACCOUNT.id, OLD), attachments(sink)
    sink.objects[key] = sink.objects[key].replace(b"scripted", b"scriptet") if data is None else data
    result = pruned(sink, tmp_path)
    assert (uids(sink), attachments(sink)) == ([OLD, MIDDLE, NEW], before)
    assert only(result).backups[0].reasons == ("cannot be read",)
    assert result.exit_code is ExitCode.DAMAGED


def test_backups_of_another_program_beside_ours_keep_all_attachments(sink: MemorySink, tmp_path: Path) -> None:
    before = attachments(sink)
    sink.objects[f"{layout.account_folder(ACCOUNT.id)}/backup-4711/backup-4711.zip"] = b"of Wrike's own tool"
    place = only(pruned(sink, tmp_path))
    assert (uids(sink), attachments(sink)) == ([MIDDLE, NEW, "4711"], before)
    assert "backup-4711 is another program's" in place.attachments.stay[0]


def test_an_unfinished_backup_stays_with_all_attachments_until_it_is_a_month_old(
    sink: MemorySink, tmp_path: Path
) -> None:
    put(sink, uid_of(1.5), ["B-file"], manifest=False)
    before = attachments(sink)
    place = only(pruned(sink, tmp_path))
    assert (uids(sink), attachments(sink)) == ([MIDDLE, uid_of(1.5), NEW], before)
    assert f"the backup {uid_of(1.5)} is not finished" in place.attachments.stay[0]
    pruned(sink, tmp_path, now=NOW + timedelta(days=28))
    assert uid_of(1.5) in uids(sink)
    pruned(sink, tmp_path, now=NOW + timedelta(days=31))
    assert (uids(sink), attachments(sink)) == ([MIDDLE, NEW], {"A1-file", "A2-file", "A3-file"})


def spool(state: Path, uid: str, wanted: str) -> None:
    """As a run leaves it that was killed."""
    folder = state / f"{ACCOUNT.id}-{short_hash('places')}"
    folder.mkdir(parents=True)
    with sqlite3.connect(folder / "spool.sqlite") as db:
        db.execute("CREATE TABLE run (key TEXT, value TEXT)")
        db.execute("INSERT INTO run VALUES ('backup', ?)", (uid,))
        db.execute("CREATE TABLE files (key TEXT)")
        db.execute("INSERT INTO files VALUES (?)", (f"attachments/{wanted}",))
    db.close()


def test_what_a_killed_run_of_this_host_has_stored_and_wants_stays_and_the_rest_goes(
    sink: MemorySink, tmp_path: Path
) -> None:
    uid = uid_of(0.1)
    put(sink, uid, ["B-wanted", "C-not-any-more"], manifest=False)
    spool(tmp_path, uid, "B-wanted")
    place = only(pruned(sink, tmp_path))
    assert uids(sink) == [MIDDLE, NEW, uid]
    assert attachments(sink) == {"A1-file", "A2-file", "A3-file", "B-wanted"}
    assert place.remains[0].reason == "a run of this host is at it, or goes on with it"


def test_a_spool_that_cannot_be_read_keeps_all_attachments(sink: MemorySink, tmp_path: Path) -> None:
    before = attachments(sink)
    spool(tmp_path, uid_of(0.1), "B")
    (path,) = tmp_path.glob("*/spool.sqlite")
    path.write_bytes(b"no database" * 1000)
    assert "cannot be read" in only(pruned(sink, tmp_path)).attachments.stay[0]
    assert attachments(sink) == before


def test_a_copy_that_is_not_finished_keeps_what_it_has_brought(sink: MemorySink, tmp_path: Path) -> None:
    put(sink, uid_of(200), ["B-copied"], manifest=False)
    notes = Notes(tmp_path, ACCOUNT.id, sink.name)
    notes.copy_begins()
    now = datetime.now(UTC)
    place = only(pruned(sink, tmp_path, now=now))
    assert uid_of(200) in uids(sink)
    assert "B-copied" in attachments(sink)
    assert "a copy into this sink" in place.attachments.stay[0]
    notes.copy_ends()
    pruned(sink, tmp_path, now=now)
    assert uid_of(200) not in uids(sink)
    assert "B-copied" not in attachments(sink)


def test_a_copy_that_nobody_went_on_with_for_a_month_is_forgotten(sink: MemorySink, tmp_path: Path) -> None:
    Notes(tmp_path, ACCOUNT.id, sink.name).copy_begins()
    (mark,) = tmp_path.rglob("*.copying")
    long_ago = (NOW - timedelta(days=31)).timestamp()
    os.utime(mark, (long_ago, long_ago))
    assert only(pruned(sink, tmp_path)).attachments.stay == []


def test_what_another_host_commits_meanwhile_keeps_all_attachments(sink: MemorySink, tmp_path: Path) -> None:
    before, late = attachments(sink), uid_of(0.2)

    def commit(operation: str, key: str) -> None:
        if operation == "delete":
            sink.before = None
            put(sink, late, ["A0-file"])

    sink.before = commit
    place = only(pruned(sink, tmp_path))
    assert attachments(sink) == before
    assert f"the backup {late} has come meanwhile" in place.attachments.stay[0]
    whole(sink, [MIDDLE, NEW, late])


# Locks


def test_a_backup_of_which_anything_is_locked_stays_whole_and_the_date_is_told(
    sink: MemorySink, tmp_path: Path
) -> None:
    end = datetime.now(UTC) + timedelta(days=9)
    sink.locks[sums_of(OLD)] = end
    place = only(pruned(sink, tmp_path))
    assert uids(sink) == [OLD, MIDDLE, NEW]
    assert place.backups[0].reasons == (f"locked until {end:%Y-%m-%d %H:%M} UTC",)
    assert attachments(sink) == {"A0-file", "A1-file", "A2-file", "A3-file"}
    whole(sink, [OLD, MIDDLE, NEW])


def test_locked_attachments_that_nobody_needs_stay_and_are_counted(sink: MemorySink, tmp_path: Path) -> None:
    end = datetime.now(UTC) + timedelta(days=9)
    sink.locks[f"{layout.attachments_folder(ACCOUNT.id)}/A0-file"] = end
    place = only(pruned(sink, tmp_path))
    assert uids(sink) == [MIDDLE, NEW]
    assert (place.attachments.files, place.attachments.locked, place.attachments.locked_until) == (0, 1, end)
    assert "A0-file" in attachments(sink)
    sink.locks.clear()
    pruned(sink, tmp_path)
    assert "A0-file" not in attachments(sink)


def test_a_manifest_that_is_locked_between_plan_and_deletion_keeps_its_backup_whole(
    sink: MemorySink, tmp_path: Path
) -> None:
    def lock(operation: str, key: str) -> None:
        if operation == "delete" and key == layout.manifest_key(ACCOUNT.id, OLD):
            sink.locks[key] = datetime.now(UTC) + timedelta(days=1)

    sink.before = lock
    place = only(pruned(sink, tmp_path))
    assert place.backups[0].keep
    sink.before = None
    whole(sink, [OLD, MIDDLE, NEW])


# Pins


def test_a_pinned_backup_stays_in_each_sink_until_it_is_unpinned(sink: MemorySink, tmp_path: Path) -> None:
    other = MemorySink("other", sink.objects)
    assert [one.what for one in pin([sink, other], tmp_path, ACCOUNT.id, OLD, "audit")] == ["pinned: audit"] * 2
    result = pruned([sink, other], tmp_path)
    for one, place in zip((sink, other), result.places, strict=True):
        assert place.backups[0].reasons == ("pinned: audit",)
        assert uids(one) == [OLD, MIDDLE, NEW]
        whole(one, [OLD, MIDDLE, NEW])
    assert [one.what for one in unpin([sink, other], tmp_path, ACCOUNT.id, OLD)] == ["not pinned any more"] * 2
    pruned([sink, other], tmp_path)
    assert uids(sink) == uids(other) == [MIDDLE, NEW]


def test_a_pin_is_written_once(sink: MemorySink, tmp_path: Path) -> None:
    pin([sink], tmp_path, ACCOUNT.id, OLD, "audit")
    assert pin([sink], tmp_path, ACCOUNT.id, OLD, "another")[0].what == "pinned before: audit"
    assert unpin([sink], tmp_path, ACCOUNT.id, NEW)[0].what == "was not pinned"


def test_a_pin_that_cannot_be_read_holds(sink: MemorySink, tmp_path: Path) -> None:
    sink.objects[layout.pin_key(ACCOUNT.id, OLD)] = b"{"
    assert only(pruned(sink, tmp_path)).backups[0].reasons == ("pinned: its pin.json cannot be read",)


def test_a_pin_that_the_store_locks_stays_and_the_date_is_told(sink: MemorySink, tmp_path: Path) -> None:
    sink.lock_days = 3
    pin([sink], tmp_path, ACCOUNT.id, OLD, "audit")
    (told,) = unpin([sink], tmp_path, ACCOUNT.id, OLD)
    assert "locked until" in str(told.failed)
    assert "stays pinned" in str(told.failed)


# What stops it


def test_rules_that_keep_nothing_and_a_clock_that_jumped_delete_nothing(sink: MemorySink, tmp_path: Path) -> None:
    before = dict(sink.objects)
    refused = pruned(sink, tmp_path, Keep(last=0))
    assert "keep none" in str(refused.places[0].failed)
    early = pruned(sink, tmp_path, now=NOW - timedelta(days=2))
    assert "from the future" in str(early.places[0].failed)
    assert "clock" in str(early.places[0].hint)
    assert refused.exit_code is early.exit_code is ExitCode.FAILED
    assert sink.objects == before


def test_a_profile_without_rules_is_refused(sink: MemorySink, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no rules"):
        pruned(sink, tmp_path, Transform())


@pytest.mark.parametrize("operation", ["list", "open", "read"])
def test_a_store_that_fails_at_anything_while_it_is_looked_at_loses_nothing(
    sink: MemorySink, tmp_path: Path, operation: str
) -> None:
    before = dict(sink.objects)
    for skip in itertools.count():
        one, other = MemorySink("one", before), MemorySink("other", before)
        one.fail(operation, skip=skip, times=None)
        result = pruned([one, other], tmp_path / str(skip))
        one.heal()
        whole(one, [MIDDLE, NEW])
        assert uids(other) == [MIDDLE, NEW]
        if result.places[0].failed is None:
            break
        assert result.exit_code is ExitCode.PARTIAL
    assert skip > 3


def test_one_prune_at_a_time_in_each_sink(sink: MemorySink, tmp_path: Path) -> None:
    with locked(_Locking((sink,), tmp_path), ACCOUNT):
        result = pruned(sink, tmp_path)
    assert result.places[0].busy
    assert result.exit_code is ExitCode.LOCKED
    assert uids(sink) == [OLD, MIDDLE, NEW]


def test_of_several_accounts_one_has_to_be_chosen(sink: MemorySink, tmp_path: Path) -> None:
    put(sink, OLD, ["other"], account=Account("IEAAAEDZ", "Other"))
    with pytest.raises(UsageError, match="several accounts"):
        pruned(sink, tmp_path)
    job = PruneJob([sink], tmp_path, Plugins(), [Keep(last=1)], ACCOUNT.id)
    assert only(plan_prune(job, lambda _: None, NOW)).account == ACCOUNT.id


def test_a_sink_that_fails_is_told_of_with_the_account_that_the_others_tell(sink: MemorySink, tmp_path: Path) -> None:
    folder = layout.backup_folder("IEAAAEDZ", OLD)
    sink.objects[f"{folder}/backup-{OLD}.zip"] = b"of a run that came to nothing"
    broken = MemorySink("broken")
    broken.fail("list", lambda: SinkError("the store is down"))
    broken.fail("folders", lambda: SinkError("the store is down"))
    job = PruneJob([broken, sink], tmp_path, Plugins(), [Keep(last=1)])
    failed, place = plan_prune(job, lambda _: None, NOW).places
    assert (failed.sink, failed.account, failed.failed) == (broken.name, ACCOUNT.id, "the store is down")
    assert (place.sink, place.account, len(place.backups)) == (sink.name, ACCOUNT.id, 3)


def test_each_of_the_checksums_that_are_read_is_told_once(sink: MemorySink, tmp_path: Path) -> None:
    def told(last: int) -> list[str]:
        events = list[Event]()
        plan_prune(PruneJob([sink], tmp_path, Plugins(), [Keep(last=last)]), events.append, NOW)
        return [event.what for event in events if isinstance(event, StageProgress)]

    assert told(1) == [NEW]
    assert told(3) == [OLD, MIDDLE]
    assert told(3) == []


# What a host notes


def test_a_sink_is_not_taken_for_rolled_back_because_its_newest_backup_was_pruned(
    sink: MemorySink, tmp_path: Path
) -> None:
    put(sink, uid_of(2.5), ["A1-file"], gaps=1)
    remember(tmp_path, Newest(ACCOUNT.id, sink.name, uid_of(2.5), "0" * 64))
    pruned(sink, tmp_path)
    (newest,) = recall(tmp_path, sink.name)
    assert newest.backup_uid == NEW
    assert rolled_back(sink, newest) is None


def test_a_store_that_fails_at_deleting_is_told_of_and_the_next_prune_finishes(
    sink: MemorySink, tmp_path: Path
) -> None:
    sink.fail("delete", lambda: SinkError("the store is down"), skip=1)
    assert "the store is down" in str(pruned(sink, tmp_path).places[0].failed)
    assert committed(sink) == [MIDDLE, NEW]
    assert only(pruned(sink, tmp_path)).remains[0].deleted
    assert (uids(sink), attachments(sink)) == ([MIDDLE, NEW], {"A1-file", "A2-file", "A3-file"})
    assert Notes(tmp_path, ACCOUNT.id, sink.name).given_up() == set()
