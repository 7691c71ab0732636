"""What another run has written to a sink since this one took its notes is what counts, not the notes.

Encoded anew, the same file has other bytes under the same name: notes that are taken for granted would make checksums that do not fit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine.test_backup import ONE, ROOT, TWO, Shout
from wrikebackup_core import AttachmentMode, Event, Writer
from wrikebackup_core.engine.backup import back_up, dry_run
from wrikebackup_core.engine.copying import CopyJob, copy
from wrikebackup_core.engine.job import Job, Outcome
from wrikebackup_core.engine.verify import verify
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.testing import MemorySink

MakeJob = Callable[..., Job]
OURS, THEIRS = f"{ONE}.loud", f"{TWO}.loud"


class Salted(Shout):
    """Encodes each time anew, as encryption does: other bytes, of the same length."""

    salt = 0

    def encode(self, target: Writer) -> Writer:
        Salted.salt += 1
        loud = super().encode(target)
        target.write(Salted.salt.to_bytes(4, "big"))
        return loud


def ignore(_: Event) -> None: ...


def run(job: Job) -> Outcome:
    return back_up(job, ignore)


def breaks_off(job: Job, sink: MemorySink, operation: str = "commit", keys: str = "*/manifest.json") -> None:
    """A run that ends when all attachments are stored and the backup is not yet committed."""
    sink.fail(operation, KeyboardInterrupt, keys=keys)
    with pytest.raises(KeyboardInterrupt):
        back_up(job, ignore)
    sink.heal()
    sink.kill()


def elsewhere(job: Job) -> Job:
    """The same from another host."""
    return replace(job, state=job.state.with_name("other"))


def assert_sound(sink: MemorySink) -> None:
    """Every backup is what its checksums say, none has a gap, and none would lose anything in a power cut."""
    uids = [key.split("/")[1].removeprefix("backup-") for key in sink.objects if key.endswith("/manifest.json")]
    assert uids
    for uid in uids:
        assert json.loads(sink.objects[f"{ROOT}/backup-{uid}/manifest.json"])["complete"]
        assert not verify(sink, "IEAAAEDY", uid, ignore).findings
    sink.kill()
    committed = dict(sink.objects)
    sink.power_cut()
    assert {key for key in committed if key not in sink.objects and uids[-1] in key} == set()


def test_a_run_that_goes_on_after_the_profile_lost_a_sink_for_a_while(make_job: MakeJob) -> None:
    kept, gone = MemorySink("kept"), MemorySink("gone")
    breaks_off(make_job(kept, gone, transforms=[Salted()]), kept)
    run(make_job(kept, transforms=[Salted()]))
    run(make_job(kept, gone, transforms=[Salted()]))
    assert_sound(kept)
    assert_sound(gone)


def test_a_run_that_goes_on_after_another_profile_was_killed_in_the_same_sink(make_job: MakeJob) -> None:
    sink, gone = MemorySink("sink"), MemorySink("gone")
    breaks_off(make_job(sink, gone, transforms=[Salted()]), sink)
    breaks_off(make_job(sink, transforms=[Salted()]), sink)
    run(make_job(sink, gone, transforms=[Salted()]))
    assert_sound(sink)
    assert_sound(gone)


def test_notes_are_distrusted_though_the_run_that_found_out_was_killed_too(make_job: MakeJob) -> None:
    sink, gone = MemorySink("sink"), MemorySink("gone")
    breaks_off(make_job(sink, gone, transforms=[Salted()]), sink)
    breaks_off(make_job(sink, transforms=[Salted()]), sink)
    breaks_off(make_job(sink, gone, transforms=[Salted()]), sink, "list", "*")
    run(make_job(sink, gone, transforms=[Salted()]))
    assert_sound(sink)


def test_a_run_that_goes_on_after_another_host_has_committed_to_the_same_sink(make_job: MakeJob) -> None:
    sink = MemorySink()
    breaks_off(make_job(sink, transforms=[Salted()]), sink)
    run(elsewhere(make_job(sink, transforms=[Salted()])))
    run(elsewhere(make_job(sink, transforms=[Salted()], mode=AttachmentMode.NONE)))  # the newest names no attachment
    run(make_job(sink, transforms=[Salted()]))
    assert_sound(sink)


def test_what_was_written_before_a_kill_and_replaced_by_another_is_left_to_the_other(make_job: MakeJob) -> None:
    """The first run never got as far as a barrier: it has to look at what it wrote, and finds another's."""
    sink = MemorySink()
    breaks_off(make_job(sink, transforms=[Salted()]), sink, "sync", "*")
    run(elsewhere(make_job(sink, transforms=[Salted()])))
    theirs = {key: data for key, data in sink.objects.items() if "/attachments/" in key}
    run(make_job(sink, transforms=[Salted()]))
    assert {key: data for key, data in sink.objects.items() if "/attachments/" in key} == theirs
    assert_sound(sink)


