"""One record is read out of a long member without what stands before it, and stock tools take the zip as any other."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.lookup.shelf import ACCOUNT, Ran, Shelf
from wrikebackup_core.decoding import Decoding
from wrikebackup_core.engine.lookup.records import record
from wrikebackup_core.engine.opened import OpenBackup
from wrikebackup_core.engine.verify import verify
from wrikebackup_core.errors import FormatError, UsageError
from wrikebackup_core.format.archive import zip_stream
from wrikebackup_core.format.index import Index, Indexer
from wrikebackup_core.ports import Reader
from wrikebackup_core.store import AccountStore
from wrikebackup_core.stored import store
from wrikebackup_core.testing import MemorySink
from wrikebackup_fsspec.local.sink import LocalSink

_UID = "20261101T000000Z-a"
_WHEN = datetime(2026, 11, 1, tzinfo=UTC)
_COUNT = 20_000


def _id(number: int) -> str:
    return "IEAAAEDYKQ" + hashlib.sha256(b"%d" % number).hexdigest()[:6].upper()


def _line(number: int) -> bytes:
    filler = hashlib.sha512(b"%d" % number).hexdigest() * 2
    return json.dumps(
        {"id": _id(number), "title": f"Task {number}", "description": filler}, separators=(",", ":")
    ).encode()


def _chunks(count: int = _COUNT) -> Iterator[bytes]:
    for start in range(0, count, 100):
        yield b"".join(_line(number) + b"\n" for number in range(start, min(start + 100, count)))


@pytest.fixture(scope="module")
def data() -> bytes:
    return b"".join(
        zip_stream([("tasks.jsonl", _chunks(), None), ("users.jsonl", [b'{"id":"U1"}\n'], None)], _WHEN, indexed=True)
    )


class _Counting(MemorySink):
    """Counts the bytes that are fetched."""

    fetched = 0

    def open(self, key: str, offset: int = 0) -> Reader:
        reader = super().open(key, offset)
        read = reader.read

        def counted(size: int = -1, /) -> bytes:
            piece = read(size)
            self.fetched += len(piece)
            return piece

        reader.read = counted  # type: ignore[method-assign] # a reader of this test
        return reader


def test_stock_tools_take_the_zip_as_any_other(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "records.zip").write_bytes(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == ["tasks.jsonl", "tasks.idx", "users.jsonl"]
        assert archive.testzip() is None
        assert archive.read("tasks.jsonl") == b"".join(_chunks())
    if unzip := shutil.which("unzip"):
        subprocess.run([unzip, "-tq", tmp_path / "records.zip"], check=True, capture_output=True)


def test_every_id_leads_to_the_block_that_its_record_stands_in(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        index, lines = archive.read("tasks.idx"), archive.read("tasks.jsonl")
        at = archive.getinfo("tasks.jsonl").header_offset
    found = Index(lambda offset, size: index[offset : offset + size], len(index))
    blocks: dict[int, bytes] = {}
    for number in range(0, _COUNT, 41):
        there = False
        for block in found.blocks(_id(number)):
            if block.packed not in blocks:
                inflated = zlib.decompressobj(-15).decompress(data[at + block.packed :], block.size or 0)
                assert inflated in lines
                blocks[block.packed] = inflated
            there = there or _line(number) in blocks[block.packed]
        assert there, number
    assert len(blocks) == len(lines) // (1 << 20)
    assert not list(found.blocks("IEAAAEDYKQNOTHER"))


def test_one_record_of_many_is_read_with_a_part_of_the_file(data: bytes, shelf: Shelf) -> None:
    opened, sink = _opened(shelf, data)
    for number in (0, 777, _COUNT - 1):
        sink.fetched = 0
        assert record(opened, "tasks.jsonl", _id(number)) == _line(number)
        assert sink.fetched < len(data) // 2


def test_a_zip_that_somebody_packed_anew_is_read_without_its_index(data: bytes, shelf: Shelf) -> None:
    anew = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as archive,
        zipfile.ZipFile(anew, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed,
    ):
        for info in archive.infolist():
            packed.writestr(info, archive.read(info), info.compress_type)
    opened, _ = _opened(shelf, anew.getvalue())
    assert record(opened, "tasks.jsonl", _id(_COUNT - 1)) == _line(_COUNT - 1)


def _reindexed(data: bytes, damage: Callable[[bytes], bytes]) -> bytes:
    """The zip with another index in the place of its own, as long as that."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        index = archive.read("tasks.idx")
    assert data.count(index) == 1
    return data.replace(index, damage(index))


def _far(index: bytes) -> bytes:
    """Every block begins 2^63 bytes behind the beginning."""
    count = int.from_bytes(index[-24:-16], "big")
    start = len(index) - 24 - 16 * count
    marks = [index[at : at + 8] + (1 << 63).to_bytes(8, "big") for at in range(start, len(index) - 24, 16)]
    return index[:start] + b"".join(marks) + index[-24:]


def _without_entries(index: bytes) -> bytes:
    """All entries are of one CRC-32: so no id is found."""
    entries = int.from_bytes(index[-16:-8], "big")
    return bytes(8 * entries) + index[8 * entries :]


