"""Zips that are made to exhaust whoever looks into them: told of, at the price of a bounded amount of memory."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wrikebackup_core.engine import elements, zips
from wrikebackup_core.engine.findings import Finding
from wrikebackup_core.engine.foreign import Counted, NamedFile, look_into
from wrikebackup_core.format import schema

MB = 1 << 20
FLAT = 160  # MB above what the program takes with a small zip: one element of 64 MB, and a copy of a part of it
LOOK = """
import resource, sys
from wrikebackup_core.engine.foreign import look_into
for found in look_into("x.zip", open(sys.argv[1], "rb")):
    print(found)
[peak] = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(peak.split()[1])
"""


def zipped(path: Path, tasks: Iterator[bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name in schema.FILES:
            with archive.open(name, "w", force_zip64=True) as member:
                for piece in tasks if name == "tasks.json" else [b"[]"]:
                    member.write(piece)
    return path


def within(start: bytes, piece: bytes, size: int, end: bytes) -> Iterator[bytes]:
    yield start
    some = piece * (MB // len(piece))
    for _ in range(size // len(some)):
        yield some
    yield end


def looked(path: Path) -> tuple[str, int]:
    """What a process of its own says of the zip, and the most memory that it had, in MB."""
    done = subprocess.run([sys.executable, "-c", LOOK, path], capture_output=True, text=True, check=True, timeout=600)
    *said, peak = done.stdout.splitlines()
    return "\n".join(said), int(peak) // 1024


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        (within(b'[{"x":[', b"[],", 15 * MB, b"1]}]"), "tasks.json: record 1 has more than 1,000,000 values"),
        (within(b'[{"x":"', b"long", 80 * MB, b'"}]'), "tasks.json: record 1 is longer than 64 MiB"),
        (within(b'[{"x":"', rb"\n", 80 * MB, b'"}]'), "tasks.json: record 1 is longer than 64 MiB"),
        (within(b'[{"x":"', b"some MB of text, ", 60 * MB, b'"}]'), "Counted(member='tasks.json', number=1)"),
        (within(b'[{"attachments":[{}', b",{}", 2 * MB, b"]},{}]"), "Counted(member='tasks.json', number=2)"),
        (within(b"[1", b" ", 80 * MB, b"]"), "tasks.json: record 1 is longer than 64 MiB"),
        (within(b"", b" ", 80 * MB, b"[]"), "Counted(member='tasks.json', number=0)"),
    ],
    ids=["many values", "long text", "long text of escapes", "text of a great task", "many files", "space in", "space before"],
)  # fmt: skip
def test_one_great_element_takes_a_bounded_amount_of_memory(tasks: Iterator[bytes], said: str, tmp_path: Path) -> None:
    _, small = looked(zipped(tmp_path / "small.zip", iter([b"[{}]"])))
    found, peak = looked(zipped(tmp_path / "great.zip", tasks))
    assert said in found
    assert peak - small < FLAT


def findings(data: bytes) -> list[str]:
    return [found.detail for found in look_into("x.zip", io.BytesIO(data)) if isinstance(found, Finding)]


def edited(change: Callable[[bytes], bytes], tmp_path: Path) -> bytes:
    return change(zipped(tmp_path / "a.zip", iter([b"[]"])).read_bytes())


def test_a_zip_that_says_to_unpack_to_far_more_than_it_is_is_not_unpacked(tmp_path: Path) -> None:
    """As one whose members are all the same bytes, or one in a method that packs tighter than deflate can."""

    def change(data: bytes) -> bytes:
        at = data.index(b"PK\x01\x02")
        return data[: at + 24] + struct.pack("<I", 3 << 30) + data[at + 28 :]

    [detail] = findings(edited(change, tmp_path))
    assert "3,221,225,4" in detail


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_unpacks_into_memory_as_it_likes_is_read_only_where_it_is_small(method: int, tmp_path: Path) -> None:
    tasks = within(b'[{},{"x":"', b"a", 80 * MB, b'"}]')
    [detail] = findings(zipped(tmp_path / "a.zip", tasks, method).read_bytes())
    assert "'tasks.json' is longer than 64 MiB and not compressed with deflate" in detail
    assert findings(zipped(tmp_path / "b.zip", iter([b"[{}]"]), method).read_bytes()) == []


def test_a_list_of_more_members_than_fit_into_memory_is_not_read(tmp_path: Path) -> None:
    """They are counted in bytes, since the number is the zip's own word."""
    whole = zipped(tmp_path / "a.zip", iter([b"[]"])).read_bytes()
    list_, end = whole.index(b"PK\x01\x02"), whole.index(b"PK\x05\x06")
    entry = whole[list_ : whole.index(b"PK\x01\x02", list_ + 1)]
    many = entry * (zips._LIST // len(entry) + 1)
    tail = whole[end : end + 12] + struct.pack("<I", end - list_ + len(many)) + whole[end + 16 :]
    [detail] = findings(whole[:end] + many + tail)
    assert "list of members" in detail


@pytest.mark.parametrize("depth", [99, 101, 100_000])
def test_nesting_ends_at_a_depth(depth: int, tmp_path: Path) -> None:
    tasks = b'[{"x":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}]"
    found = findings(zipped(tmp_path / "a.zip", iter([tasks])).read_bytes())
    assert found == ([] if depth < 100 else ["tasks.json: record 1 is nested more than 100 deep"])


@pytest.mark.parametrize("size", [1, 2, 3, 5, 4096])
def test_elements_are_the_same_wherever_the_pieces_end(size: int) -> None:
    class Slow(io.BytesIO):
        def read(self, _: int | None = -1, /) -> bytes:
            return super().read(size)

    rows = [{"a": 'x"\\', "b": "[{,}]"}, [], "\\\\", "é漢🎈", {"c": [1, {"d": '\\"'}]}, 7, ""]
    for text in (json.dumps(rows), json.dumps(rows, indent=3), json.dumps(rows, ensure_ascii=False)):
        for data in (text.encode(), b" \r\n" + text.encode() + b"\n\t"):
            assert [json.loads(bytes(one)) for one in elements.elements(Slow(data))] == rows


def test_what_the_zip_names_is_found_beside_a_text_that_is_no_unicode(tmp_path: Path) -> None:
    """A lone surrogate, as cut-off emoji leave it."""
    tasks = b'[{"title":"\\ud83d","attachments":[{"apiId":"A","attachType":"Task"}]}]'
    found = list(look_into("x.zip", io.BytesIO(zipped(tmp_path / "a.zip", iter([tasks])).read_bytes())))
    assert NamedFile("A", True, "tasks.json") in found
    assert [one.number for one in found if isinstance(one, Counted)] == [0, 0, 1, 0]
