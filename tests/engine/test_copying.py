"""A copy is the same bytes, whole or not at all, whatever is wrong with the source, the target, or what was there before."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from tests.verify.sample import ACCOUNT, FILES, UID, Sample
from wrikebackup_core.engine.copying import Copied, CopyJob, copy, plan_copy
from wrikebackup_core.engine.locking import locked
from wrikebackup_core.engine.verify import verify
from wrikebackup_core.errors import ExitCode, KeyLocked, KeyUnfit, SinkError, UsageError
from wrikebackup_core.format import layout
from wrikebackup_core.format.manifest import Manifest
from wrikebackup_core.model import (
    Account,
    Event,
    FileFinished,
    FileStarted,
    Gap,
    Kind,
    Message,
    SinkDropped,
    StageFinished,
    StageStarted,
)
from wrikebackup_core.testing import MemorySink

LATER = "20261124T153000Z-000001"
FOLDER = layout.backup_folder(ACCOUNT.id, UID)
SUMS, MANIFEST = layout.sums_key(ACCOUNT.id, UID), layout.manifest_key(ACCOUNT.id, UID)
PLAN = layout.attachment_key(ACCOUNT.id, "IEAAAEDYIYAB7DLK", "plan.pdf")
NEW = layout.attachment_key(ACCOUNT.id, "IEAAAEDYIYAB7DLZ", "new.txt")
Run = Callable[..., Copied]


def later() -> Sample:
    """A second backup: without the plan, and with a file of its own."""
    sample = Sample(uid=LATER, files=FILES | {"IEAAAEDYIYAB7DLZ": b"new"})
    others = [record for record in sample.records[Kind.ATTACHMENTS] if record["id"] != "IEAAAEDYIYAB7DLK"]
    new = others[0] | {"id": "IEAAAEDYIYAB7DLZ", "name": "new.txt", "size": 3}
    sample.records = sample.records | {Kind.ATTACHMENTS: [*others, new]}
    sample.files.pop("IEAAAEDYIYAB7DLK")
    return sample


@pytest.fixture
def source() -> MemorySink:
    """Two backups that share attachments."""
    sink = MemorySink("source")
    Sample().store(sink)
    later().store(sink)
    sink.calls.clear()
    return sink


def whole(sink: MemorySink, *uids: str) -> bool:
    return all(not verify(sink, ACCOUNT.id, uid, lambda _: None).findings for uid in uids)


def flawed(done: Copied) -> list[tuple[str, str, str]]:
    return [(flaw.sink, flaw.finding.key, flaw.finding.what) for flaw in done.flaws]


def vanishing(sink: MemorySink, vanishes: str) -> Callable[[str, str], None]:
    """The object goes between the listing and the reading."""

    def before(operation: str, key: str) -> None:
        if operation == "open":
            sink.objects.pop(vanishes, None)

    return before


# What a copy is


def test_a_copy_is_the_same_objects_byte_for_byte(source: MemorySink, run: Run, events: list[Event]) -> None:
    target = MemorySink("target")
    done = run(target)
    assert target.objects == source.objects
    assert set(target.objects) == target.durable
    assert done.exit_code is ExitCode.DONE
    assert (done.targets[0].copied, done.targets[0].files) == ([UID, LATER], len(source.objects) - 4)
    started = [event.key for event in events if isinstance(event, FileStarted)]
    assert sorted(started) == sorted(event.key for event in events if isinstance(event, FileFinished))
    stages = [event for event in events if isinstance(event, StageStarted) and event.stage == "copy"]
    assert [stage.total for stage in stages] == [6, 3]
    assert sum(stage.total or 0 for stage in stages) == len(started)
    assert len([event for event in events if isinstance(event, StageFinished)]) == 3


def test_what_is_encoded_is_copied_without_any_key(run: Run) -> None:
    source, target = MemorySink("encoded"), MemorySink("target")
    Sample(suffix=".age", encoded=lambda data: data[::-1] + b"!").store(source)
    assert run(target, source=source).exit_code is ExitCode.DONE
    assert target.objects == source.objects


def test_an_object_is_read_once_however_many_backups_and_targets_want_it(source: MemorySink, run: Run) -> None:
    opened: list[str] = []
    source.before = lambda operation, key: opened.append(key) if operation == "open" else None
    run(MemorySink("one"), MemorySink("two"))
    objects = [key for key in opened if not key.endswith(("manifest.json", "SHA256SUMS"))]
    assert len(objects) == len(set(objects)) == len(source.objects) - 4


def test_the_manifest_comes_last_and_all_else_is_durable_before(run: Run) -> None:
    """For each backup by itself: attachments, the backup's own files, SHA256SUMS, manifest, with a barrier between them."""
    target = MemorySink("target")
    order: list[str] = []

    def before(operation: str, key: str) -> None:
        if operation == "create" and key.endswith(("manifest.json", "SHA256SUMS")):
            assert set(target.objects) == target.durable
        if operation == "commit":
            order.append(key)

    target.before = before
    run(target)
    ours = [key for key in order if LATER not in key and key != NEW and "/.lease/" not in key]
    names = ["SUMS" if key == SUMS else "manifest" if key == MANIFEST else key.split("/")[1][:6] for key in ours]
    assert names == ["attach"] * 4 + ["backup"] * 2 + ["SUMS", "manifest"]


