"""What a run promises after it was stopped, and about files that do not come as they should."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from wrikebackup_core import (
    Event,
    Gap,
    Interrupted,
    Kind,
    Message,
    NotFound,
    SinkError,
    SourceError,
    Unauthorized,
    resuming,
)
from wrikebackup_core.engine import backup, transfer
from wrikebackup_core.engine.backup import back_up, dry_run
from wrikebackup_core.engine.job import Job
from wrikebackup_core.errors import Locked
from wrikebackup_core.testing import MemorySink

ROOT = "account-IEAAAEDY"
ONE = f"{ROOT}/attachments/IEAAAEDYIYAAAAAB-one.txt"
TWO = f"{ROOT}/attachments/IEAAAEDYIYAAAAAC-two.bin"
MakeJob = Callable[..., Job]


def ignore(_: Event) -> None: ...


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resuming, "_WAIT_SECONDS", 0.0)
    monkeypatch.setattr(resuming, "_WAIT_MAX_SECONDS", 0.0)


def downloads(source) -> list[str]:
    return [key.removeprefix("file:") for key in source.asked.elements() if key.startswith("file:")]


def test_a_crawl_that_broke_goes_on_at_the_page_it_had_reached(source, make_job: MakeJob) -> None:
    source.fail_at[(Kind.TASKS, 4)] = SourceError("the server is gone")
    sink = MemorySink()
    with pytest.raises(SourceError):
        back_up(make_job(sink), ignore)
    outcome = back_up(make_job(sink), ignore)
    assert outcome.resumed
    assert outcome.counts["tasks"] == 5
    pages = {key: times for key, times in source.asked.items() if ":" in key and not key.startswith("file:")}
    assert set(pages.values()) == {1}


def test_no_file_that_was_stored_is_downloaded_again(source, make_job: MakeJob) -> None:
    sink = MemorySink()
    sink.fail("create", keys="*/backup-*.zip")
    with pytest.raises(SinkError):
        back_up(make_job(sink), ignore)
    source.asked.clear()
    outcome = back_up(make_job(sink), ignore)
    assert downloads(source) == []
    assert outcome.complete
    assert outcome.attachments_new == 3


def test_what_was_committed_but_not_yet_durable_is_read_back_before_it_is_trusted(source, make_job: MakeJob) -> None:
    sink = MemorySink()
    sink.fail("sync")
    with pytest.raises(SinkError):
        back_up(make_job(sink), ignore)
    sink.objects[TWO] = b"\0" * len(sink.objects[TWO])  # what a power cut may leave
    source.asked.clear()
    back_up(make_job(sink), ignore)
    assert downloads(source) == ["IEAAAEDYIYAAAAAC"]
    assert sink.objects[TWO] == source.files["IEAAAEDYIYAAAAAC"]


def test_a_run_killed_between_two_commits_leaves_the_first_as_it_is(source, make_job: MakeJob) -> None:
    first, second = MemorySink("a"), MemorySink("b")

    def kill(operation: str, key: str) -> None:
        if operation == "commit" and key.endswith("manifest.json"):
            raise KeyboardInterrupt

    second.before = kill
    with pytest.raises(KeyboardInterrupt):
        back_up(make_job(first, second), ignore)
    before = {key: data for key, data in first.objects.items() if "/.lease/" not in key}
    second.before = None
    outcome = back_up(make_job(first, second), ignore)
    assert first.objects == before
    assert outcome.sinks == {"memory:a": None, "memory:b": None}
    assert f"{ROOT}/backup-{outcome.backup_uid}/manifest.json" in second.objects


def test_an_old_unfinished_run_is_given_up_but_its_files_are_kept(
    source, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = MemorySink()
    sink.fail("commit", keys="*/manifest.json")
    with pytest.raises(SinkError):
        back_up(make_job(sink), ignore)
    abandoned = {key for key in sink.objects if "/backup-" in key}
    assert abandoned
    source.asked.clear()
    monkeypatch.setattr(backup, "RESUME_WITHIN", timedelta(0))
    outcome = back_up(make_job(sink), ignore)
    assert not outcome.resumed
    assert downloads(source) == []
    assert source.asked["tasks:0"] == 1
    assert not abandoned & set(sink.objects)


def test_a_changed_profile_begins_anew(source, make_job: MakeJob) -> None:
    source.fail_at[(Kind.TASKS, 4)] = SourceError("gone")
    sink = MemorySink()
    with pytest.raises(SourceError):
        back_up(make_job(sink), ignore)
    outcome = back_up(make_job(sink, fingerprint="other"), ignore)
    assert not outcome.resumed
    assert source.asked["tasks:0"] == 2


def test_a_dry_run_deletes_nothing_of_a_run_that_it_gives_up_and_the_next_run_does(source, make_job: MakeJob) -> None:
    sink = MemorySink()
    sink.fail("commit", keys="*/manifest.json")
    with pytest.raises(SinkError):
        back_up(make_job(sink), ignore)
    sink.heal()
    unfinished = {key: data for key, data in sink.objects.items() if key.startswith(f"{ROOT}/backup-")}
    assert unfinished
    dry_run(make_job(sink, fingerprint="other"), ignore)
    dry_run(make_job(sink, fingerprint="a third"), ignore)
    assert unfinished.items() <= sink.objects.items()
    back_up(make_job(sink, fingerprint="a third"), ignore)
    assert not unfinished.keys() & sink.objects.keys()


def test_a_run_whose_notes_are_lost_adopts_files_of_the_right_size(source, make_job: MakeJob, tmp_path) -> None:
    sink = MemorySink()
    sink.objects = {ONE: b"first", TWO: b"too short"}
    back_up(make_job(sink), ignore)
    assert "IEAAAEDYIYAAAAAB" not in downloads(source)
    assert sink.objects[TWO] == source.files["IEAAAEDYIYAAAAAC"]


def test_a_stored_file_that_was_cut_short_is_replaced(source, make_job: MakeJob) -> None:
    sink = MemorySink()
    back_up(make_job(sink), ignore)
    sink.objects[TWO] = sink.objects[TWO][:-1]
    source.asked.clear()
    outcome = back_up(make_job(sink), ignore)
    assert downloads(source) == ["IEAAAEDYIYAAAAAC"]
    assert sink.objects[TWO] == source.files["IEAAAEDYIYAAAAAC"]
    assert outcome.complete


def test_a_broken_connection_goes_on_where_it_broke(source, make_job: MakeJob, monkeypatch) -> None:
    monkeypatch.setattr(transfer, "_CHUNK", 1000)
    source.cut["IEAAAEDYIYAAAAAC"] = [1500, 3000]
    sink = MemorySink()
    assert back_up(make_job(sink), ignore).complete
    assert sink.objects[TWO] == source.files["IEAAAEDYIYAAAAAC"]
    assert source.asked["file:IEAAAEDYIYAAAAAC"] == 3


def test_a_server_that_cannot_go_on_is_read_from_the_start(source, make_job: MakeJob, monkeypatch) -> None:
    monkeypatch.setattr(transfer, "_CHUNK", 1000)
    source.ranges = False
    source.cut["IEAAAEDYIYAAAAAC"] = [1500]
    sink = MemorySink()
    assert back_up(make_job(sink), ignore).complete
    assert sink.objects[TWO] == source.files["IEAAAEDYIYAAAAAC"]


def test_a_small_file_that_came_in_part_is_compared_too(source, make_job: MakeJob) -> None:
    """Whatever the size of a read: one that brought less than the file is followed by a comparison."""
    source.ranges = False
    source.cut["IEAAAEDYIYAAAAAC"] = [1500, 700, 4000]
    sink = MemorySink()
    assert back_up(make_job(sink), ignore).complete
    assert sink.objects[TWO] == source.files["IEAAAEDYIYAAAAAC"]


def test_a_file_that_changes_while_it_is_read_is_never_stored(source, make_job: MakeJob, monkeypatch) -> None:
    monkeypatch.setattr(transfer, "_CHUNK", 1000)
    source.ranges = False
    source.cut["IEAAAEDYIYAAAAAC"] = [1500]
    times = []

    def change(id_: str) -> None:
        times.append(id_)
        if times.count("IEAAAEDYIYAAAAAC") == 2:
            source.files["IEAAAEDYIYAAAAAC"] = bytes(5120)

    source.before_download = change
    sink = MemorySink()
    outcome = back_up(make_job(sink), ignore)
    assert TWO not in sink.objects
    assert [gap.id for gap in outcome.gaps] == ["IEAAAEDYIYAAAAAC"]


@pytest.mark.parametrize("data", [b"short", bytes(6000)])
def test_a_file_of_another_size_than_recorded_is_never_stored(source, make_job: MakeJob, data: bytes) -> None:
    source.files["IEAAAEDYIYAAAAAC"] = data
    sink = MemorySink()
    outcome = back_up(make_job(sink), ignore)
    assert TWO not in sink.objects
    assert not outcome.complete
    assert [gap.id for gap in outcome.gaps] == ["IEAAAEDYIYAAAAAC"]
    assert b"two.bin" not in sink.objects[f"{ROOT}/backup-{outcome.backup_uid}/SHA256SUMS"]


def test_a_file_that_is_gone_is_a_gap_until_it_comes_back(source, make_job: MakeJob) -> None:
    source.lost["IEAAAEDYIYAAAAAB"] = NotFound("no attachment IEAAAEDYIYAAAAAB")
    sink = MemorySink()
    outcome = back_up(make_job(sink), ignore)
    assert outcome.gaps == (Gap("attachments", "IEAAAEDYIYAAAAAB", "no attachment IEAAAEDYIYAAAAAB"),)
    source.lost.clear()
    assert back_up(make_job(sink), ignore).complete


def test_a_gap_that_the_next_attempt_closes_is_forgotten(source, make_job: MakeJob) -> None:
    source.lost["IEAAAEDYIYAAAAAB"] = NotFound("gone")
    sink = MemorySink()
    sink.fail("commit", keys="*/manifest.json")
    with pytest.raises(SinkError):
        back_up(make_job(sink), ignore)
    source.lost.clear()
    outcome = back_up(make_job(sink), ignore)
    assert outcome.resumed
    assert outcome.complete


def test_a_sink_that_fails_at_what_it_alone_lacks_costs_the_other_nothing(source, make_job: MakeJob) -> None:
    """The first sink has its archive from an attempt that was killed; the second is full when the archive comes to it."""
    first, second = MemorySink("a"), MemorySink("b")

    def kill(operation: str, key: str) -> None:
        if operation == "commit" and "/backup-" in key:
            raise KeyboardInterrupt

    second.before = kill
    with pytest.raises(KeyboardInterrupt):
        back_up(make_job(first, second), ignore)
    second.before = None
    second.fail("write", keys="*/backup-*", times=None)
    second.fail("create", keys="*/backup-*", times=None)
    outcome = back_up(make_job(first, second), ignore)
    assert outcome.sinks["memory:a"] is None
    assert outcome.sinks["memory:b"] is not None


def test_the_reason_why_the_last_sink_failed_is_the_error_of_the_run(source, make_job: MakeJob) -> None:
    sink = MemorySink()
    sink.fail("create", lambda: SinkError("the disk is on fire", hint="run"), times=None)
    with pytest.raises(SinkError, match="on fire") as raised:
        back_up(make_job(sink), ignore)
    assert raised.value.hint == "run"


def test_a_token_that_is_refused_ends_the_run_at_once(source, make_job: MakeJob) -> None:
    source.lost = dict.fromkeys(source.files, Unauthorized("the token was revoked"))
    sink = MemorySink()
    with pytest.raises(Unauthorized):
        back_up(make_job(sink), ignore)
    assert not any(key.endswith("manifest.json") for key in sink.objects)


def test_a_server_that_is_gone_ends_the_run_instead_of_making_a_gap_of_every_file(
    source, make_job: MakeJob, monkeypatch
) -> None:
    monkeypatch.setattr(transfer, "_HOPELESS", 3)
    monkeypatch.setattr(resuming, "_ATTEMPTS", 1)
    source.lost = dict.fromkeys(source.files, Interrupted("connection refused"))
    with pytest.raises(Interrupted):
        back_up(make_job(MemorySink()), ignore)


def test_a_server_that_is_away_for_a_while_costs_no_file_and_is_told_of(
    source, make_job: MakeJob, monkeypatch, caplog
) -> None:
    monkeypatch.setattr(resuming, "_TELL_AFTER_SECONDS", 0.0)
    failures = 100

    def away(_: str) -> None:
        nonlocal failures
        failures -= 1
        if failures > 0:
            raise Interrupted("the server answered 503", outage=True)

    source.before_download = away
    assert back_up(make_job(MemorySink()), ignore).complete
    assert sum("still trying" in record.getMessage() for record in caplog.records) == 1


def test_a_file_that_the_server_never_gives_is_a_gap_while_others_come(source, make_job: MakeJob) -> None:
    id_ = next(iter(source.files))

    def sometimes(wanted: str) -> None:
        if wanted == id_:
            raise Interrupted("the server answered 500", outage=source.asked[f"file:{id_}"] % 2 == 0)

    source.before_download = sometimes
    outcome = back_up(make_job(MemorySink()), ignore)
    assert [gap.id for gap in outcome.gaps] == [id_]


@pytest.mark.parametrize("others", [["a"], ["a", "b"]])
def test_two_runs_at_once_on_one_sink_are_refused(source, make_job: MakeJob, others: list[str]) -> None:
    inside, done = threading.Event(), threading.Event()

    def hold(_: str) -> None:
        inside.set()
        done.wait(30)

    source.before_download = hold
    first = threading.Thread(target=back_up, args=(make_job(MemorySink("a")), ignore))
    first.start()
    try:
        assert inside.wait(30)
        with pytest.raises(Locked):
            back_up(make_job(*map(MemorySink, others)), ignore)
    finally:
        done.set()
        first.join()


def test_backups_sort_by_the_time_they_were_begun_even_within_a_second(source, make_job: MakeJob) -> None:
    sink = MemorySink()
    uids = [back_up(make_job(sink), ignore).backup_uid for _ in range(4)]
    assert uids == sorted(uids)


def test_what_nobody_has_gone_on_with_for_a_month_is_deleted_and_told_of(source, make_job: MakeJob, tmp_path) -> None:
    """The profile has other sinks since: the spool, which holds the account in the clear, would stay for ever."""
    sink, gone = MemorySink("sink"), MemorySink("gone")
    for sinks in ((sink, gone), (gone,)):
        source.fail_at[(Kind.TASKS, 4)] = SourceError("gone")
        with pytest.raises(SourceError):
            back_up(make_job(*sinks), ignore)
    old, young = sorted((tmp_path / "state").glob("IEAAAEDY-*"), key=lambda folder: folder.stat().st_mtime_ns)
    for file in old.iterdir():
        os.utime(file, (1_700_000_000, 1_700_000_000))
    told: list[Event] = []
    dry_run(make_job(sink), told.append)
    assert old.exists(), "a dry run deletes nothing"
    back_up(make_job(sink), told.append)
    assert not old.exists()
    assert young.exists()
    assert [event.text for event in told if isinstance(event, Message) and str(old) in event.text] == [
        f"what a run of 2023-11-14 had read and nobody went on with is deleted: {old}"
    ]
