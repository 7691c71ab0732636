"""Verifying a sample: everything is looked up, some of the attachments are read, and no more is said than was seen."""

from __future__ import annotations

import pytest

from tests.verify.sample import ACCOUNT, FILES, RECORDS, UID, Sample
from tests.verify.test_verify import ARCHIVE, FOLDER, MANIFEST, PLAN, RECORDS_ZIP, SUMS
from wrikebackup_core.engine.findings import Report
from wrikebackup_core.engine.sampling import Drawn, Sampling
from wrikebackup_core.engine.verify import verify
from wrikebackup_core.errors import ExitCode
from wrikebackup_core.model import Event, Kind, StageStarted
from wrikebackup_core.testing import MemorySink

FILE = RECORDS[Kind.ATTACHMENTS][0]
MANY = {f"IEAAAEDYIYAB7{number:03d}": b"file %d" % number for number in range(200, 300)}


@pytest.fixture
def sink() -> MemorySink:
    """A hundred attachments more than the sample account has."""
    sink = MemorySink()
    more = [FILE | {"id": id_, "name": f"{id_}.txt", "size": len(data)} for id_, data in MANY.items()]
    attachments = [*RECORDS[Kind.ATTACHMENTS], *more]
    Sample(
        records=RECORDS | {Kind.ATTACHMENTS: attachments}, files=FILES | MANY, artifacts={"bi-export/user.csv": b"id\n"}
    ).store(sink)
    return sink


def look(sink: MemorySink, amount: float, *, percent: bool = False, seed: int = 1, uid: str = UID) -> Report:
    return verify(sink, ACCOUNT.id, uid, lambda _: None, Sampling(amount, percent, seed))


def attachments(sink: MemorySink) -> list[str]:
    return sorted(key for key in sink.objects if "/attachments/" in key)


def read(sink: MemorySink, amount: float, **more: int) -> set[str]:
    """Which attachments are opened."""
    opened: set[str] = set()
    sink.before = lambda operation, key: opened.add(key) if operation == "open" else None
    assert look(sink, amount, **more).findings == ()
    sink.before = None
    assert {ARCHIVE, RECORDS_ZIP, SUMS, MANIFEST, f"{FOLDER}/bi-export/user.csv"} <= opened
    return {key for key in opened if "/attachments/" in key}


def test_only_the_sample_is_read_and_all_else_of_the_backup(sink: MemorySink) -> None:
    assert len(read(sink, 10)) == 10
    assert len(read(sink, 1)) == 1


def test_the_report_says_how_many_of_how_many_were_read(sink: MemorySink) -> None:
    report = look(sink, 10, seed=77)
    assert report.sample == Drawn(10, 104, 77)
    assert report.objects == 10 + 5
    assert report.bytes < sum(map(len, sink.objects.values()))
    assert verify(sink, ACCOUNT.id, UID, lambda _: None).sample is None


@pytest.mark.parametrize(("share", "number"), [(5, 6), (0.01, 1), (50, 52), (100, 104)])
def test_a_share_is_rounded_up(sink: MemorySink, share: float, number: int) -> None:
    assert look(sink, share, percent=True).sample == Drawn(number, 104, 1)


def test_a_number_larger_than_what_is_there_is_all_of_it(sink: MemorySink) -> None:
    assert look(sink, 5000).sample == Drawn(104, 104, 1)
    assert read(sink, 5000) == set(attachments(sink))


def test_the_same_seed_draws_the_same_files_and_another_one_others(sink: MemorySink) -> None:
    assert read(sink, 20, seed=5) == read(sink, 20, seed=5)
    assert read(sink, 20, seed=5) != read(sink, 20, seed=6)
    assert read(sink, 10, seed=5) < read(sink, 20, seed=5)


def test_every_file_has_the_same_chance(sink: MemorySink) -> None:
    """In 200 draws of a tenth, each is drawn about 20 times; nothing is always or never among them."""
    drawn = [key for seed in range(200) for key in read(sink, 10, seed=seed)]
    times = [drawn.count(key) for key in attachments(sink)]
    assert len(times) == 104
    assert min(times) >= 4
    assert max(times) <= 45


def test_another_backup_of_the_account_has_other_files_read(sink: MemorySink) -> None:
    later = "20270101T000000Z-aaaaaa"
    more = [FILE | {"id": id_, "name": f"{id_}.txt", "size": len(data)} for id_, data in MANY.items()]
    Sample(
        uid=later,
        records=RECORDS | {Kind.ATTACHMENTS: [*RECORDS[Kind.ATTACHMENTS], *more]},
        files=FILES | MANY,
    ).store(sink)
    opened: set[str] = set()
    sink.before = lambda operation, key: opened.add(key) if operation == "open" else None
    look(sink, 20, uid=later)
    sink.before = None
    assert {key for key in opened if "/attachments/" in key} != read(sink, 20)


def test_damage_in_the_sample_is_found_and_can_be_found_again_by_its_seed(sink: MemorySink) -> None:
    [damaged] = read(sink, 1, seed=3)
    sink.objects[damaged] = sink.objects[damaged][::-1]
    report = look(sink, 1, seed=3)
    assert [(finding.key, finding.what) for finding in report.findings] == [(damaged, "damaged")]
    assert report.exit_code is ExitCode.DAMAGED


def test_what_is_missing_or_too_short_is_found_whatever_is_drawn(sink: MemorySink) -> None:
    others = [key for key in attachments(sink) if key not in read(sink, 1)]
    del sink.objects[others[0]]
    sink.objects[others[-1]] += b"longer"
    sink.objects[f"{FOLDER}/extra"] = b"x"
    report = look(sink, 1)
    assert {(finding.key, finding.what) for finding in report.findings} == {
        (others[0], "missing"), (others[-1], "unexpected size"), (f"{FOLDER}/extra", "unexpected"),
    }  # fmt: skip
    assert report.sample == Drawn(1, 103, 1)


@pytest.mark.parametrize("key", [ARCHIVE, RECORDS_ZIP, SUMS, MANIFEST, f"{FOLDER}/bi-export/user.csv"])
def test_damage_outside_of_the_attachments_is_found_whatever_is_drawn(sink: MemorySink, key: str) -> None:
    data = bytearray(sink.objects[key])
    data[len(data) // 2] ^= 0x10
    sink.objects[key] = bytes(data)
    assert key in {finding.key for finding in look(sink, 1).findings}


def test_a_backup_without_attachments_has_nothing_to_draw_from() -> None:
    sink = MemorySink()
    Sample(records={kind: [] for kind in RECORDS}, files={}).store(sink)
    report = look(sink, 5, percent=True)
    assert (report.sample, report.findings) == (Drawn(0, 0, 1), ())


def test_attachments_of_an_encoded_backup_are_drawn_from_too() -> None:
    sink = MemorySink()
    Sample(suffix=".age", encoded=lambda data: b"longer" + data).store(sink)
    assert look(sink, 2).sample == Drawn(2, 4, 1)
    sink.objects[f"{PLAN}.age"] = b"short"
    reports = [look(sink, 2, seed=seed) for seed in range(20)]
    assert {len(report.findings) for report in reports} == {0, 1}


def test_progress_knows_how_much_there_is_to_read(sink: MemorySink) -> None:
    told: list[Event] = []
    report = verify(sink, ACCOUNT.id, UID, told.append, Sampling(10, percent=False, seed=1))
    (start,) = (event for event in told if isinstance(event, StageStarted) and event.stage == "verify")
    assert (start.total, start.total_bytes) == (13, report.bytes)