def test_a_second_copy_stores_and_reads_nothing_again(source: MemorySink, run: Run) -> None:
    target = MemorySink("target")
    run(target)
    before, opened = dict(target.objects), list[str]()
    source.before = lambda operation, key: opened.append(key) if operation == "open" else None
    target.calls.clear()
    done = run(target)
    assert (done.targets[0].skipped, done.targets[0].files, done.exit_code) == ([UID, LATER], 0, ExitCode.DONE)
    assert target.calls["create"] == target.calls["delete"] == 1  # of the lease
    assert target.objects == before
    assert {key.rpartition("/")[2] for key in opened} == {"manifest.json"}


def test_only_what_is_new_is_copied_later(source: MemorySink, run: Run) -> None:
    target = MemorySink("target")
    run(target, backups=[UID])
    assert target.objects == {key: data for key, data in source.objects.items() if LATER not in key and key != NEW}
    done = run(target)
    assert (done.targets[0].copied, done.targets[0].skipped) == ([LATER], [UID])
    assert done.targets[0].files == 3, "its two zips and the one new file"
    assert target.objects == source.objects


def test_backups_are_chosen_by_the_beginnings_of_their_names(source: MemorySink, run: Run) -> None:
    target = MemorySink("target")
    assert run(target, backups=["20261124"]).targets[0].copied == [LATER]
    assert run(target, backups=["2026"]).targets[0].copied == [UID]
    with pytest.raises(UsageError, match="has no backup 1999"):
        run(target, backups=["20261124", "1999"])
    with pytest.raises(UsageError, match="has no account IEAAAEDX"):
        run(target, accounts=["IEAAAEDX"])
    with pytest.raises(UsageError, match="nothing to copy"):
        run(target, source=MemorySink("empty"))


def test_an_unfinished_backup_is_not_copied_and_told_of_once(source: MemorySink, run: Run, events: list[Event]) -> None:
    """Neither one that has everything but the manifest, nor one of which only the archive is there."""
    del source.objects[layout.manifest_key(ACCOUNT.id, LATER)]
    target = MemorySink("target")
    done = run(target)
    assert (done.targets[0].copied, done.exit_code) == ([UID], ExitCode.DONE)
    [warning] = [event.text for event in events if isinstance(event, Message)]
    assert f"not finished, and not copied: backup-{LATER} (" in warning
    assert "it can be deleted" in warning
    for key in (layout.sums_key(ACCOUNT.id, LATER), layout.records_key(ACCOUNT.id, LATER)):
        del source.objects[key]
    assert run(target).targets[0].skipped == [UID]
    assert not any(LATER in key for key in target.objects)


