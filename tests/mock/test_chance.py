"""The arithmetic under the account."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wrikebackup_mock.chance import Share, Spread, Timeline, between
from wrikebackup_mock.ids import FOLDER, MODERN_TASK, TASK, Ids, Parsed, modern

_counts = st.integers(0, 400)
_owners = st.integers(1, 300)


@given(st.tuples(_counts, _owners), st.tuples(_counts, _owners), st.integers(0, 2**64), st.booleans())
def test_everything_has_one_owner_and_every_owner_finds_its_own(
    folders: tuple[int, int], tasks: tuple[int, int], salt: int, even: bool
) -> None:
    spread = Spread([Share("folder", folders[0], 5, folders[1]), Share("task", tasks[0], 0, tasks[1])], salt, even=even)
    assert spread.count == folders[0] + tasks[0]
    owners = [spread.owner(index) for index in range(spread.count)]
    assert sum(target == "folder" for target, _ in owners) == folders[0]
    found = [
        (index, (target, owner))
        for target, first, count in (("folder", 5, folders[1]), ("task", 0, tasks[1]))
        for owner in range(first, first + count)
        for index in spread.things(target, owner)
    ]
    assert sorted(found) == list(enumerate(owners))


@given(
    st.integers(0, 500), st.integers(0, 10**9), st.integers(7200, 10**8), st.integers(0, 10**9), st.integers(0, 10**8)
)
def test_time_never_runs_back_and_a_window_has_what_was_made_in_it(
    count: int, start: int, length: int, first: int, width: int
) -> None:
    line = Timeline(start, start + length, count)
    times = [line.at(index) for index in range(count)]
    assert times == sorted(times)
    assert all(start <= each < start + length for each in times)
    window = between(line.at, count, first, first + width)
    assert list(window) == [index for index, each in enumerate(times) if first <= each < first + width]


@given(st.integers(0, 2**32 - 1), st.integers(-(2**31), 2**31 - 1))
def test_classic_ids_are_read_back(account: int, number: int) -> None:
    ids = Ids(account)
    assert len(ids.classic(TASK, number)) == 16
    assert ids.parse(ids.classic(TASK, number)) == Parsed(TASK, number)
    assert Ids(account ^ 1).parse(ids.classic(TASK, number)) is None
    assert ids.parse(ids.person(number)) == Parsed("U", number)


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**62))
def test_new_ids_are_read_back(number: int, other: int) -> None:
    ids = Ids(7_000_000)
    assert ids.parse(modern(MODERN_TASK, number)) == Parsed(TASK, number)
    assert ids.parse(ids.dependency(number, other, modern=True)) == Parsed("E", number, other)
    assert ids.parse(ids.audit(number)) == Parsed("l", number)


@given(st.text(max_size=30))
def test_no_text_breaks_the_reading_of_ids(text: str) -> None:
    parsed = Ids(7_000_000).parse(text)
    assert parsed is None or text.isascii()


def test_ids_are_those_that_wrike_makes() -> None:
    """Samples from public sources, each with its number."""
    assert Ids(4216).account == "IEAAAEDY"
    assert Ids(4216).parse("IEAAAEDYIYAB7DLK") == Parsed("F", 2_067_818)
    assert Ids(7_244_810).classic("F", 803_192_739) == "IEAG5DAKIYX57P5D"
    assert Ids(7_063_364).classic(FOLDER, -1) == "IEAGXR2EI7777777"
    assert Ids(7_063_364).classic(FOLDER, -2) == "IEAGXR2EI7777776"
    assert Ids(7_063_364).classic("W", -7_063_364) == "IEAGXR2EK77ZIOF4"
    assert modern(MODERN_TASK, 4_579_949_070) == "MAAAAAEQ_HoO"
    assert Ids(1).dependency(4_392_433_502, 4_392_433_499, modern=True) == "MgAAAAEFzzdeMwAAAAEFzzdb"
    assert Ids(2_317_684).dependency(276_506_131, 276_506_135, modern=False) == "IEACGXLUIUIHWJQTKMIHWJQX"
    assert Ids(1).person(-9_164_115) == "KX7XIKVN"
    assert Ids(7_063_364).audit(0x1_6511BA6C) == "IEAGXR2ENQAAAAABMUI3U3A"
