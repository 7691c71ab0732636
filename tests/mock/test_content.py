"""The bytes of the attachments."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrikebackup_mock import content
from wrikebackup_mock.account import MockAccount

_SIZE = 2_500_000


@given(st.integers(0, _SIZE), st.integers(0, 300_000))
def test_a_stretch_is_the_same_as_a_slice_of_the_whole(start: int, length: int) -> None:
    whole = _whole()
    assert content.stretch("IEAAAEDYIYAB7DLK", start, min(_SIZE, start + length)) == whole[start : start + length]


def _whole(cache: dict[str, bytes] = {}) -> bytes:  # noqa: B006 - made once
    if not cache:
        cache[""] = b"".join(content.pieces("IEAAAEDYIYAB7DLK", _SIZE))
    return cache[""]


def test_pieces_begin_anywhere_and_are_no_larger_than_promised() -> None:
    for offset in (0, 1, 63, 64, 65, 262_144, 1_048_573, _SIZE - 1, _SIZE):
        pieces = list(content.pieces("IEAAAEDYIYAB7DLK", _SIZE, offset))
        assert b"".join(pieces) == _whole()[offset:]
        assert all(0 < len(piece) <= content.PIECE for piece in pieces)


def test_files_differ_and_no_block_of_a_file_repeats() -> None:
    """A reader that is wrong by a multiple of a buffer's size must notice."""
    assert content.stretch("a", 0, 64) != content.stretch("b", 0, 64)
    whole = b"".join(content.pieces("a", 40 << 20))
    for block in (1 << 12, 1 << 16, 1 << 20):
        starts = [whole[place : place + 64] for place in range(0, len(whole) - 64, block)]
        assert len(set(starts)) == len(starts)


def test_the_hash_is_that_of_the_bytes() -> None:
    account = MockAccount()
    for name, _, size in account.files(versions=True, trashed=True):
        told, pieces = account.content(name)
        data = b"".join(pieces)
        assert told == size == len(data)
        assert hashlib.sha256(data).hexdigest() == account.sha256(name)


def test_a_file_of_gigabytes_streams_in_constant_memory() -> None:
    account = MockAccount(attachments=1, attachment_size=1 << 31)
    name, _, size = next(account.files())
    assert size == 1 << 31
    content.stretch(name, 0, 100)
    tracemalloc.start()
    try:
        deque(account.content(name, size - (50 << 20))[1], maxlen=1)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000


@pytest.mark.parametrize("name", ["", "IEAAAEDYIYAB7DLK", "MAAAAAEQ_HoO", "../x"])
def test_there_is_no_content_for_other_ids(name: str) -> None:
    with pytest.raises(KeyError):
        MockAccount().content(name)


def test_there_is_no_content_for_external_files() -> None:
    account = MockAccount()
    external = account.belongings.attachments.series
    with pytest.raises(KeyError):
        account.content(external.id(external.start("external")))