def test_every_account_is_copied(source: MemorySink, run: Run) -> None:
    other = {key.replace("account-IEAAAEDY", "account-IEAAAEDX"): data for key, data in source.objects.items()}
    for key, data in other.items():
        if key.endswith("manifest.json"):
            other[key] = msgspec.structs.replace(Manifest.decode(data, key), account=Account("IEAAAEDX", "")).encode()
    source.objects |= other
    target = MemorySink("target")
    assert run(target, accounts=["IEAAAEDX"]).exit_code is ExitCode.DONE
    assert target.objects == other
    run(target)
    assert target.objects == source.objects


def test_many_files_are_copied_by_many_threads(run: Run) -> None:
    source, target = MemorySink("many"), MemorySink("target")
    sample = Sample()
    more = [
        {
            "id": f"IEAAAEDYIYAA{number:04d}",
            "name": "x",
            "type": "Wrike",
            "size": 4,
            "version": 1,
            "taskId": "MAAAAAEQ_HoO",
        }
        for number in range(1200)
    ]
    sample.records |= {Kind.ATTACHMENTS: more}
    sample.files = {str(record["id"]): str(record["id"])[-4:].encode() for record in more}
    sample.store(source)
    assert run(target, source=source, transfers=32).targets[0].files == 1202
    assert target.objects == source.objects


# What is wrong with the source


@pytest.mark.parametrize("harm", ["flipped", "cut", "gone", "unreadable", "gone meanwhile"])
def test_damage_in_the_source_is_told_and_that_backup_is_not_committed(
    harm: str, source: MemorySink, run: Run, events: list[Event]
) -> None:
    data = source.objects[PLAN]
    if harm == "gone":
        del source.objects[PLAN]
    elif harm == "unreadable":
        source.fail("read", keys=PLAN, times=None)
    elif harm == "gone meanwhile":
        source.before = vanishing(source, PLAN)
    else:
        source.objects[PLAN] = data[:-1] if harm == "cut" else b"\xff" + data[1:]
    target = MemorySink("target")
    done = run(target)
    what = {"gone": "missing", "gone meanwhile": "missing", "unreadable": "unreadable"}.get(harm, "damaged")
    assert flawed(done) == [(source.name, PLAN, what)]
    assert done.exit_code is ExitCode.DAMAGED
    assert (done.targets[0].copied, list(done.targets[0].refused)) == ([LATER], [UID])
    assert whole(target, LATER)
    assert PLAN not in target.objects
    assert MANIFEST not in target.objects
    assert [event.key for event in events if isinstance(event, FileFinished) and event.error] == [PLAN]
    # When the source is mended, the rest follows, and nothing that is there is copied again.
    source.heal()
    source.before, source.objects[PLAN] = None, data
    done = run(target)
    assert (done.exit_code, done.targets[0].files) == (ExitCode.DONE, 1)
    assert target.objects == source.objects


def test_damage_that_two_backups_share_is_told_once(source: MemorySink, run: Run) -> None:
    shared = layout.attachment_key(ACCOUNT.id, "MwAAAAEQ_HoO", "new.txt")
    source.objects[shared] = b"something else altogether"
    done = run(MemorySink("target"))
    assert flawed(done) == [(source.name, shared, "damaged")]
    assert (done.targets[0].copied, list(done.targets[0].refused)) == ([], [UID, LATER])


@pytest.mark.parametrize("name", ["manifest.json", "SHA256SUMS"])
@pytest.mark.parametrize("harm", ["garbled", "gone", "unreadable"])
def test_a_backup_that_cannot_be_made_out_does_not_hold_up_the_others(
    name: str, harm: str, source: MemorySink, run: Run
) -> None:
    key = f"{FOLDER}/{name}"
    if harm == "garbled":
        source.objects[key] = b"garbled"
    elif harm == "unreadable":
        source.fail("read", keys=key, times=None)
    elif name == "SHA256SUMS":
        del source.objects[key]
    else:
        source.before = vanishing(source, key)
    target = MemorySink("target")
    done = run(target)
    assert [(sink, found) for sink, found, _ in flawed(done)] == [(source.name, key)]
    assert (done.targets[0].copied, list(done.targets[0].refused)) == ([LATER], [UID])
    assert not any(UID in stored for stored in target.objects)


