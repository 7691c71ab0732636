"""A drill finds what is wrong with what it tries, changes nothing, and leaves nothing behind."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.drill.backups import NEW, OLD, drilled, held, leftovers, replaced, sample
from tests.restore.backups import attachment, local
from tests.verify.sample import ACCOUNT
from wrikebackup_core.engine.drill import Extent
from wrikebackup_core.errors import ExitCode, FormatError, SinkError
from wrikebackup_core.format import layout
from wrikebackup_core.model import Event, FileFinished, Gap, Kind, StageFinished
from wrikebackup_core.stored import hash_of, hash_stored, store
from wrikebackup_core.testing import MemorySink
from wrikebackup_core.testing.memory import MemoryReader


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files; nothing of a drill is in it afterwards."""
    root = tmp_path / "temporary"
    root.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(root))
    yield root
    assert leftovers(root) == []


@pytest.mark.parametrize("encoded", [False, True])
def test_a_whole_backup_comes_back_and_the_sinks_stay_as_they_were(*, encoded: bool) -> None:
    sinks = [MemorySink("one"), MemorySink("two")]
    for sink in sinks:
        sample(encoded=encoded).store(sink)
    before = [held(sink) for sink in sinks]
    for one in drilled(*sinks):
        assert (one.verdict, one.findings, one.error) == ("whole", [], None)
        assert (one.files, one.whole, one.of_files, one.pages, one.decoded) == (10, 10, 10, 10, True)
        assert one.backup_uid == NEW
        assert one.bytes > 111_000
        assert one.whole_restore is not None
        assert len(one.hashes) == 12
    assert [held(sink) for sink in sinks] == before


def test_a_sample_is_the_same_in_every_sink_and_for_the_same_seed() -> None:
    sinks = [MemorySink("one"), MemorySink("two")]
    for sink in sinks:
        sample().store(sink)
    first, second = drilled(*sinks, extent=Extent(3, 1000, 2))
    assert (first.files, first.pages, first.of_files) == (3, 2, 10)
    assert first.hashes == second.hashes
    assert drilled(sinks[0], extent=Extent(3, 1000, 2))[0].hashes == first.hashes


def _flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("key", [True, None])
@pytest.mark.parametrize("damage", ["flipped", "missing", "truncated", "swapped"])
def test_every_class_of_damage_is_found_when_the_file_is_drawn(damage: str, *, key: bool | None, encoded: bool) -> None:
    sink, made = MemorySink("one"), sample(encoded=encoded)
    made.store(sink)
    victim, other = (
        attachment(id_, f"file {id_[1]}.{end}", made.suffix) for id_, end in (("A7", "pdf"), ("A6", "txt"))
    )
    data = held(sink)
    new = {"flipped": _flipped(data[victim]), "missing": None, "truncated": data[victim][:-5], "swapped": data[other]}
    replaced(sink, victim, new[damage])
    [one] = drilled(sink, key=key)
    assert (one.verdict, one.exit_code) == ("damaged", ExitCode.DAMAGED)
    assert {(found.key, found.what) for found in one.findings} == {
        (victim, "missing" if damage == "missing" else "damaged")
    }
    assert one.files - one.whole == 1


@pytest.mark.parametrize("name", ["archive_key", "records_key"])
@pytest.mark.parametrize("damage", ["flipped", "missing"])
def test_damage_to_a_zip_is_found(name: str, damage: str) -> None:
    sink = MemorySink("one")
    sample().store(sink)
    key = getattr(layout, name)(ACCOUNT.id, NEW)
    replaced(sink, key, None if damage == "missing" else _flipped(held(sink)[key]))
    [one] = drilled(sink)
    assert one.verdict == "damaged"
    assert key in {found.key for found in one.findings}


def test_a_record_of_another_size_than_its_file_is_found() -> None:
    sink, made = MemorySink("one"), sample(encoded=True)
    made.records[Kind.ATTACHMENTS][3]["size"] += 1
    made.store(sink)
    [one] = drilled(sink)
    assert [(found.what, found.key) for found in one.findings] == [
        ("unexpected size", attachment("A3", "file 3.pdf", made.suffix))
    ]


