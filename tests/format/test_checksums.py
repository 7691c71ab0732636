"""SHA256SUMS is what sha256sum reads and writes."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrikebackup_core.format.checksums import line, read

HEX = hashlib.sha256(b"").hexdigest()
PATHS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)


@given(st.lists(st.tuples(st.text("0123456789abcdef", min_size=64, max_size=64), PATHS)))
def test_what_was_written_is_read_back(entries: list[tuple[str, str]]) -> None:
    written = "".join(line(sha256, path) for sha256, path in entries).encode()
    assert (
        list(
            read(
                enumerate(
                    written.splitlines(keepends=True)
                    if b"\r" not in written
                    else [one + b"\n" for one in written.split(b"\n")[:-1]],
                    1,
                )
            )
        )
        == entries
    )


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="no sha256sum here")
def test_stock_sha256sum_checks_what_we_write_and_we_read_what_it_writes(tmp_path: Path) -> None:
    names = ["plain.txt", "with space", "back\\slash", "new\nline", "größe-漢字", " leading", "*star", "\\n", "-dash"]
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
    sums = [line(hashlib.sha256(name.encode()).hexdigest(), name) for name in names]
    (tmp_path / "SHA256SUMS").write_text("".join(sums))
    subprocess.run(["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=tmp_path, check=True, capture_output=True)
    theirs = subprocess.run(["sha256sum", "--", *names], cwd=tmp_path, check=True, capture_output=True).stdout
    assert list(read(enumerate(theirs.splitlines(keepends=True)))) == [
        (hashlib.sha256(name.encode()).hexdigest(), name) for name in names
    ]
    assert theirs.decode() == "".join(sums)


def test_binary_marks_and_capitals_are_read_as_sha256sum_reads_them() -> None:
    assert list(read([(1, f"{HEX.upper()} *a b\n".encode())])) == [(HEX, "a b")]


def test_a_last_line_that_does_not_end_is_not_believed() -> None:
    """What is lost may be a part of the name; sha256sum and we end each line."""
    assert list(read([(1, f"{HEX}  a\n".encode()), (2, f"{HEX}  last".encode())])) == [(HEX, "a"), "line 2 breaks off"]


@pytest.mark.parametrize(
    "text",
    [b"\n", b"# comment\n", HEX.encode(), f"{HEX} a".encode(), f"{HEX[1:]}  a".encode(), f"{HEX}  \n".encode(),
     f"{HEX}  a\r\n".encode(), f"\\{HEX}  a\\x\n".encode(), f"\\{HEX}  a\\".encode(), f"{HEX}  ".encode() + b"\xff\n", f"{HEX}  a\0b".encode()],
)  # fmt: skip
def test_a_damaged_line_is_named_and_hides_no_other(text: bytes) -> None:
    good = line(HEX, "a").encode()
    first, damaged, last = read(enumerate([good, text, good], 1))
    assert (first, last) == ((HEX, "a"), (HEX, "a"))
    assert isinstance(damaged, str)
    assert damaged.startswith("line 2 ")