def test_a_manifest_that_was_tampered_with_is_not_copied(source: MemorySink, run: Run) -> None:
    source.objects[MANIFEST] = source.objects[MANIFEST].replace(b'"Acme"', b'"Bcme"')
    done = run(MemorySink("target"))
    assert flawed(done) == [(source.name, MANIFEST, "damaged")]
    assert done.exit_code is ExitCode.DAMAGED


def test_a_backup_in_the_folder_of_another_is_not_copied(source: MemorySink, run: Run) -> None:
    source.objects = {key.replace(UID, "20261125T000000Z-1"): data for key, data in source.objects.items()}
    done = run(MemorySink("target"))
    assert [finding for _, _, finding in flawed(done)] == ["damaged"]
    assert done.targets[0].copied == [LATER]


@pytest.mark.parametrize(
    "path", ["../backup-20250101T000000Z-1/manifest.json", "manifest.json", "SHA256SUMS", "../x", "../../a/b"]
)
def test_checksums_cannot_name_what_is_no_part_of_the_backup(path: str, source: MemorySink, run: Run) -> None:
    """Else a hostile source could make another backup look as if it were committed."""
    source.objects[SUMS] += f"{'0' * 64}  {path}\n".encode()
    target = MemorySink("target")
    assert run(target).exit_code is ExitCode.DAMAGED
    assert not any(UID in key or "2025" in key for key in target.objects)


def test_lines_that_contradict_each_other_are_damage(source: MemorySink, run: Run) -> None:
    line = source.objects[SUMS].splitlines()[0]
    source.objects[SUMS] += line + b"\n"  # once more the same is no contradiction
    assert run(MemorySink("one")).exit_code is ExitCode.DONE
    source.objects[SUMS] += b"0" * 64 + line[64:] + b"\n"
    assert flawed(run(MemorySink("two"))) == [(source.name, SUMS, "damaged")]


def test_a_source_that_is_gone_ends_the_copy(run: Run) -> None:
    source = MemorySink("many")
    sample = Sample()
    more = [sample.records[Kind.ATTACHMENTS][0] | {"id": f"IEAAAEDYIYAA{number:04d}"} for number in range(100)]
    sample.records |= {Kind.ATTACHMENTS: more}
    sample.files = {str(record["id"]): b"the plan" for record in more}
    sample.store(source)
    source.fail("read", keys="*/attachments/*", times=None)
    with pytest.raises(SinkError):
        run(MemorySink("target"), source=source)
    assert source.calls["read"] < 60


# What is in the target already


def left_behind(source: MemorySink, keys: Sequence[str] = ()) -> MemorySink:
    """A target at which a copy was killed before its first commit."""
    return MemorySink("target", {key: source.objects[key] for key in keys or (PLAN, f"{FOLDER}/backup-{UID}.zip")})


def test_what_an_interrupted_copy_left_is_compared_and_kept(source: MemorySink, run: Run) -> None:
    target = left_behind(source)
    created: list[str] = []
    target.before = lambda operation, key: created.append(key) if operation == "create" else None
    assert run(target).exit_code is ExitCode.DONE
    assert target.objects == source.objects
    assert PLAN not in created
    assert f"{FOLDER}/backup-{UID}.zip" not in created


@pytest.mark.parametrize("data", [b"", b"the plaN", b"something else"])
def test_what_is_there_and_wrong_is_replaced(data: bytes, source: MemorySink, run: Run) -> None:
    target = MemorySink("target", {PLAN: data, f"{FOLDER}/backup-{UID}.zip": data})
    assert run(target).exit_code is ExitCode.DONE
    assert target.objects == source.objects


