"""What comes out of an age file is what went in, whole or refused, wherever it was cut or altered and however it is read."""

from __future__ import annotations

import io
from array import array
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("cryptography", "48", reason="the extra age is not installed")

from tests.age.opening import WAYS, Trickle, encrypted
from wrikebackup_age.age import files
from wrikebackup_age.age.errors import PayloadError
from wrikebackup_age.age.payload import CHUNK, SEALED, Sealer, sealed_size, split
from wrikebackup_age.age.x25519 import X25519Identity
from wrikebackup_core import FormatError

KEY = X25519Identity.generate()
TO = [KEY.recipient()]
SIZES = [
    0,
    1,
    CHUNK - 1,
    CHUNK,
    CHUNK + 1,
    2 * CHUNK,
    3 * CHUNK - 1,
    16 * CHUNK,
    16 * CHUNK + 1,
    17 * CHUNK,
    33 * CHUNK + 5,
]
WAY = pytest.mark.parametrize("way", WAYS)


def content(size: int) -> bytes:
    """No two chunks of it are alike."""
    return b"".join(place.to_bytes(4, "big") for place in range(-(-size // 4)))[:size]


THREE = content(2 * CHUNK + 100)
FILE = encrypted(THREE, TO)
HEADER = len(FILE) - sealed_size(len(THREE))
SMALL = encrypted(b"small", TO)


# Sizes


@WAY
@pytest.mark.parametrize("size", SIZES)
def test_content_of_any_size_comes_back(size: int, way: str) -> None:
    plain = content(size)
    data = encrypted(plain, TO)
    assert WAYS[way](data, [KEY]) == (plain, None)
    header = len(data) - sealed_size(size)
    assert split(len(data) - header) == (max(1, -(-size // CHUNK)), size)


@settings(max_examples=30)
@given(
    st.sampled_from(SIZES), st.lists(st.integers(0, 3 * CHUNK), max_size=8), st.sampled_from([1000, SEALED, 1 << 20])
)
def test_it_does_not_matter_in_which_pieces_it_is_written_and_read(size: int, cuts: list[int], most: int) -> None:
    """Among them empty pieces, and readers that give less than they were asked for."""
    plain = content(size)
    places = sorted([0, 0, size, size, *(cut for cut in cuts if cut < size)])
    data = encrypted([plain[start:end] for start, end in pairwise(places)], TO)
    assert WAYS["streaming"](data, [KEY], most) == (plain, None)
    assert WAYS["seeking"](data, [KEY], most) == (plain, None)


@WAY
def test_a_reader_that_gives_one_byte_at_a_time_is_enough(way: str) -> None:
    assert WAYS[way](SMALL, [KEY], 1) == (b"small", None)


def test_what_is_fed_may_be_a_view_of_anything() -> None:
    numbers = array("I", range(50_000))
    rows = memoryview(bytes(range(200)) * 500).cast("B", (500, 200))
    start, sealer = files.begin(TO)
    data = bytearray(start)
    for piece in (memoryview(numbers), memoryview(b""), memoryview(array("I")), bytearray(b"end"), rows):
        for sealed in sealer.feed(piece):
            data += sealed
    data += sealer.finish()
    assert WAYS["streaming"](bytes(data), [KEY]) == (numbers.tobytes() + b"end" + rows.tobytes(), None)


# Keys and nonces are used once


def test_the_same_content_is_another_file_each_time() -> None:
    one, two = (encrypted(THREE, TO)[HEADER:] for _ in range(2))
    assert not {one[start : start + 16] for start in range(0, len(one), 16)} & {
        two[start : start + 16] for start in range(0, len(two), 16)
    }


def test_a_finished_file_takes_no_more() -> None:
    """Another last chunk would be encrypted under the same nonce."""
    sealer = Sealer(bytes(16))
    sealer.finish()
    with pytest.raises(ValueError, match="finished"):
        sealer.finish()
    assert list(sealer.feed(b"a few bytes are only held")) == []
    with pytest.raises(ValueError, match="finished"):
        sealer.finish()
    with pytest.raises(ValueError, match="finished"):
        list(sealer.feed(bytes(2 * CHUNK)))


# Cut off, altered


@WAY
def test_a_small_file_is_refused_wherever_it_ends_early(way: str) -> None:
    for end in range(len(SMALL)):
        released, refusal = WAYS[way](SMALL[:end], [KEY])
        assert refusal is not None, end
        assert released == b""


BORDERS = [HEADER + 16 + chunks * SEALED + beside for chunks in range(3) for beside in (-17, -16, -1, 0, 1, 15, 16, 17)]


@WAY
@given(end=st.sampled_from(BORDERS) | st.integers(0, len(FILE) - 1))
def test_a_file_that_ends_early_is_refused_behind_the_chunks_that_are_whole(way: str, end: int) -> None:
    released, refusal = WAYS[way](FILE[:end], [KEY])
    assert refusal is not None
    whole = max(0, end - HEADER - 16) // SEALED
    assert THREE.startswith(released)
    assert len(released) == (min(whole * CHUNK, len(THREE)) if way == "streaming" else 0)


@WAY
@given(bit=st.integers(0, 8 * len(FILE) - 1))
def test_a_flipped_bit_anywhere_is_refused_and_nothing_of_its_chunk_released(way: str, bit: int) -> None:
    altered = bytearray(FILE)
    altered[bit // 8] ^= 1 << bit % 8
    released, refusal = WAYS[way](bytes(altered), [KEY])
    assert refusal is not None
    before = max(0, bit // 8 - HEADER - 16) // SEALED * CHUNK
    assert THREE.startswith(released)
    assert len(released) <= before


@WAY
def test_every_single_bit_of_a_small_file_matters(way: str) -> None:
    for bit in range(8 * len(SMALL)):
        altered = bytearray(SMALL)
        altered[bit // 8] ^= 1 << bit % 8
        released, refusal = WAYS[way](bytes(altered), [KEY])
        assert refusal is not None, bit
        assert released == b""


@WAY
@pytest.mark.parametrize("order", [(1, 0, 2), (0, 0, 2), (0, 2), (2,), (0, 1), (0, 1, 2, 2), (0, 1, 1, 2)])
def test_chunks_in_another_order_are_refused(order: tuple[int, ...], way: str) -> None:
    start = HEADER + 16
    chunks = [FILE[start + place * SEALED : start + (place + 1) * SEALED] for place in range(3)]
    released, refusal = WAYS[way](FILE[:start] + b"".join(chunks[place] for place in order), [KEY])
    assert refusal is not None
    assert THREE.startswith(released)


@WAY
@pytest.mark.parametrize("more", [1, 16, SEALED])
def test_something_behind_the_end_is_refused(more: int, way: str) -> None:
    assert WAYS[way](FILE + bytes(more), [KEY])[1] is PayloadError


@WAY
def test_an_empty_chunk_behind_others_is_refused_whoever_wrote_it(way: str) -> None:
    start, sealer = files.begin(TO)
    data = start + bytes(sealer._seal(memoryview(bytes(CHUNK)))) + bytes(sealer.finish())
    released, refusal = WAYS[way](data, [KEY])
    assert refusal is PayloadError
    assert bytes(CHUNK).startswith(released)


# Seeking

STEPS = st.lists(
    st.tuples(st.integers(-len(THREE), len(THREE) + 10), st.sampled_from([0, 1, 2]), st.integers(0, 3 * CHUNK)),
    max_size=12,
)


@given(STEPS, st.sampled_from([777, CHUNK, 1 << 20]), st.booleans())
def test_reading_anywhere_gives_what_is_there(steps: list[tuple[int, int, int]], most: int, buffered: bool) -> None:
    """As of a plain file: the same places, the same bytes, the same refusals."""
    plain = io.BytesIO(THREE)
    raw = files.Decrypted(Trickle(FILE, most), len(FILE), [KEY])
    file = io.BufferedReader(raw) if buffered else raw
    for offset, whence, size in steps:
        place = offset + (0, plain.tell(), len(THREE))[whence]
        if place < 0:
            with pytest.raises(ValueError if not buffered else (ValueError, OSError)):
                file.seek(offset, whence)
            continue
        assert file.seek(offset, whence) == plain.seek(place) == file.tell()
        got = file.read(size)
        assert got is not None
        if buffered:
            assert got == plain.read(size)
        else:  # a raw file may give less, but nothing only at the end
            assert got == plain.read(len(got))
            assert got or not size or not plain.read(1)
    assert file.seek(0) == 0
    assert file.read() == THREE


def test_a_place_from_nowhere_is_refused() -> None:
    with files.Decrypted(io.BytesIO(SMALL), len(SMALL), [KEY]) as file, pytest.raises(ValueError, match="place"):
        file.seek(0, 9)


def test_it_reads_into_any_buffer() -> None:
    plain = array("I", range(1000))
    data = encrypted(plain.tobytes(), TO)
    buffer = array("I", bytes(4000))
    with files.Decrypted(io.BytesIO(data), len(data), [KEY]) as file:
        assert file.readinto(memoryview(buffer)) == 4000
    assert buffer == plain


def test_only_the_chunks_that_are_asked_for_are_read() -> None:
    """Of a file of 100 chunks the header, the last one and the one in the middle."""
    plain = content(100 * CHUNK)
    data = encrypted(plain, TO)
    read: list[int] = []

    class Counted(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            piece = super().read(size)
            read.append(len(piece))
            return piece

    with files.Decrypted(Counted(data), len(data), [KEY]) as file:
        file.seek(50 * CHUNK + 10)
        assert file.read(20) == plain[50 * CHUNK + 10 :][:20]
    assert sum(read) <= 4096 + 2 * SEALED


@pytest.mark.parametrize("wrong", [-1, 1, 1000, SEALED, 10 * SEALED])
def test_a_wrong_size_is_refused_and_does_not_hang(wrong: int) -> None:
    for data in (SMALL, FILE, SMALL[: len(SMALL) - 22]):
        with pytest.raises(FormatError, match="cut off"):
            files.Decrypted(io.BytesIO(data), len(data) + wrong, [KEY])


def test_the_file_beneath_is_closed_with_it_and_when_it_is_refused() -> None:
    good, bad = io.BytesIO(SMALL), io.BytesIO(SMALL[:-1])
    file = files.Decrypted(good, len(SMALL), [KEY])
    file.close()
    assert good.closed
    with pytest.raises(ValueError, match="closed"):
        file.readinto(bytearray(1))
    with pytest.raises(PayloadError) as caught:
        files.Decrypted(bad, len(SMALL) - 1, [KEY])
    assert bad.closed, f"not only when nothing refers to it any more, as {caught.tb} does"