@pytest.mark.parametrize("damage", [_far, _without_entries])
def test_a_record_is_found_although_the_index_leads_nowhere(
    data: bytes, shelf: Shelf, damage: Callable[[bytes], bytes]
) -> None:
    opened, _ = _opened(shelf, _reindexed(data, damage))
    for where in (opened, OpenBackup(LocalSink(str(shelf.root)), ACCOUNT, opened.manifest, Decoding())):
        assert record(where, "tasks.jsonl", _id(777)) == _line(777)
        with pytest.raises(UsageError, match="has no NOTHING in"):
            record(where, "tasks.jsonl", "NOTHING")


def test_a_record_that_is_nested_too_deeply_is_not_in_the_index_and_keeps_no_other_out_of_it() -> None:
    deep = b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b',"id":"DEEP"}\n'
    indexer = Indexer(0)
    indexer.add(b'{"x":1,"id":"A"}\n' + deep + b'{"x":1,"id":"B"}\n')
    indexer.mark(100)
    indexer.add(b'{"x":1,"id":"C"}\n')
    pieces = b"".join(indexer.pieces())
    index = Index(lambda at, size: pieces[at : at + size], len(pieces))
    assert [len(list(index.blocks(id_))) for id_ in ("A", "B", "C", "DEEP")] == [1, 1, 1, 0]


def test_a_record_that_is_nested_too_deeply_is_a_format_error(shelf: Shelf) -> None:
    deep = b'{"id":"DEEP","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"
    made = b"".join(zip_stream([("tasks.jsonl", [deep], None)], _WHEN, indexed=True))
    opened, _ = _opened(shelf, made)
    with pytest.raises(FormatError, match=r"tasks\.jsonl DEEP: nested too deeply"):
        record(opened, "tasks.jsonl", "DEEP")


def test_verify_takes_an_index_for_what_it_is_and_looks_at_its_checksum(shelf: Shelf, data: bytes) -> None:
    def findings(stored: bytes) -> list[str]:
        _, sink = _opened(Shelf(shelf.root / hashlib.sha256(stored).hexdigest()), stored)
        report = verify(sink, ACCOUNT, _UID, lambda _: None)
        return [one.detail for one in report.findings if "idx" in one.detail]

    assert findings(data) == []
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        at = archive.getinfo("tasks.idx").header_offset + 100
    assert findings(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]) == [
        "not a whole zip: Bad CRC-32 for file 'tasks.idx'"
    ]


def test_a_record_is_asked_for_by_its_id(cli: Callable[..., Ran], shelf: Shelf, data: bytes) -> None:
    _opened(shelf, data)
    assert cli("cat", "tasks.jsonl", "--id", _id(9)) == Ran(0, _line(9) + b"\n", "")
    assert cli("cat", "users.jsonl", "--id", "U1").out == b'{"id":"U1"}\n'
    ran = cli("cat", "tasks.jsonl", "--id", "nope")
    assert (ran.code, ran.out) == (2, b"")
    assert "has no nope in tasks.jsonl" in ran.err
    assert cli("cat", "nope.jsonl", "--id", "nope").code == 2


def test_the_four_files_are_looked_through_by_number_and_uid(cli: Callable[..., Ran], shelf: Shelf) -> None:
    shelf.put(_UID, {}, files={"tasks.json": [{"id": 1}, {"id": 12}], "users.json": [{"uid": "U1"}]})
    assert cli("cat", "tasks.json", "--id", "12").out == b'{"id": 12}\n'
    assert cli("cat", "users.json", "--id", "U1").out == b'{"uid": "U1"}\n'


def test_records_that_the_api_lays_out_otherwise_are_indexed_too() -> None:
    lines = b'{"a":1,"id":"A"}\n{"id":"B"}\n{"id":"C","id2":"\\ud800"}\n[]\n'
    indexer = Indexer(30)
    indexer.add(lines)
    indexer.mark(100)
    indexer.add(b'{ "id" : "D" }\n')
    index = b"".join(indexer.pieces())
    found = Index(lambda offset, size: index[offset : offset + size], len(index))
    assert [[block.packed for block in found.blocks(one)] for one in "ABD"] == [[30], [30], [130]]


@pytest.mark.parametrize(
    "damage", [lambda index: index[:-1], lambda index: index[1:], lambda _: b"", lambda index: index[:30]]
)
def test_what_is_no_index_is_refused(damage: Callable[[bytes], bytes]) -> None:
    indexer = Indexer(30)
    for number in (1, 2):
        indexer.add(_line(number) + b"\n")
        indexer.mark(100 * number)
    index = damage(b"".join(indexer.pieces()))
    with pytest.raises(FormatError, match="index"):
        list(Index(lambda offset, size: index[offset : offset + size], len(index)).blocks(_id(1)))


def _opened(shelf: Shelf, data: bytes) -> tuple[OpenBackup, _Counting]:
    """A backup whose records are in this zip: on the shelf, and in memory."""
    shelf.put(_UID, {})
    path = next(shelf.root.glob("*/backup-*/records-*.zip"))
    path.write_bytes(data)
    sink = _Counting("memory")
    for file in path.parent.iterdir():
        store(sink, file.relative_to(shelf.root).as_posix(), [file.read_bytes()])
    return OpenBackup(sink, ACCOUNT, AccountStore(sink, ACCOUNT).manifest(_UID), Decoding()), sink