def test_what_an_unfinished_run_has_stored_is_replaced_where_it_is_wrong(
    source: MemorySink, run: Run, tmp_path: Path
) -> None:
    """However long ago the run was abandoned; one that goes on after all sees that a copy has written there since."""
    spool = tmp_path / "state" / f"{ACCOUNT.id}-0123456789ab" / "spool.sqlite"
    spool.parent.mkdir(parents=True)
    spool.touch()
    target = MemorySink("target", {PLAN: b"the plaN"})
    assert run(target).exit_code is ExitCode.DONE
    assert target.objects == source.objects


def test_what_another_attempt_at_the_backup_left_is_removed(source: MemorySink, run: Run) -> None:
    target = MemorySink("target", {SUMS: b"of another attempt", f"{FOLDER}/bi-export/old.csv": b"x"})
    assert run(target).exit_code is ExitCode.DONE
    assert target.objects == source.objects


def test_checksums_that_are_there_and_right_are_not_written_again(source: MemorySink, run: Run) -> None:
    """As after a kill between SHA256SUMS and the manifest; a locked store would not let them be replaced."""
    target = MemorySink("target", {SUMS: source.objects[SUMS]})
    target.fail("delete", keys="*/backup-*", times=None)
    assert run(target).exit_code is ExitCode.DONE
    assert target.objects == source.objects


def test_what_a_backup_of_the_target_names_is_never_replaced(source: MemorySink, run: Run) -> None:
    """The target has a backup of its own, in which the same name stands for other bytes."""
    target = MemorySink("target")
    own = Sample(uid="20261101T000000Z-abc", files=FILES | {"IEAAAEDYIYAB7DLK": b"another plan"})
    own.store(target)
    before = dict(target.objects)
    done = run(target)
    assert flawed(done) == [(target.name, PLAN, "damaged")]
    assert (done.targets[0].copied, list(done.targets[0].refused)) == ([LATER], [UID])
    assert {key: target.objects[key] for key in before} == before
    del target.objects[PLAN]
    assert run(target, backups=[UID]).exit_code is ExitCode.DAMAGED
    assert PLAN not in target.objects, "the target's backup would be damaged by the other bytes"


def test_a_truncated_object_of_a_backup_in_the_target_is_told_and_kept(source: MemorySink, run: Run) -> None:
    target = MemorySink("target")
    run(target, backups=[UID])
    shared = layout.attachment_key(ACCOUNT.id, "MwAAAAEQ_HoO", "new.txt")
    target.objects[shared] = b"cut"
    done = run(target)
    assert flawed(done) == [(target.name, shared, "unexpected size")]
    assert target.objects[shared] == b"cut"
    assert list(done.targets[0].refused) == [LATER]


def test_a_different_backup_under_the_same_uid_is_refused(source: MemorySink, run: Run, events: list[Event]) -> None:
    target = MemorySink("target")
    Sample(gaps=(Gap("audit_log", None, "not allowed"),), files={}).store(target)
    before = dict(target.objects)
    done = run(target)
    assert "different backup" in done.targets[0].refused[UID]
    assert any("different backup" in event.text for event in events if isinstance(event, Message))
    assert done.exit_code is ExitCode.PARTIAL
    assert {key: target.objects[key] for key in before} == before
    assert done.targets[0].copied == [LATER]


def test_the_same_run_may_have_committed_in_both(source: MemorySink, run: Run) -> None:
    """Each sink of a run has its own time of commit, and its own number of new files."""
    target = MemorySink("target", source.objects)
    manifest = Manifest.decode(target.objects[MANIFEST], "")
    files = msgspec.structs.replace(manifest.attachments, new=0, new_bytes=0)
    other = msgspec.structs.replace(manifest, finished=manifest.finished.replace(minute=59), attachments=files)
    target.objects[MANIFEST] = other.encode()
    done = run(target)
    assert (done.exit_code, done.targets[0].skipped) == (ExitCode.DONE, [UID, LATER])


@pytest.mark.parametrize("lost", [[PLAN], [SUMS], [PLAN, SUMS, f"{FOLDER}/records-{UID}.zip"]])
def test_what_a_backup_in_the_target_has_lost_is_filled_in(lost: list[str], source: MemorySink, run: Run) -> None:
    target = MemorySink("target")
    run(target)
    for key in lost:
        del target.objects[key]
    done = run(target)
    assert (done.exit_code, done.targets[0].filled, done.targets[0].skipped) == (ExitCode.DONE, [UID], [LATER])
    assert target.objects == source.objects
    assert run(target).targets[0].skipped == [UID, LATER]


