"""`wrikebackup cat` gives out what is in a backup, byte for byte, and says what there is where it has no such thing."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable

import pytest

from tests.lookup.shelf import Ran, Shelf

_OLD, _NEW = "20261101T000000Z-aaaaaa", "20261102T000000Z-bbbbbb"
_FILE = "IEAAAEDYIYAB7DLK"
_OTHER = "IEAAAEDYIYAB7DLL"
_BINARY = bytes(range(256)) * 30_000


def _attachment(id_: str, name: str, **more: object) -> dict[str, object]:
    return {"id": id_, "name": name, "type": "Wrike", "size": 1, **more}


@pytest.fixture(autouse=True)
def _backups(shelf: Shelf) -> None:
    shelf.put(_OLD, {"tasks": [{"id": "T1", "title": "old"}]})
    shelf.put(
        _NEW,
        {
            "tasks": [{"id": "T1", "title": "ne\u00fc"}],
            "attachments": [
                _attachment(_FILE, "a/b: plan.pdf"),
                _attachment(_OTHER, "same.txt"),
                _attachment("IEAAAEDYIYAB7DLM", "same.txt"),
                _attachment("IEAAAEDYIYAB7DLN", "link", type="Google"),
            ],
        },
        files={"users.json": [{"uid": "U1"}]},
        attachments={
            f"{_FILE}-a_b_ plan.pdf": _BINARY,
            f"{_OTHER}-same.txt": b"one",
            "IEAAAEDYIYAB7DLM-same.txt": b"two",
        },
    )


def test_a_member_of_either_zip_comes_as_it_was(cli: Callable[..., Ran]) -> None:
    assert cli("cat", "users.json").out == b'[{"uid": "U1"}]'
    assert cli("cat", "tasks.jsonl").out == '{"id": "T1", "title": "neü"}\n'.encode()


def test_an_older_backup_is_named_by_its_beginning(cli: Callable[..., Ran]) -> None:
    assert cli("cat", "20261101", "tasks.jsonl").out == b'{"id": "T1", "title": "old"}\n'


@pytest.mark.parametrize("name", ["manifest.json", "SHA256SUMS", f"records-{_NEW}.zip"])
def test_a_file_of_the_backup_comes_as_it_is_stored(cli: Callable[..., Ran], shelf: Shelf, name: str) -> None:
    stored = next(shelf.root.glob(f"*/backup-{_NEW}/{name}"))
    assert cli("cat", name).out == stored.read_bytes()


@pytest.mark.parametrize(
    "name",
    [_FILE, "a/b: plan.pdf", f"{_FILE}-a_b_ plan.pdf", f"attachments/{_FILE}-a_b_ plan.pdf", f"attachments/{_FILE}"],
)
def test_an_attachment_is_found_by_its_id_its_name_and_its_file(cli: Callable[..., Ran], name: str) -> None:
    assert cli("cat", name).out == _BINARY


def test_one_name_of_several_attachments_asks_for_an_id(cli: Callable[..., Ran]) -> None:
    ran = cli("cat", "same.txt")
    assert (ran.code, ran.out) == (2, b"")
    assert f"hint: give an id: {_OTHER}, IEAAAEDYIYAB7DLM" in ran.err


def test_a_link_is_told_from_a_file(cli: Callable[..., Ran]) -> None:
    assert "does not hold the file" in cli("cat", "link").err


@pytest.mark.parametrize(
    "name", ["nope", "../manifest.json", "attachments/../SHA256SUMS", "nope.jsonl", "attachments/"]
)
def test_an_unknown_name_is_answered_with_what_there_is(cli: Callable[..., Ran], name: str) -> None:
    ran = cli("cat", name)
    assert (ran.code, ran.out) == (2, b"")
    error, hint = ran.err.splitlines()
    assert error == f"wrikebackup: error: {_NEW} has no {name}"
    assert "tasks.json, teams.json, tasks.jsonl, attachments.jsonl, manifest.json" in hint


def test_a_damaged_member_ends_as_damage_and_names_it(cli: Callable[..., Ran], shelf: Shelf) -> None:
    path = next(shelf.root.glob(f"*/backup-{_NEW}/records-*.zip"))
    with zipfile.ZipFile(path) as archive:
        at = archive.getinfo("attachments.jsonl").header_offset + 90
    data = bytearray(path.read_bytes())
    data[at : at + 8] = b"\xff" * 8
    path.write_bytes(data)
    ran = cli("cat", "attachments.jsonl")
    assert ran.code == 4
    assert f"{_NEW}: attachments.jsonl: " in ran.err


def test_a_damaged_newest_manifest_costs_that_backup_only(cli: Callable[..., Ran], shelf: Shelf) -> None:
    next(shelf.root.glob(f"*/backup-{_NEW}/manifest.json")).write_bytes(b"{}")
    ran = cli("cat", "tasks.jsonl")
    assert (ran.code, ran.out) == (0, b'{"id": "T1", "title": "old"}\n')
    assert f"backup-{_NEW}/manifest.json: " in ran.err
    assert f"{_OLD} is read instead" in ran.err
    assert cli("find", "old").code == 0
    assert cli("cat", _NEW, "tasks.jsonl").code == 4


@pytest.mark.parametrize("name", [_OTHER, f"attachments/{_OTHER}-same.txt"])
def test_a_damaged_attachment_comes_and_ends_as_damage(cli: Callable[..., Ran], shelf: Shelf, name: str) -> None:
    next(shelf.root.glob(f"*/attachments/{_OTHER}-*")).write_bytes(b"0ne")
    ran = cli("cat", name)
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (4, b"0ne", 1)
    assert f"attachments/{_OTHER}-same.txt: damaged: SHA-256 is" in ran.err


def test_an_attachment_that_the_checksums_do_not_name_comes_and_is_told(cli: Callable[..., Ran], shelf: Shelf) -> None:
    for sums in shelf.root.glob("*/backup-*/SHA256SUMS"):
        sums.write_bytes(sums.read_bytes().replace(b"plan.pdf", b"another.pdf"))
    ran = cli("cat", "a/b: plan.pdf")
    assert (ran.code, ran.out) == (4, _BINARY)
    assert f"{_FILE}-a_b_ plan.pdf: SHA256SUMS does not name it, so nobody can tell whether it is right" in ran.err


def _program(shelf: Shelf, *words: str) -> list[str]:
    code = "import sys; from wrikebackup_core.cli import main; main()"
    return [sys.executable, "-c", code, "cat", str(shelf.root), *words]


def test_a_reader_that_leaves_ends_it_quietly(shelf: Shelf) -> None:
    with subprocess.Popen(_program(shelf, _FILE), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        assert program.stdout.read(10) == _BINARY[:10]
        program.stdout.close()
        assert program.stderr.read() == b""


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals there")
@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ((_FILE,), 2, b"is not plain text"),
        ((_FILE, "--force"), 0, b"\x00\x01\x02"),
        (("tasks.jsonl",), 0, "neü".encode()),
    ],
)
def test_a_terminal_gets_only_plain_text_unless_forced(
    shelf: Shelf, words: tuple[str, ...], code: int, told: bytes
) -> None:
    master, slave = os.openpty()
    with subprocess.Popen(_program(shelf, *words), stdout=slave, stderr=slave) as program:
        os.close(slave)
        seen = b""
        try:
            while piece := os.read(master, 65536):
                seen += piece
        except OSError:  # how Linux says that the other end is closed
            pass
        finally:
            os.close(master)
    assert (program.returncode, told in seen) == (code, True)
    assert (b"\x00" in seen) == ("--force" in words)
