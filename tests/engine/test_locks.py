"""Stores that refuse to delete: every backup is locked as a whole, and nothing that is locked stands in the way for ever."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.engine.test_backup import ONE, ROOT, TWO, folder, manifest, run
from tests.engine.test_two_sinks import damaged, downloads, findings, warnings
from wrikebackup_core import Event, Kind, SinkDropped, SinkError
from wrikebackup_core.engine.job import Job
from wrikebackup_core.errors import ExitCode
from wrikebackup_core.testing import MemorySink

MakeJob = Callable[..., Job]
NEAR = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
def sink() -> MemorySink:
    return MemorySink(lock_days=30)


def kill_at(pattern: str) -> Callable[[str, str], None]:
    def before(operation: str, key: str) -> None:
        if operation == "commit" and key.endswith(pattern):
            raise KeyboardInterrupt

    return before


def committed(sink: MemorySink) -> list[str]:
    return [key for key in sink.objects if key.endswith("manifest.json")]


def test_every_object_of_a_backup_is_locked_at_least_as_long_as_those_that_are_new(
    source, make_job: MakeJob, sink: MemorySink
) -> None:
    run(make_job(sink))
    sink.locks = dict.fromkeys(sink.locks, NEAR)  # as after 29 days
    source.attach("IEAAAEDYIYAAAAAE", "new.txt", b"new", "T0000001")
    begun = datetime.now(UTC) + timedelta(days=30)
    outcome = run(make_job(sink))
    parts = [key for key in sink.objects if "/attachments/" in key or key.startswith(folder(outcome))]
    assert len(parts) == 4 + 4
    assert all(sink.locks[key] >= begun for key in parts)


def test_locks_are_prolonged_before_the_manifest_says_that_there_is_a_backup(make_job: MakeJob) -> None:
    sink = MemorySink(lock_days=30)
    run(make_job(sink))
    sink.locks = dict.fromkeys(sink.locks, NEAR)

    def before(operation: str, key: str) -> None:
        if operation == "commit" and key.endswith("manifest.json"):
            assert all(until > NEAR for key, until in sink.locks.items() if "/attachments/" in key)

    sink.before = before
    run(make_job(sink))


def test_only_what_the_backup_names_and_did_not_write_itself_is_prolonged(
    source, make_job: MakeJob, sink: MemorySink
) -> None:
    run(make_job(sink))
    assert sink.calls["prolong"] == 0
    source.listing[Kind.ATTACHMENTS].pop(0)
    run(make_job(sink))
    assert sink.calls["prolong"] == 2


def test_a_resumed_run_prolongs_what_the_first_attempt_wrote(source, make_job: MakeJob, sink: MemorySink) -> None:
    sink.before = kill_at("SHA256SUMS")
    with pytest.raises(KeyboardInterrupt):
        run(make_job(sink))
    sink.before = None
    sink.locks = dict.fromkeys(sink.locks, NEAR)
    outcome = run(make_job(sink))
    assert outcome.resumed
    assert all(until > NEAR for until in sink.locks.values())
    assert set(sink.locks) == set(sink.objects)


def test_a_sink_whose_locks_cannot_be_prolonged_is_dropped_and_the_others_commit(
    make_job: MakeJob, sink: MemorySink, events
) -> None:
    other = MemorySink("other")
    run(make_job(sink, other))
    sink.fail("prolong", times=None)
    before = committed(sink)
    outcome = run(make_job(sink, other), events)
    assert outcome.exit_code is ExitCode.PARTIAL
    assert [event.sink for event in events if isinstance(event, SinkDropped)] == [sink.name]
    assert committed(sink) == before
    assert len(committed(other)) == 2


@pytest.mark.parametrize("asked", [True, False], ids=["locked", "not locked"])
def test_a_run_killed_before_its_manifest_is_finished_though_its_checksums_are_there(
    make_job: MakeJob, asked: bool
) -> None:
    sink = MemorySink(lock_days=30 if asked else None)
    sink.before = kill_at("manifest.json")
    with pytest.raises(KeyboardInterrupt):
        run(make_job(sink))
    sink.before = None
    outcome = run(make_job(sink))
    assert outcome.resumed
    assert outcome.exit_code is ExitCode.DONE
    assert findings(sink) == []


def spoil(source, make_job: MakeJob, sink: MemorySink) -> str:
    """A run that is killed before its manifest, and whose checksums would be others the next time: a file has come back."""
    data = source.files.pop("IEAAAEDYIYAAAAAC")
    sink.before = kill_at("manifest.json")
    with pytest.raises(KeyboardInterrupt):
        run(make_job(sink))
    sink.before = None
    source.files["IEAAAEDYIYAAAAAC"] = data
    (sums,) = (key for key in sink.objects if key.endswith("SHA256SUMS"))
    return sums


def test_checksums_that_are_locked_and_wrong_are_left_behind_with_their_backup(
    source, make_job: MakeJob, sink: MemorySink, events
) -> None:
    sums = spoil(source, make_job, sink)
    wrong = sink.objects[sums]
    source.asked.clear()
    outcome = run(make_job(sink), events)
    assert outcome.exit_code is ExitCode.DONE
    assert not sums.startswith(folder(outcome))
    assert sink.objects[sums] == wrong
    assert committed(sink) == [f"{folder(outcome)}/manifest.json"]
    assert downloads(source) == ["IEAAAEDYIYAAAAAC"]
    assert findings(sink) == []
    told = warnings(events)
    assert any("cannot be finished" in text and "a new backup is begun" in text for text in told)
    assert any("it is no backup" in text for text in told)


def test_a_sink_with_such_checksums_costs_the_others_nothing_and_has_the_next_backup(
    source, make_job: MakeJob, sink: MemorySink
) -> None:
    data = source.files.pop("IEAAAEDYIYAAAAAC")
    other = MemorySink("other")
    sink.before = kill_at("manifest.json")
    with pytest.raises(KeyboardInterrupt):
        run(make_job(sink, other))
    sink.before = None
    source.files["IEAAAEDYIYAAAAAC"] = data
    outcome = run(make_job(sink, other))
    assert outcome.sinks[other.name] is None
    assert "cannot be finished" in str(outcome.sinks[sink.name])
    assert committed(sink) == []
    outcome = run(make_job(sink, other))
    assert outcome.exit_code is ExitCode.DONE
    assert len(committed(sink)) == 1


def test_a_part_of_the_backup_that_is_locked_and_damaged_is_left_behind_too(
    source, make_job: MakeJob, sink: MemorySink
) -> None:
    sink.before = kill_at("manifest.json")
    sink.fail("sync", times=1)
    with pytest.raises(SinkError):
        run(make_job(sink))
    sink.before = None
    (archive,) = (key for key in sink.objects if "/backup-" in key and "/records-" not in key)
    sink.objects[archive] = damaged(sink.objects[archive])
    outcome = run(make_job(sink))
    assert outcome.exit_code is ExitCode.DONE
    assert not archive.startswith(folder(outcome))
    assert findings(sink) == []


def test_parts_of_a_backup_that_this_host_knows_nothing_of_any_more_are_made_again(source, make_job: MakeJob) -> None:
    """A power cut took its notes of them."""
    sink, key = MemorySink(), ""

    def before(operation: str, opened: str) -> None:
        nonlocal key
        if operation == "commit" and "/records-" in opened:
            key = opened
            raise KeyboardInterrupt

    sink.before = before
    with pytest.raises(KeyboardInterrupt):
        run(make_job(sink))
    sink.before = None
    sink.objects[key] = b"not the whole zip"
    sink.objects[key.replace("records-", "other-")] = b"x"
    assert run(make_job(sink)).resumed
    assert findings(sink) == []


def test_a_locked_attachment_that_is_not_what_it_should_be_is_a_gap_of_this_sink_only(
    source, make_job: MakeJob, sink: MemorySink, events
) -> None:
    other = MemorySink("other")
    sink.objects = {TWO: b"too short", ONE: b"first"}
    sink.locks = {TWO: NEAR}
    outcome = run(make_job(sink, other), events)
    assert outcome.exit_code is ExitCode.PARTIAL
    assert not outcome.complete
    assert [(gap.kind, gap.id) for gap in outcome.gaps] == [("attachments", "IEAAAEDYIYAAAAAC")]
    assert "locked until" in outcome.gaps[0].reason
    assert manifest(sink, outcome)["complete"] is False
    assert manifest(other, outcome)["complete"] is True
    assert b"two.bin" not in sink.objects[f"{folder(outcome)}/SHA256SUMS"]
    assert sink.objects[TWO] == b"too short"
    assert any(TWO.removeprefix(f"{ROOT}/") in text and "locked until" in text for text in warnings(events))
    assert findings(other) == findings(sink) == []
    sink.locks.clear()
    outcome = run(make_job(sink, other))
    assert outcome.exit_code is ExitCode.DONE
    assert sink.objects[TWO] == other.objects[TWO]


def test_a_locked_and_damaged_copy_in_a_holder_is_a_gap_of_the_holder(
    source, make_job: MakeJob, sink: MemorySink
) -> None:
    run(make_job(sink))
    sink.objects[TWO] = damaged(sink.objects[TWO])
    new, events = MemorySink("new"), list[Event]()
    outcome = run(make_job(sink, new), events)
    assert manifest(sink, outcome)["complete"] is False
    assert manifest(new, outcome)["complete"] is True
    assert findings(sink) == [f"{TWO}: damaged"]
    assert findings(new) == []
    assert any("stays so" in text and "locked until" in text for text in warnings(events))


def test_what_a_given_up_run_left_locked_is_told_of_and_no_backup(
    source, make_job: MakeJob, sink: MemorySink, events
) -> None:
    sink.before = kill_at("SHA256SUMS")
    with pytest.raises(KeyboardInterrupt):
        run(make_job(sink))
    sink.before = None
    left = {key for key in sink.objects if "/backup-" in key}
    outcome = run(make_job(sink, fingerprint="other"), events)
    assert outcome.exit_code is ExitCode.DONE
    assert left <= set(sink.objects)
    (text,) = warnings(events)
    assert "parts of it are locked" in text
    assert committed(sink) == [f"{folder(outcome)}/manifest.json"]


def test_a_store_that_locks_and_does_not_tell_what_is_dropped_with_its_reason(make_job: MakeJob) -> None:
    class Silent(MemorySink):
        def locked(self, keys):
            return {}

    sink, other = Silent(lock_days=30), MemorySink("other")
    sink.objects = {TWO: b"too short"}
    sink.locks = {TWO: NEAR}
    outcome = run(make_job(sink, other))
    assert "is locked until" in str(outcome.sinks[sink.name])
    assert outcome.sinks[other.name] is None
