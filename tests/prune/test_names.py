"""Which attachments backups name, however many of them name nearly the same."""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wrikebackup_core import SinkError
from wrikebackup_core.engine.prune.flags import Flags
from wrikebackup_core.engine.prune.lines import comparable
from wrikebackup_core.engine.prune.names import Names
from wrikebackup_core.engine.prune.reading import Listed
from wrikebackup_core.format import checksums


def sums(names: Sequence[str], own: Sequence[str] = ("backup-x.zip",)) -> bytes:
    paths = [*(f"../attachments/{name}" for name in names), *own]
    return "".join(checksums.line(hashlib.sha256(path.encode()).hexdigest(), path) for path in paths).encode()


def listed(
    uid: str, data: bytes, total: int | None = None, *, piece: int = 50, known: bool = True, far: bool = False
) -> Listed:
    def chunks() -> Iterator[bytes]:
        return (data[at : at + piece] for at in range(0, len(data), piece))

    counted = data.count(b"  ../attachments/") if total is None else total
    return Listed(uid, hashlib.sha256(data).hexdigest() if known else None, counted, chunks, far)


def of(names: Sequence[str]) -> set[bytes]:
    return set(comparable(names))


_NAMES = st.lists(st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1), max_size=60)


@settings(deadline=None, max_examples=60)
@given(st.lists(_NAMES, max_size=5), st.integers(1, 300), st.booleans())
def test_all_that_any_of_them_names_is_needed(shelves: list[list[str]], piece: int, known: bool) -> None:
    shelves = [[name for name in names if name not in (".", "..")] for names in shelves]
    every = [listed(str(at), sums(names), len(of(names)), piece=piece, known=known) for at, names in enumerate(shelves)]
    with Names(Path("/dev/null/nowhere")) as names:
        found, damaged = names.needed(every)
    assert damaged == {}
    assert found == of([name for shelf in shelves for name in shelf])


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.sets(st.integers(0, 2500), max_size=12), min_size=2, max_size=5),
    st.integers(500, 40_000),
    st.booleans(),
)
def test_backups_that_lack_a_few_of_the_same_names_need_what_they_name(
    without: list[set[int]], piece: int, far: bool
) -> None:
    shelves = [[f"IEAAAEDYIY{number:06X}-file" for number in range(2500) if number not in lack] for lack in without]
    every = [listed(str(at), sums(shelf), piece=piece, far=far) for at, shelf in enumerate(shelves)]
    with Names(Path("/dev/null/nowhere")) as names:
        found, damaged = names.needed(every)
    assert damaged == {}
    assert found == of([name for shelf in shelves for name in shelf])


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sets(st.integers(0, 300), max_size=60), min_size=2, max_size=6), st.data())
def test_what_is_forgotten_takes_nothing_from_the_others(shelves: list[set[int]], data: st.DataObject) -> None:
    every = [listed(str(at), sums([f"IEAAAEDYIY{n:06X}" for n in shelf])) for at, shelf in enumerate(shelves)]
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(3):
            with Names(Path(folder) / "names") as names:
                kept = data.draw(st.sets(st.sampled_from(range(len(shelves)))))
                names.needed([every[at] for at in sorted(data.draw(st.sets(st.sampled_from(range(len(shelves))))))])
                names.forget_all_but(str(every[at].sha256) for at in kept)
                found, damaged = names.needed([every[at] for at in sorted(kept)])
                assert damaged == {}
                assert found == of([f"IEAAAEDYIY{n:06X}" for at in kept for n in shelves[at]])


def test_two_that_differ_in_a_few_names_are_told_apart(tmp_path: Path) -> None:
    names = [f"IEAAAEDYIY{number:06X}-file {number}" for number in range(5000)]
    other = names[:1000] + names[1001:4000] + ["another"] + names[4000:]
    with Names(tmp_path / "names") as remembered:
        assert remembered.needed([listed("1", sums(other), piece=9000)])[0] == of(other)
        assert remembered.needed([listed("2", sums(names), piece=9000)])[0] == of(names)