def test_tasks_that_say_something_else_in_wrikes_files_than_in_the_records_are_found() -> None:
    sink, made = MemorySink("one"), sample()
    true = made.archive()
    made.records[Kind.TASKS][2]["title"] = "Another"
    made.archive = lambda: true  # type: ignore[method-assign] # what is stored beside the new records
    made.store(sink)
    [one] = drilled(sink)
    assert [found.detail for found in one.findings] == ["tasks.json: 102 has another title than tasks.jsonl"]


def test_sinks_that_hold_different_bytes_of_one_backup_are_told_apart() -> None:
    sinks = [MemorySink("one"), MemorySink("two")]
    for number, sink in enumerate(sinks):
        made = sample()
        made.files["A2"] = bytes([number]) * 100
        made.store(sink)
    first, second = drilled(*sinks)
    assert (first.verdict, second.verdict) == ("whole", "damaged")
    assert "another file than in memory:one" in second.findings[0].detail


def test_without_a_key_stored_bytes_are_compared_and_the_rest_is_owned_up_to() -> None:
    sink = MemorySink("one")
    sample(encoded=True).store(sink)
    [one] = drilled(sink, key=None)
    assert (one.verdict, one.decoded, one.files, one.whole, one.pages) == ("whole", False, 9, 9, 0)
    assert "none is at hand" in one.not_shown[0]
    assert one.whole_restore is None


def test_a_key_that_does_not_fit_is_told() -> None:
    sink = MemorySink("one")
    sample(encoded=True).store(sink)
    [one] = drilled(sink, key=False)
    assert (one.verdict, one.exit_code) == ("key refused", ExitCode.KEY_REFUSED)
    assert one.error is not None
    assert "does not fit" in one.error


def test_the_newest_complete_backup_is_drilled_and_an_older_one_if_asked() -> None:
    sink = MemorySink("one")
    sample(OLD).store(sink)
    sample(NEW).store(sink)
    gap = sample("20261102T153000Z-cccccc")
    gap.gaps = (Gap("tasks", "T1", "refused"),)
    gap.store(sink)
    assert [one.backup_uid for one in drilled(sink)] == [NEW]
    assert [one.backup_uid for one in drilled(sink, older=True)] == [NEW, OLD]


def test_no_backup_no_complete_one_and_a_damaged_manifest_are_told() -> None:
    sink = MemorySink("one")
    assert drilled(sink)[0].verdict == "no backup"
    made = sample()
    made.gaps = (Gap("tasks", "T1", "refused"),)
    made.store(sink)
    [one] = drilled(sink)
    assert (one.verdict, one.error) == ("no backup", f"memory:one: account {ACCOUNT.id} has no complete backup")
    replaced(sink, layout.manifest_key(ACCOUNT.id, NEW), b"{")
    assert [one.verdict for one in drilled(sink)] == ["damaged", "no backup"]


class _Gone(MemorySink):
    """A store that has stopped to answer."""

    def folders(self, prefix: str) -> Iterator[str]:
        raise SinkError(f"{self.name}: does not answer")

    def open(self, key: str, offset: int = 0) -> MemoryReader:
        raise SinkError(f"{self.name}: does not answer")

    list = folders  # type: ignore[assignment]


class _GoneLater(MemorySink):
    """One that gives out no attachment."""

    def open(self, key: str, offset: int = 0) -> MemoryReader:
        if "/attachments/" in key:
            raise SinkError(f"{self.name}: does not answer")
        return super().open(key, offset)


@pytest.mark.parametrize("kind", [_Gone, _GoneLater])
def test_a_sink_that_does_not_answer_keeps_no_other_from_being_drilled(kind: type[MemorySink]) -> None:
    sink, gone = MemorySink("one"), kind("gone")
    sample().store(sink)
    if kind is _GoneLater:
        sample().store(gone)
    assert [(one.sink, one.verdict) for one in drilled(gone, sink)] == [
        ("memory:gone", "unreachable"),
        ("memory:one", "whole"),
    ]