def test_damaged_checksums_in_the_target_are_told(source: MemorySink, run: Run) -> None:
    target = MemorySink("target")
    run(target)
    target.objects[SUMS] = b"garbled\n"
    done = run(target)
    assert flawed(done) == [(target.name, SUMS, "damaged")]
    assert target.objects[SUMS] == b"garbled\n"


def test_killed_writers_are_swept_away(run: Run) -> None:
    target = MemorySink("target")
    target.create(PLAN).write(b"half")
    run(target)
    assert target.unfinished() == []


@pytest.mark.parametrize("lost", [None, PLAN, SUMS, MANIFEST])
def test_a_copy_onto_itself_under_another_name_changes_nothing(lost: str | None, source: MemorySink, run: Run) -> None:
    """As a store that is reached in two ways; whatever is damaged in it."""
    if lost is not None:
        source.objects[lost] = b"damaged"
    same, before = MemorySink("same"), dict(source.objects)
    same.objects = source.objects
    run(same)
    assert source.objects == before
    assert same.calls["create"] == same.calls["delete"] == 1  # of the lease


def test_names_that_are_no_unicode_are_told_of_in_one_line_and_the_rest_goes_on(
    source: MemorySink, run: Run, events: list[Event]
) -> None:
    strange = {f"account-{ACCOUNT.id}/attachments/{number}-\udcff": b"x" for number in range(9)}
    target = MemorySink("target", strange | {f"account-{ACCOUNT.id}/backup-\udcff/manifest.json": b""})
    before = dict(source.objects)
    source.objects |= strange
    assert run(target).exit_code is ExitCode.DONE
    assert before.items() <= target.objects.items()
    told = [event.text for event in events if isinstance(event, Message)]
    assert [text.partition(": ")[0] for text in told] == [target.name, source.name]
    assert told[1].endswith(r"/attachments/2-\udcff and 6 more")
    told.clear()
    report = verify(target, ACCOUNT.id, UID, lambda event: told.append(str(event)))
    assert report.findings == ()
    assert sum("not valid Unicode" in text for text in told) == 1


# What is wrong with a target


@pytest.mark.parametrize("operation", ["create", "write", "commit", "sync", "list", "sweep"])
@pytest.mark.parametrize("skip", [0, 2])
def test_a_target_that_fails_is_told_and_the_other_goes_on(
    operation: str, skip: int, source: MemorySink, run: Run, events: list[Event]
) -> None:
    good, bad = MemorySink("good"), MemorySink("bad")
    bad.fail(operation, skip=skip if operation not in ("list", "sweep") else 0, times=None)
    done = run(bad, good)
    assert good.objects == source.objects
    assert [one.failed for one in done.targets] == [f"told to fail at {operation}", None]
    assert done.exit_code is ExitCode.PARTIAL
    assert [event.sink for event in events if isinstance(event, SinkDropped)] == [bad.name]
    for uid in (UID, LATER):
        assert layout.manifest_key(ACCOUNT.id, uid) not in bad.objects or whole(bad, uid)
    assert bad.unfinished() == []
    bad.heal()
    run(bad)
    assert bad.objects == source.objects


def test_a_copy_to_which_no_target_is_left_has_failed(run: Run) -> None:
    full, broken = MemorySink("full", capacity=3000), MemorySink("broken")
    broken.fail("create", times=None)
    done = run(full, broken)
    assert done.exit_code is ExitCode.FAILED
    assert "no room" in str(done.targets[0].failed)
    assert run(full).exit_code is ExitCode.FAILED
    assert MANIFEST not in full.objects
    full.capacity = None
    assert run(full).exit_code is ExitCode.DONE


