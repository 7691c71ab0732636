"""`wrikebackup find` finds a text wherever people wrote it, once, and says in which backups."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from subprocess import PIPE
from typing import Any

import pytest

from tests.lookup.shelf import Ran, Shelf

_FIRST, _SECOND, _THIRD = "20261101T000000Z-a", "20261102T000000Z-b", "20261103T000000Z-c"
_LINK = "https://www.wrike.com/open.htm?id=7"


def _task(id_: str, title: str, **more: object) -> dict[str, Any]:
    return {"id": id_, "title": title, "permalink": _LINK, **more}


@pytest.fixture(autouse=True)
def _backups(shelf: Shelf) -> None:
    shelf.put(_FIRST, {"tasks": [_task("T1", "Invoice"), _task("T2", "gone invoice")]})
    shelf.put(_SECOND, {"tasks": [_task("T1", "Invoice")]})
    shelf.put(
        _THIRD,
        {
            "tasks": [
                _task("T1", "The invoice"),
                _task("T3", "x", description="<p>an <b>in</b>voice &quot;7&quot;</p><p>more</p>"),
            ],
            "comments": [
                {"id": "C1", "text": "R\u00e4chnung\nINVOICE", "taskId": "IEAAAEDYKQC7LYIA"},
                b'{"id":"C2","text":"in\\u0076oice"}',
            ],
            "attachments": [{"id": "A1", "name": "invoice.pdf"}],
            "contacts": [{"id": "U1", "firstName": "Invoice"}],
        },
    )


def test_a_text_is_found_in_titles_descriptions_comments_and_names(cli: Callable[..., Ran]) -> None:
    ran = cli("find", "invoice")
    assert ran.code == 0
    assert ran.lines == [
        f"tasks T1  title: The invoice  {_LINK}",
        f'tasks T3  x  description: an invoice "7" more  {_LINK}',
        "comments C1  text: Rächnung INVOICE  https://www.wrike.com/open.htm?id=100000000",
        "comments C2  text: invoice",
        "attachments A1  name: invoice.pdf",
    ]
    assert ran.err == ""


def test_a_reader_that_has_seen_enough_does_not_turn_found_into_not_found(shelf: Shelf) -> None:
    shelf.put("20261104T000000Z-d", {"tasks": [_task(f"T{number}", "invoice " * 20) for number in range(2000)]})
    words = ("-c", "import sys; from wrikebackup_core.cli import main; main()", "find", str(shelf.root), "invoice")
    for more in ((), ("--json",)):
        with subprocess.Popen([sys.executable, *words, *more], stdout=PIPE, stderr=PIPE) as program:
            assert program.stdout is not None
            assert program.stderr is not None
            assert program.stdout.read(1)
            program.stdout.close()
            assert program.stderr.read() == b""
        assert program.returncode == 0


def test_nothing_found_ends_as_grep_does(cli: Callable[..., Ran]) -> None:
    assert cli("find", "zebra") == Ran(1, b"", "")


def test_case_kinds_and_expressions_narrow_it(cli: Callable[..., Ran]) -> None:
    assert [hit["id"] for hit in cli("find", "INVOICE", "--case", "--json").documents] == ["C1"]
    assert [hit["id"] for hit in cli("find", "invoice", "--kind", "attachments", "--json").documents] == ["A1"]
    assert [hit["id"] for hit in cli("find", r"^in.oice\b", "--regex", "--json").documents] == ["C2", "A1"]
    assert [hit["id"] for hit in cli("find", "invoice", "--backup", "20261101", "--json").documents] == ["T1", "T2"]


def test_a_hit_for_programs_says_where_the_match_stands(cli: Callable[..., Ran]) -> None:
    hit = cli("find", "more", "--json").documents[0]
    assert hit["excerpt"][hit["start"] : hit["end"]] == "more"
    assert set(hit) == {"kind", "id", "title", "field", "excerpt", "start", "end", "permalink"}


def test_over_all_backups_each_hit_comes_once_with_first_and_last(cli: Callable[..., Ran]) -> None:
    found = {
        hit["id"]: (hit["first"], hit["last"], hit["excerpt"])
        for hit in cli("find", "invoice", "--all", "--json").documents
    }
    assert found["T1"] == (_FIRST, _THIRD, "The invoice")
    assert found["T2"] == (_FIRST, _FIRST, "gone invoice")
    assert found["A1"] == (_THIRD, _THIRD, "invoice.pdf")
    assert cli("find", "gone", "--all").lines == [f"tasks T2  title: gone invoice  {_LINK}  {_FIRST}"]


def test_a_backup_that_cannot_be_read_is_told_of_and_the_others_are_searched(
    cli: Callable[..., Ran], shelf: Shelf
) -> None:
    next(shelf.root.glob(f"*/backup-{_SECOND}/records-*.zip")).write_bytes(b"no zip")
    ran = cli("find", "gone", "--all")
    assert (ran.code, len(ran.lines)) == (3, 1)
    assert f"{_SECOND} could not be read" in ran.err


def test_a_failure_is_never_taken_for_nothing_found(cli: Callable[..., Ran], shelf: Shelf) -> None:
    next(shelf.root.glob(f"*/backup-{_THIRD}/records-*.zip")).unlink()
    assert cli("find", "invoice").code == 3


def test_colour_is_for_terminals(cli: Callable[..., Ran]) -> None:
    assert b"\x1b" not in cli("find", "invoice").out


def test_escapes_in_a_title_do_not_reach_the_terminal(cli: Callable[..., Ran], shelf: Shelf) -> None:
    shelf.put("20261104T000000Z-d", {"tasks": [_task("T1", "\x1b[31mred\u202e")]})
    assert cli("find", "red").lines == [f"tasks T1  title: \\x1b[31mred\\u202e  {_LINK}"]


def test_a_backup_of_wrikes_own_tool_is_searched_in_its_four_files(cli: Callable[..., Ran], shelf: Shelf) -> None:
    task = {"id": 7, "title": "x", "description": "<p>invoice</p>", "comments": [{"body": "an <i>invoice</i>"}]}
    files = {"tasks.json": [task | {"attachments": [{"apiId": "A1", "name": "invoice.pdf"}]}]}
    shelf.put("20261104T000000Z-d", None, files=files)
    assert [(hit["kind"], hit["id"], hit["field"]) for hit in cli("find", "invoice", "--json").documents] == [
        ("tasks", "7", "description"),
        ("comments", "7", "body"),
        ("attachments", "A1", "name"),
    ]