def test_of_a_backup_that_is_pruned_meanwhile_another_is_taken() -> None:
    sink = MemorySink("one")
    sample(OLD).store(sink)
    sample(NEW).store(sink)
    told: list[str] = []

    def notify(event: Event) -> None:
        told.append(getattr(event, "text", ""))
        if isinstance(event, StageFinished) and event.stage == "read":
            folder = layout.backup_folder(ACCOUNT.id, NEW)
            sink.delete([entry.key for entry in sink.list(folder)])
            sink.delete([key for key in held(sink) if "A5" in key and not told[-1]])

    [*_, last] = drilled(sink, notify=notify)
    assert last.backup_uid == OLD
    assert any(f"{NEW} was deleted while it was drilled" in text for text in told)


class _Opened(MemorySink):
    """Notes what is read."""

    def open(self, key: str, offset: int = 0) -> MemoryReader:
        self.opened = [*getattr(self, "opened", []), key]
        return super().open(key, offset)


def test_no_room_is_told_and_nothing_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = _Opened("one")
    sample().store(sink)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    [one] = drilled(sink)
    assert (one.verdict, one.exit_code) == ("failed", ExitCode.FAILED)
    assert one.error is not None
    assert "1,000 bytes free" in one.error
    assert set(sink.opened) == {layout.manifest_key(ACCOUNT.id, NEW)}


@pytest.mark.parametrize("key", [True, None])
def test_a_file_that_the_listing_lacks_is_found_however_small_the_sample(*, key: bool | None) -> None:
    sink, made = MemorySink("one"), sample(encoded=True)
    made.store(sink)
    for number in (2, 4):
        replaced(sink, attachment(f"A{number}", f"file {number}.txt", made.suffix), None)
    [one] = drilled(sink, key=key, extent=Extent(0, 0, 0))
    assert [found.what for found in one.findings] == ["missing", "missing"]
    assert (one.files, one.whole) == (2, 0)


class _Signer:
    """Trusts what is vouched for by its word."""

    suffix = ".sig"

    def signer(self, content: Callable[[], Iterator[bytes]], attestation: bytes, at: datetime) -> str:
        if attestation != hash_of(content()).encode():
            raise FormatError("the signature does not fit")
        return "Ada"


@pytest.mark.parametrize("key", [True, None])
def test_with_signers_a_backup_counts_only_if_it_is_signed(*, key: bool | None) -> None:
    sink = MemorySink("one")
    sample(encoded=True).store(sink)
    assert drilled(sink, key=key, verifiers=[_Signer()])[0].verdict == "damaged"
    for name in (layout.manifest_key(ACCOUNT.id, NEW), layout.sums_key(ACCOUNT.id, NEW)):
        store(sink, f"{name}.sig", [hash_stored(sink, name).encode()])
    [one] = drilled(sink, key=key, verifiers=[_Signer()])
    assert (one.verdict, one.signed) == ("whole", True)
    replaced(sink, layout.sums_key(ACCOUNT.id, NEW), b"")
    assert drilled(sink, key=key, verifiers=[_Signer()])[0].verdict == "damaged"


def test_what_is_kept_is_whole_and_what_a_killed_drill_left_is_deleted(tmp_path: Path, temporary: Path) -> None:
    sink = MemorySink("one")
    sample(encoded=True).store(sink)
    left = temporary / "wrikebackup-drill-killed"
    (left / "layout").mkdir(parents=True)
    (left / "layout" / "secret.txt").write_text("plain")
    (left / ".lock").touch()
    [one] = drilled(sink, keep=tmp_path / "kept")
    assert one.kept is not None
    assert (Path(one.kept) / "layout" / attachment("A1", "file 1.pdf")).read_bytes() == b"\1" * 10
    assert list(Path(one.kept).rglob("task.md"))
    assert leftovers(temporary) == [left]  # it needed no temporary folder
    drilled(sink)
    assert leftovers(temporary) == []


def test_an_interruption_leaves_nothing_behind() -> None:
    sink = MemorySink("one")
    sample(encoded=True).store(sink)

    def stop(event: Event) -> None:
        if isinstance(event, FileFinished):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drilled(sink, notify=stop)


def test_a_folder_is_drilled_as_it_lies_on_disk(tmp_path: Path) -> None:
    sink = local(tmp_path / "sink")
    sample().store(sink)
    before = {str(path): path.read_bytes() for path in (tmp_path / "sink").rglob("*") if path.is_file()}
    assert drilled(sink)[0].verdict == "whole"
    assert {str(path): path.read_bytes() for path in (tmp_path / "sink").rglob("*") if path.is_file()} == before