def test_an_object_that_the_target_did_not_list_spoils_the_backup_and_nothing_else(run: Run) -> None:
    class Late(MemorySink):
        def list(self, prefix: str) -> Any:
            return (entry for entry in super().list(prefix) if entry.key != PLAN)

    target = Late("late", {PLAN: b"who knows"})
    done = run(target)
    assert flawed(done) == [(target.name, PLAN, "unexpected")]
    assert target.objects[PLAN] == b"who knows"
    assert done.targets[0].copied == [LATER]


def test_what_is_wrong_and_locked_is_told(source: MemorySink, run: Run) -> None:
    target = MemorySink("target", {PLAN: b"the plaN"})
    target.fail("delete", lambda: KeyLocked("locked until 2030"), times=None)
    done = run(target)
    assert flawed(done) == [(target.name, PLAN, "damaged")]
    assert (done.targets[0].failed, done.targets[0].copied) == (None, [LATER])


def test_a_lock_is_prolonged_for_what_a_new_backup_names_and_the_target_had(run: Run) -> None:
    class LockingSink(MemorySink):
        def __init__(self, name: str) -> None:
            super().__init__(name)
            self.prolonged: list[str] = []

        def prolong(self, keys: Any) -> None:
            self.prolonged = sorted(keys)

        def locked(self, keys: Any) -> dict[str, Any]:
            return {}

    target = LockingSink("locking")
    run(target, backups=[UID])
    assert target.prolonged == [], "all of it was written just now"
    run(target, backups=[LATER])
    names = ("IEAAAEDYIYAB7DLL-", "IEAAAEDYIYAB7DLM-", "MwAAAAEQ_HoO-")
    assert [key.rpartition("/")[2].startswith(name) for key, name in zip(target.prolonged, names, strict=True)] == [
        True
    ] * 3


def test_a_target_at_which_another_run_is_at_work_is_left_alone(
    job: Callable[..., CopyJob], run: Run, source: MemorySink
) -> None:
    busy, free = MemorySink("busy"), MemorySink("free")
    place: Any = SimpleNamespace(sinks=[busy], state=job(busy).state)
    with locked(place, ACCOUNT):
        done = run(busy)
        assert (done.exit_code, done.targets[0].locked) == (ExitCode.LOCKED, True)
        assert run(busy, free).exit_code is ExitCode.PARTIAL
    assert (busy.objects, free.objects) == ({}, source.objects)


@pytest.mark.parametrize("operation", ["create", "write", "commit"])
def test_a_name_that_a_target_cannot_hold_costs_only_the_backups_that_need_it(
    operation: str, source: MemorySink, run: Run
) -> None:
    narrow, wide = MemorySink("narrow"), MemorySink("wide")
    narrow.fail(operation, lambda: KeyUnfit("file name too long"), keys=PLAN, times=None)
    done = run(narrow, wide)
    assert wide.objects == source.objects
    received = done.targets[0]
    assert (received.failed, received.copied, list(received.refused)) == (None, [LATER], [UID])
    assert PLAN in received.refused[UID]
    assert "file name too long" in received.refused[UID]
    assert (done.exit_code, done.flaws) == (ExitCode.PARTIAL, ())
    assert whole(narrow, LATER)
    assert (MANIFEST in narrow.objects, narrow.unfinished()) == (False, [])


def test_a_target_whose_plugin_lets_a_system_error_slip_is_left_out_alone(source: MemorySink, run: Run) -> None:
    for operation in ("list", "create", "write", "commit", "sync"):
        bad, good = MemorySink("bad"), MemorySink("good")
        bad.fail(operation, lambda: OSError("the disk is gone"), times=None)
        done = run(bad, good)
        assert [one.failed for one in done.targets] == ["the disk is gone", None]
        assert good.objects == source.objects


# Kills