def test_what_was_read_once_is_not_read_again(tmp_path: Path) -> None:
    data = sums(["a", "b"])
    with Names(tmp_path / "names") as names:
        names.needed([listed("1", data)])

    def refuse() -> Iterator[bytes]:
        raise SinkError("read again")

    with Names(tmp_path / "names") as names:
        assert names.needed([Listed("1", hashlib.sha256(data).hexdigest(), 2, refuse)]) == (of(["a", "b"]), {})


def test_what_no_backup_has_any_more_is_forgotten_and_the_rest_is_not(tmp_path: Path) -> None:
    many = [f"IEAAAEDYIY{number:06X}-file" for number in range(2000)]
    one, two = sums(many), sums(many[1000:])
    with Names(tmp_path / "names") as names:
        names.needed([listed("1", one), listed("2", two)])
        names.forget_all_but([hashlib.sha256(two).hexdigest()])
        assert names.needed([listed("2", two)])[0] == of(many[1000:])
    with sqlite3.connect(tmp_path / "names") as db:
        assert db.execute("SELECT count(*) FROM named").fetchone() == (1,)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda data: data[:-1], "not the SHA256SUMS"),
        (lambda data: data.replace(b"attachments/a", b"attachments/b"), "not the SHA256SUMS"),
        (lambda data: data[: data.index(b"\n") + 1], "not the SHA256SUMS"),
        (lambda _: b"", "not the SHA256SUMS"),
    ],
)
def test_one_that_is_not_what_its_manifest_says_is_told_of_and_not_remembered(tmp_path, spoil, told) -> None:  # type: ignore[no-untyped-def]
    data = sums(["a1", "a2"])
    true, spoilt = listed("1", data), listed("1", spoil(data))
    with Names(tmp_path / "names") as names:
        found, damaged = names.needed([Listed("1", true.sha256, 2, spoilt.chunks), listed("2", sums(["c"]))])
        assert told in damaged["1"].message
        assert found == of(["c"])
        assert names.needed([true]) == (of(["a1", "a2"]), {})


@pytest.mark.parametrize("path", ["../../elsewhere", "/etc/passwd", "../attachments/../../x"])
def test_a_line_that_leads_out_of_the_account_is_told_of(tmp_path: Path, path: str) -> None:
    with Names(tmp_path / "names") as names:
        _, damaged = names.needed([listed("1", sums(["a"], [path]))])
    assert "leads out of the account's folder" in damaged["1"].message


def test_what_is_damaged_is_not_kept_open(tmp_path: Path) -> None:
    spoilt, open_ones = b"no line\n" + sums(["a"]), set[int]()

    def chunks() -> Iterator[bytes]:
        open_ones.add(1)
        try:
            yield spoilt
        finally:
            open_ones.clear()

    with Names(tmp_path / "names") as names:
        _, damaged = names.needed([Listed("1", hashlib.sha256(spoilt).hexdigest(), 1, chunks)])
        assert damaged["1"].message == "is not made of hashes and paths"
        assert not open_ones