def test_what_another_run_left_is_not_fetched_again_where_notes_agree_with_it(source, make_job: MakeJob) -> None:
    sink, gone = MemorySink("sink"), MemorySink("gone")
    breaks_off(make_job(sink, gone), sink)
    breaks_off(make_job(sink), sink)
    source.asked.clear()
    assert run(make_job(sink, gone)).complete
    assert [key for key in source.asked if key.startswith("file:")] == []
    assert_sound(sink)


def test_after_a_copy_into_the_sink_notes_are_looked_at_again(make_job: MakeJob, tmp_path: Path) -> None:
    sink, gone, other = MemorySink("sink"), MemorySink("gone"), MemorySink("other")
    breaks_off(make_job(sink, gone, transforms=[Salted()]), sink)
    run(make_job(other, transforms=[Salted()]))
    sink.delete([OURS, THEIRS])
    copy(CopyJob(source=other, targets=(sink,), state=tmp_path / "state", plugins=Plugins(), transfers=4), ignore)
    run(make_job(sink, gone, transforms=[Salted()]))
    assert_sound(sink)


def test_a_run_whose_notes_nobody_contradicts_reads_nothing_back(make_job: MakeJob) -> None:
    sink = MemorySink()
    breaks_off(make_job(sink, transforms=[Salted()]), sink)
    sink.calls.clear()
    read: list[str] = []
    sink.before = lambda operation, key: read.append(key) if operation == "open" and "/attachments/" in key else None
    run(make_job(sink, transforms=[Salted()]))
    assert read == []
    assert_sound(sink)


def test_what_a_killed_process_stored_is_durable_before_the_next_one_commits(make_job: MakeJob) -> None:
    sink = MemorySink()
    breaks_off(make_job(sink), sink, "sync", "*")
    outcome = run(make_job(sink))
    sink.power_cut()
    assert not verify(sink, "IEAAAEDY", outcome.backup_uid, ignore).findings


def test_a_damaged_file_of_the_recorded_size_is_never_adopted_though_its_notes_went_with_a_kill(
    source, make_job: MakeJob
) -> None:
    sink = MemorySink()
    breaks_off(make_job(sink), sink, "sync", "*")
    sink.objects[TWO] = bytes(len(sink.objects[TWO]))  # what a power cut may leave
    breaks_off(make_job(sink), sink, "create", "*/attachments/*")
    assert run(make_job(sink)).complete
    assert hashlib.sha256(sink.objects[TWO]).digest() == hashlib.sha256(source.files["IEAAAEDYIYAAAAAC"]).digest()
    assert_sound(sink)


def test_a_dry_run_of_another_profile_costs_the_notes_nothing(make_job: MakeJob) -> None:
    sink, gone = MemorySink("sink"), MemorySink("gone")
    breaks_off(make_job(sink, gone, transforms=[Salted()]), sink)
    dry_run(make_job(sink, transforms=[Salted()]), ignore)
    read: list[str] = []
    sink.before = lambda operation, key: read.append(key) if operation == "open" and "/attachments/" in key else None
    run(make_job(sink, gone, transforms=[Salted()]))
    assert read == []


def test_what_another_host_committed_after_the_sink_was_listed_is_never_deleted(make_job: MakeJob) -> None:
    theirs = MemorySink()
    run(elsewhere(make_job(theirs, transforms=[Salted()])))
    # When the sink is listed their files are there, and their backup is not yet.
    sink = MemorySink(objects={key: data for key, data in theirs.objects.items() if "/attachments/" in key})
    files, listings = dict(sink.objects), list[str]()

    def commits(operation: str, key: str) -> None:
        listings.extend([key] if operation == "list" else [])
        if len(listings) == 2:
            sink.objects.update(theirs.objects)

    sink.before = commits
    run(make_job(sink, transforms=[Salted()]))
    assert {key: data for key, data in sink.objects.items() if "/attachments/" in key} == files
    assert_sound(sink)