def test_a_power_cut_at_any_moment_loses_nothing_and_is_made_good(
    source: MemorySink, job: Callable[..., CopyJob]
) -> None:
    """After each operation in turn: every backup that is committed is whole, and the next copy finishes the job."""

    class Cut(BaseException):
        pass

    for step in range(1000):
        target, left = MemorySink("target"), [step]

        def before(operation: str, key: str, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise Cut

        target.before = before
        try:
            copy(job(target, transfers=1), lambda _: None)
        except Cut:
            pass
        else:
            assert step > 40
            break
        target.before = None
        target.kill()
        if step % 2:
            target.power_cut()
        for uid in (UID, LATER):
            assert layout.manifest_key(ACCOUNT.id, uid) not in target.objects or whole(target, uid), step
        durable = set(target.objects)
        created: list[str] = []
        target.before = lambda operation, key, created=created: created.append(key) if operation == "create" else None
        assert copy(job(target), lambda _: None).exit_code is ExitCode.DONE
        again = {key for key in durable & set(created) if "/.lease/" not in key}
        assert not again, "nothing that was stored is copied again"
        target.power_cut()
        assert target.objects == source.objects, "what the killed copy had stored is durable too"


# Dry runs


def test_a_dry_run_says_what_would_be_copied_and_changes_nothing(
    source: MemorySink, job: Callable[..., CopyJob]
) -> None:
    target = left_behind(source, [PLAN])
    whole_one = MemorySink("whole", source.objects)
    plan = plan_copy(job(target, whole_one), lambda _: None)
    zips = sum(len(source.objects[f"{FOLDER}/{kind}-{UID}.zip"]) for kind in ("backup", "records"))
    files = sum(len(data) for id_, data in FILES.items() if id_ != "IEAAAEDYIYAB7DLK")
    said = {(one.sink, one.backup_uid): (one.what, one.files, one.bytes, one.found) for one in plan.backups}
    assert said[target.name, UID] == ("to be copied", 5, zips + files, 1)
    assert said[target.name, LATER][1] == 3
    assert said[whole_one.name, UID] == ("there already", 0, 0, 0)
    assert plan.exit_code is ExitCode.DONE
    assert set(target.objects) == {PLAN}
    for sink in (target, whole_one, source):
        assert not {"create", "delete", "sync", "sweep"} & set(sink.calls)


def test_a_dry_run_tells_of_what_would_go_wrong(source: MemorySink, job: Callable[..., CopyJob]) -> None:
    source.objects[MANIFEST] = b"{}"
    bad = MemorySink("bad")
    bad.fail("list", times=None)
    plan = plan_copy(job(bad, MemorySink("good")), lambda _: None)
    assert [one.sink for one in plan.targets if one.failed is not None] == [bad.name]
    assert [flaw.finding.key for flaw in plan.flaws] == [MANIFEST]
    assert plan.exit_code is ExitCode.DAMAGED
    assert json.dumps(msgspec.to_builtins(plan))


def _other_backup(target: MemorySink) -> None:
    Sample(gaps=(Gap("audit_log", None, "not allowed"),), files={}).store(target)


def _other_bytes(target: MemorySink) -> None:
    Sample(uid="20261101T000000Z-abc", files=FILES | {"IEAAAEDYIYAB7DLK": b"another plan"}).store(target)


def _damaged_checksums(target: MemorySink) -> None:
    Sample().store(target)
    target.objects[SUMS] += b"garbled"


def _truncated(target: MemorySink) -> None:
    Sample().store(target)
    target.objects[PLAN] = b"cut"
    del target.objects[layout.records_key(ACCOUNT.id, UID)]


@pytest.mark.parametrize("harm", [_other_backup, _other_bytes, _damaged_checksums, _truncated, None])
def test_a_dry_run_ends_as_the_copy_would(
    harm: Callable[[MemorySink], None] | None, source: MemorySink, job: Callable[..., CopyJob]
) -> None:
    """With everything that can be told without reading objects."""
    target = MemorySink("target")
    if harm is None:
        del source.objects[PLAN]
    else:
        harm(target)
    plan, done = plan_copy(job(target), lambda _: None), copy(job(target), lambda _: None)
    assert plan.exit_code is done.exit_code is not ExitCode.DONE
    assert set(plan.flaws) == set(done.flaws)
    assert plan.targets[0].refused == done.targets[0].refused