def test_a_manifest_without_the_hash_still_counts(tmp_path: Path) -> None:
    with Names(tmp_path / "names") as names:
        _, damaged = names.needed([listed("1", sums(["a"]), total=2, known=False)])
    assert "names 1 file in attachments/, of 2" in damaged["1"].message


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda data: data.replace(b"\n", b"\r\n"), "not made of hashes and paths"),
        (lambda data: data[:-1], "breaks off"),
        (lambda data: data[:-2], "breaks off"),
        (lambda data: data[: data.index(b"\n") + 1] * 2, "names 1 file in attachments/, of 2"),
        (lambda data: b"z" + data[1:], "not made of hashes and paths"),
    ],
)
def test_what_a_manifest_without_the_hash_names_is_read_with_care(tmp_path, spoil, told) -> None:  # type: ignore[no-untyped-def]
    with Names(tmp_path / "names") as names:
        data = sums(["a", "ab"], [])
        assert names.needed([listed("1", data, 2, known=False)]) == (of(["a", "ab"]), {})
        found, damaged = names.needed([listed("1", spoil(data), 2, known=False)])
    assert told in damaged["1"].message
    assert found == set()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b"not a database, by any means" * 100),
        lambda path: path.write_bytes(
            path.read_bytes().replace(b"PRIMARY KEY", b"PRIMARY K\xccY")
        ),  # told in no Unicode
        lambda path: _change(path, "UPDATE blocks SET names = x'6100'"),
        lambda path: _change(path, "DELETE FROM blocks"),
        lambda path: _change(path, "UPDATE blocks SET first = 1"),
        lambda path: _change(path, "UPDATE blocks SET names = CAST(names AS TEXT)"),
        lambda path: _change(path, "UPDATE named SET numbers = x'00'"),
        lambda path: _change(path, "UPDATE named SET numbers = 'no bytes'"),
        lambda path: _change(path, f"UPDATE named SET numbers = x'{Flags([1 << 20]).pack().hex()}'"),
        lambda path: _change(path, f"UPDATE named SET numbers = x'{zlib.compress(bytes(4)).hex()}'"),
    ],
)
def test_what_is_remembered_wrongly_is_read_again(tmp_path, spoil) -> None:  # type: ignore[no-untyped-def]
    path, one = tmp_path / "names", listed("1", sums(["a", "b"]))
    with Names(path) as names:
        names.needed([one])
    spoil(path)
    with Names(path) as names:
        assert names.needed([one]) == (of(["a", "b"]), {})


def _change(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as db:
        db.execute(statement)


def test_a_state_folder_that_another_plan_is_writing_to_is_done_without(tmp_path: Path) -> None:
    path, one = tmp_path / "names", listed("1", sums(["a"]))
    with Names(path) as names:
        names.needed([listed("0", sums(["z"]))])
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with Names(path) as names:
            assert names.needed([one]) == (of(["a"]), {})
        other.execute("ROLLBACK")
    assert path.exists()


def test_two_plans_that_take_turns_at_one_file_learn_from_each_other(tmp_path: Path) -> None:
    path, many = tmp_path / "names", [f"IEAAAEDYIY{number:06X}-file" for number in range(500)]
    with Names(path) as one, Names(path) as other:
        one.needed([listed("1", sums(["a"]))])
        other.needed([listed("2", sums(many))])
        assert one.needed([listed("3", sums([*many, "z"]), piece=9000)]) == (of([*many, "z"]), {})
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM named").fetchone() == (3,)


@pytest.mark.parametrize(
    "statements",
    [
        "CREATE TABLE named (sums TEXT PRIMARY KEY, numbers BLOB NOT NULL)",
        "CREATE TABLE backups (sums TEXT PRIMARY KEY, runs BLOB NOT NULL); PRAGMA journal_mode=WAL",
        "CREATE TABLE x (y); PRAGMA user_version = 99",
    ],
)
def test_what_another_version_remembered_makes_room_for_what_this_one_does(tmp_path: Path, statements: str) -> None:
    path, one = tmp_path / "names", listed("1", sums(["a", "b"]))
    with sqlite3.connect(path) as db:
        db.executescript(statements)
    db.close()
    for _ in range(2):
        with Names(path) as names:
            assert names.needed([one]) == (of(["a", "b"]), {})
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT lines FROM named").fetchall() == [(2,)]


def test_what_another_plan_forgets_meanwhile_is_read_again_and_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, one, other = tmp_path / "names", listed("1", sums(["a"])), listed("2", sums(["b"]))
    with Names(path) as names:
        names.needed([one])
    knows, asked = Names._knows, list[str | None]()

    def knew(names: Names, hash_: str | None) -> bool:
        asked.append(hash_)
        return len(asked) <= 2 or knows(names, hash_)

    with Names(path) as names:
        monkeypatch.setattr(Names, "_knows", knew)
        assert names.needed([one, other]) == (of(["a", "b"]), {})
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM named").fetchone() == (1,)
