"""The lines of SHA256SUMS: which attachments they name."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrikebackup_core import FormatError
from wrikebackup_core.engine.prune.lines import check, comparable, names_in
from wrikebackup_core.format import checksums

_NAME = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1).filter(
    lambda s: s not in (".", "..")
)
_PATH = _NAME.map(lambda name: f"../attachments/{name}") | st.sampled_from(
    ["backup-x.zip", "bi-export/tasks.csv", "../pin.json"]
)


def line(path: str) -> bytes:
    return checksums.line("0" * 64, path).encode()


@given(st.lists(_PATH))
def test_names_come_in_the_order_of_the_lines_and_nothing_else_does(paths: list[str]) -> None:
    named = [path.removeprefix("../attachments/") for path in paths if path.startswith("../attachments/")]
    text = b"".join(map(line, paths))
    assert names_in(text) == names_in(text.removesuffix(b"\n")) == comparable(named)


@pytest.mark.parametrize("path", ["../../elsewhere", "/etc/passwd", "../attachments/../../x"])
def test_a_line_that_leads_out_of_the_account_is_none(path: str) -> None:
    with pytest.raises(FormatError, match="leads out of the account's folder"):
        names_in(line("../attachments/a") + line(path) + line("../attachments/b"))


@pytest.mark.parametrize(
    "spoilt", [b"z" * 64 + b"  x", b"0" * 63 + b"  x", b"0" * 64 + b"  x\r", b"0" * 64, b"0" * 64 + b"  \xff"]
)
def test_a_line_that_sha256sum_would_not_write_is_none(spoilt: bytes) -> None:
    with pytest.raises(FormatError, match="not made of hashes and paths"):
        check([line("x").removesuffix(b"\n"), spoilt])


@pytest.mark.parametrize("missing", [0, 1, 2])
@pytest.mark.parametrize(
    "spoil", [lambda text: text[1:], lambda text: b"0" + text, lambda text: text.replace(b"\n", b"\r\n")]
)
def test_a_line_that_is_none_takes_nothing_from_the_name_before_it(
    missing: int, spoil: Callable[[bytes], bytes]
) -> None:
    lines = [line(f"../attachments/{name}") for name in ("one", "two", "three")]
    lines[missing] = spoil(lines[missing])
    with pytest.raises(FormatError, match="not made of hashes and paths"):
        names_in(b"".join(lines))


def test_what_is_as_long_as_a_hash_and_no_line_is_none() -> None:
    with pytest.raises(FormatError, match="not made of hashes and paths"):
        names_in(b"0" * 64)


def test_the_two_ways_in_which_unicode_writes_a_name_are_one() -> None:
    one, other = comparable(["Gr\u00f6\u00dfe.pdf", "plain"]), comparable(["plain", "Gro\u0308\u00dfe.pdf"])
    assert one == list(reversed(other))


def test_each_name_of_a_store_is_one_even_where_it_holds_a_zero_byte() -> None:
    assert comparable(["a\0b", "c", "\0"]) == [b"a\0b", b"c", b"\0"]
    assert comparable([]) == []
    assert comparable([""]) == [b""]
