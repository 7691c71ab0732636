"""What one sink lacks and another holds is copied from there: the source gives each file once for all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import msgspec
import pytest

from tests.engine.test_backup import ONE, ROOT, TWO, Shout, folder, manifest, run
from wrikebackup_core import Event, KeyUnfit, Message, SinkDropped, SinkError, StageFinished, Writer
from wrikebackup_core.engine import holders
from wrikebackup_core.engine.backup import back_up, dry_run
from wrikebackup_core.engine.job import Job
from wrikebackup_core.engine.verify import verify
from wrikebackup_core.errors import ExitCode, WrikeBackupError
from wrikebackup_core.format.manifest import Manifest
from wrikebackup_core.journal import Journal
from wrikebackup_core.testing import MemorySink

MakeJob = Callable[..., Job]


def downloads(source) -> list[str]:
    return [key.removeprefix("file:") for key in source.asked.elements() if key.startswith("file:")]


def warnings(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Message) and event.warning]


def said(events: list[Event], stage: str) -> str:
    (text,) = (event.summary for event in events if isinstance(event, StageFinished) and event.stage == stage)
    return text


def attachments(sink: MemorySink) -> dict[str, bytes]:
    return {key: data for key, data in sink.objects.items() if "/attachments/" in key}


def findings(sink: MemorySink) -> list[str]:
    return [f"{finding.key}: {finding.what}" for finding in verify(sink, "IEAAAEDY", None, lambda _: None).findings]


def test_a_sink_that_is_new_is_filled_from_the_one_that_holds_the_files(source, make_job: MakeJob, events) -> None:
    old, new = MemorySink("old"), MemorySink("new")
    run(make_job(old))
    source.asked.clear()
    outcome = run(make_job(old, new), events)
    assert downloads(source) == []
    assert attachments(new) == attachments(old)
    assert findings(new) == findings(old) == []
    assert said(events, "plan") == "3 files, 0 of them new, 3 to be copied from one sink to another"
    assert said(events, "transfer") == "3 of 3 new files stored, 3 of them copied from memory:old"
    assert (outcome.attachments_total, outcome.attachments_new, outcome.bytes_new) == (3, 0, 0)
    assert outcome.attachments_copied == 3
    assert manifest(new, outcome)["attachments"]["new"] == 3  # type: ignore[index]
    assert manifest(old, outcome)["attachments"]["new"] == 0  # type: ignore[index]


def test_a_file_that_nobody_holds_is_downloaded_once_for_all(source, make_job: MakeJob, events) -> None:
    old, new = MemorySink("old"), MemorySink("new")
    run(make_job(old))
    source.attach("IEAAAEDYIYAAAAAE", "new.txt", b"new", "T0000001")
    source.asked.clear()
    outcome = run(make_job(old, new), events)
    assert downloads(source) == ["IEAAAEDYIYAAAAAE"]
    assert attachments(new) == attachments(old)
    assert said(events, "transfer") == "4 of 4 new files stored, 3 of them copied from memory:old"
    assert (outcome.attachments_new, outcome.bytes_new, outcome.attachments_copied) == (1, 3, 3)


@pytest.mark.parametrize("transforms", [[], [Shout()]], ids=["plain", "encoded"])
@pytest.mark.parametrize("order", ["healthy first", "failed first"])
def test_a_sink_that_failed_in_the_middle_is_brought_up_to_date_without_the_source(
    source, make_job: MakeJob, transforms, order: str
) -> None:
    """What it had stored before it failed is kept, though nothing in that sink says what it is."""
    good, bad = MemorySink("good"), MemorySink("bad")
    sinks = (good, bad) if order == "healthy first" else (bad, good)
    bad.fail("commit", keys=f"{TWO}*")
    outcome = run(make_job(*sinks, transforms=transforms))
    assert outcome.exit_code is ExitCode.PARTIAL
    kept = set(attachments(bad))
    assert kept
    assert kept < set(attachments(good))
    source.asked.clear()
    commits = bad.calls["commit"]
    events: list[Event] = []
    outcome = run(make_job(*sinks, transforms=transforms), events)
    assert outcome.exit_code is ExitCode.DONE
    assert downloads(source) == []
    assert attachments(bad) == attachments(good)
    assert findings(bad) == findings(good) == []
    lease = 1
    assert bad.calls["commit"] - commits == len(attachments(good)) - len(kept) + (5 if transforms else 4) + lease
    assert outcome.attachments_copied == len(attachments(good)) - len(kept)
    assert warnings(events) == []


def test_bytes_are_copied_as_they_are_stored_and_not_encoded_again(make_job: MakeJob) -> None:
    old, new = MemorySink("old"), MemorySink("new")
    run(make_job(old, transforms=[Shout()]))
    run(make_job(old, new, transforms=[Shout()]))
    assert new.objects[f"{ONE}.loud"] == bytes(byte ^ 0xFF for byte in b"first") + b"!"


def test_what_was_stored_wrongly_before_a_sink_failed_is_told_by_the_other_sink(source, make_job: MakeJob) -> None:
    """Of the right length, as a power cut leaves it; the sink itself has no checksum for it."""
    good, bad = MemorySink("good"), MemorySink("bad")
    run(make_job(good))
    bad.objects[TWO] = bytes(5120)
    source.asked.clear()
    run(make_job(bad, good))
    assert bad.objects[TWO] == source.files["IEAAAEDYIYAAAAAC"]
    assert downloads(source) == []


def damaged(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


def test_a_damaged_copy_is_not_passed_on_and_the_next_holder_is_asked(source, make_job: MakeJob, events) -> None:
    first, second, new = MemorySink("first"), MemorySink("second"), MemorySink("new")
    run(make_job(first, second))
    first.objects[TWO] = damaged(first.objects[TWO])
    source.asked.clear()
    outcome = run(make_job(first, second, new), events)
    assert downloads(source) == []
    assert new.objects[TWO] == source.files["IEAAAEDYIYAAAAAC"]
    assert [text for text in warnings(events) if text.startswith("memory:first: attachments/IEAAAEDYIYAAAAAC-two.bin")]
    assert outcome.complete


@pytest.mark.parametrize("harm", [damaged, lambda data: None], ids=["damaged", "gone"])
def test_what_a_holder_should_have_had_is_put_right_by_the_same_bytes(source, make_job: MakeJob, harm) -> None:
    """From the source, where nobody else has it."""
    old, new = MemorySink("old"), MemorySink("new")
    run(make_job(old))

    def before(operation: str, key: str) -> None:  # after the listing
        if operation == "open" and key == TWO:
            old.before = None
            data = harm(old.objects.pop(TWO))
            if data is not None:
                old.objects[TWO] = data

    old.before = before
    source.asked.clear()
    events: list[Event] = []
    outcome = run(make_job(old, new), events)
    assert downloads(source) == ["IEAAAEDYIYAAAAAC"]
    assert old.objects[TWO] == new.objects[TWO] == source.files["IEAAAEDYIYAAAAAC"]
    assert len(warnings(events)) == 1
    assert outcome.complete
    assert (outcome.attachments_new, outcome.attachments_copied) == (1, 3)
    assert findings(old) == findings(new) == []


def test_a_holder_whose_bytes_and_checksum_part_for_good_owns_up_to_it(source, make_job: MakeJob) -> None:
    """Its checksums say something else than what the source gives: nobody can tell which is right, so nothing is replaced."""
    old, new = MemorySink("old"), MemorySink("new")
    first = run(make_job(old))
    sums = f"{folder(first)}/SHA256SUMS"
    right = hashlib.sha256(old.objects[TWO]).hexdigest().encode()
    old.objects[sums] = old.objects[sums].replace(right, b"0" * 64)
    key = f"{folder(first)}/manifest.json"
    sealed = Manifest.decode(old.objects[key], key)
    sha256sums = hashlib.sha256(old.objects[sums]).hexdigest()
    old.objects[key] = msgspec.structs.replace(sealed, sha256sums=sha256sums).encode()
    outcome = run(make_job(old, new))
    assert old.objects[TWO] == new.objects[TWO] == source.files["IEAAAEDYIYAAAAAC"]
    assert outcome.exit_code is ExitCode.PARTIAL
    assert [gap.id for gap in outcome.gaps] == ["IEAAAEDYIYAAAAAC"]
    assert manifest(old, outcome)["complete"] is False
    assert manifest(new, outcome)["complete"] is True


def test_two_damaged_holders_are_both_put_right(source, make_job: MakeJob) -> None:
    first, second, new = MemorySink("first"), MemorySink("second"), MemorySink("new")
    run(make_job(first, second))
    for sink in (first, second):
        sink.objects[TWO] = damaged(sink.objects[TWO])
    source.asked.clear()
    outcome = run(make_job(first, second, new))
    assert downloads(source) == ["IEAAAEDYIYAAAAAC"]
    assert first.objects[TWO] == second.objects[TWO] == new.objects[TWO] == source.files["IEAAAEDYIYAAAAAC"]
    assert outcome.exit_code is ExitCode.DONE


def test_what_can_only_be_had_in_another_encoding_leaves_damaged_copies_as_they_are(source, make_job: MakeJob) -> None:
    """Encoded anew it has another checksum than older backups name: each holder owns up to it instead."""

    class Salted(Shout):
        salt = 0

        def encode(self, target: Writer) -> Writer:
            loud, salt = super().encode(target), bytes([Salted.salt])
            target.write(salt)
            return loud

    first, second, new = MemorySink("first"), MemorySink("second"), MemorySink("new")
    run(make_job(first, second, transforms=[Salted()]))
    key = f"{TWO}.loud"
    harmed = damaged(first.objects[key])
    first.objects[key] = second.objects[key] = harmed
    Salted.salt = 9
    outcome = run(make_job(first, second, new, transforms=[Salted()]))
    assert first.objects[key] == second.objects[key] == harmed
    assert new.objects[key] != harmed
    assert [manifest(sink, outcome)["complete"] for sink in (first, second, new)] == [False, False, True]
    assert [gap.id for gap in outcome.gaps] == ["IEAAAEDYIYAAAAAC"]


@pytest.mark.parametrize("operation", ["open", "read"])
def test_a_holder_that_cannot_be_read_costs_downloads_and_not_the_run(
    source, make_job: MakeJob, operation: str, events
) -> None:
    old, new = MemorySink("old"), MemorySink("new")
    run(make_job(old))
    old.fail(operation, keys="*/attachments/*", times=None)
    source.asked.clear()
    outcome = run(make_job(old, new), events)
    assert sorted(downloads(source)) == sorted(source.files)
    assert attachments(new) == attachments(old)
    assert outcome.exit_code is ExitCode.DONE
    assert (outcome.attachments_new, outcome.attachments_copied) == (3, 0)
    assert len(warnings(events)) == 3
    assert said(events, "transfer") == "3 of 3 new files stored"


def test_a_holder_that_is_out_of_reach_is_not_asked_for_every_file(source, make_job: MakeJob, monkeypatch) -> None:
    monkeypatch.setattr(holders, "_HOPELESS", 2)
    for letter in "EFGHIJKLMNOP":
        source.attach(f"IEAAAEDYIYAAAAB{letter}", f"{letter}.txt", b"x" * 100, "T0000001")
    old, new = MemorySink("old"), MemorySink("new")
    run(make_job(old))
    old.fail("open", keys="*/attachments/*", times=None)
    events: list[Event] = []
    opened = old.calls["open"]
    assert run(make_job(old, new), events).complete
    assert any("nothing more is copied" in text for text in warnings(events))
    assert old.calls["open"] - opened < 15


def test_a_sink_that_was_dropped_gives_nothing(source, make_job: MakeJob) -> None:
    """It may be read, but nobody knows in which state it is."""
    old, new = MemorySink("old"), MemorySink("new")
    run(make_job(old))
    old.fail("create", times=None)
    source.asked.clear()
    outcome = run(make_job(old, new))
    assert sorted(downloads(source)) == sorted(source.files)
    assert outcome.sinks["memory:new"] is None
    assert outcome.sinks["memory:old"] is not None


def test_a_sink_that_fails_while_it_is_copied_to_is_dropped_and_the_holder_commits(source, make_job: MakeJob) -> None:
    old, new = MemorySink("old"), MemorySink("new")
    run(make_job(old))
    new.fail("write", keys="*/attachments/*", times=None)
    source.asked.clear()
    events: list[Event] = []
    outcome = run(make_job(old, new), events)
    assert [event.sink for event in events if isinstance(event, SinkDropped)] == ["memory:new"]
    assert downloads(source) == []
    assert outcome.sinks["memory:old"] is None
    assert warnings(events) == []


def test_a_run_that_was_killed_while_it_copied_copies_the_rest(source, make_job: MakeJob) -> None:
    old, new = MemorySink("old"), MemorySink("new")
    run(make_job(old))

    def kill(operation: str, key: str) -> None:
        if operation == "commit" and key == TWO:
            raise KeyboardInterrupt

    new.before = kill
    with pytest.raises(KeyboardInterrupt):
        run(make_job(old, new))
    new.before = None
    source.asked.clear()
    outcome = run(make_job(old, new))
    assert outcome.resumed
    assert downloads(source) == []
    assert attachments(new) == attachments(old)
    assert (outcome.attachments_new, outcome.attachments_copied) == (0, 3)
    assert manifest(new, outcome)["attachments"]["new"] == 3  # type: ignore[index]
    assert findings(new) == []


def test_a_dry_run_tells_copies_from_downloads(source, make_job: MakeJob) -> None:
    old, new = MemorySink("old"), MemorySink("new")
    run(make_job(old))
    source.attach("IEAAAEDYIYAAAAAE", "new.txt", b"new", "T0000001")
    plan = dry_run(make_job(old, new), lambda _: None)
    assert (plan.attachments_total, plan.attachments_new, plan.bytes_new, plan.attachments_copied) == (4, 1, 3, 3)
    assert plan.per_sink == {"memory:old": 1, "memory:new": 4}
    assert not new.objects


def test_memory_does_not_hold_what_is_copied(source, make_job: MakeJob) -> None:
    """It goes in pieces, however large."""
    source.attach("IEAAAEDYIYAAAAAE", "large", bytes(9 << 20), "T0000001")
    old, new = MemorySink("old"), MemorySink("new")
    run(make_job(old))
    before = new.calls["write"]
    run(make_job(old, new))
    assert new.calls["write"] - before > 9


def test_copies_follow_the_files_of_a_backup_that_was_given_up(source, make_job: MakeJob) -> None:
    """They are in the sink already when the next backup begins, so they did not come with that one."""
    sink = MemorySink()
    sink.fail("commit", keys="*/manifest.json")
    with pytest.raises(SinkError):
        run(make_job(sink))
    outcome = run(make_job(sink, fingerprint="other"))
    assert not outcome.resumed
    assert outcome.attachments_new == 0
    assert json.loads(sink.objects[f"{ROOT}/backup-{outcome.backup_uid}/manifest.json"])["attachments"]["new"] == 0


@pytest.mark.parametrize("operation", ["create", "write", "commit", "discard"])
def test_a_sink_of_a_plugin_that_lets_an_error_of_the_system_slip_costs_the_others_nothing(
    make_job: MakeJob, operation: str
) -> None:
    good, bad = MemorySink("good"), MemorySink("bad")
    for each in {operation, "write"}:
        bad.fail(each, lambda: OSError(5, "the cable is out"), keys="*/attachments/*", times=None)
    outcome = back_up(make_job(good, bad), lambda _: None)
    assert outcome.sinks["memory:good"] is None
    assert "the cable is out" in (outcome.sinks["memory:bad"] or "")


def test_a_journal_that_cannot_be_written_ends_the_run_and_leaves_nothing_half_written(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise WrikeBackupError("no room left for the journal")

    sink = MemorySink()
    monkeypatch.setattr(Journal, "append", full)
    with pytest.raises(WrikeBackupError, match="no room left for the journal"):
        back_up(make_job(sink), lambda _: None)
    assert sink.unfinished() == []
    assert sink.objects == {}


@pytest.mark.parametrize("operation", ["create", "commit"])
def test_a_file_whose_name_a_sink_cannot_hold_is_a_gap_of_that_sink_alone(make_job: MakeJob, operation: str) -> None:
    other, narrow = MemorySink("other"), MemorySink("narrow")
    narrow.fail(operation, lambda: KeyUnfit("memory:narrow: too long"), keys=f"*{ONE}", times=None)
    events: list[Event] = []
    outcome = run(make_job(other, narrow), events)
    assert outcome.sinks == {"memory:other": None, "memory:narrow": None}
    assert [manifest(sink, outcome)["complete"] for sink in (other, narrow)] == [True, False]
    assert outcome.exit_code is ExitCode.PARTIAL
    assert any("cannot hold a file of this name" in text for text in warnings(events))
    assert findings(other) == findings(narrow) == []
    alone = run(make_job(narrow))
    assert [gap.id for gap in alone.gaps] == ["IEAAAEDYIYAAAAAB"]
