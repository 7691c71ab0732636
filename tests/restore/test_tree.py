"""Restored for people: each folder a folder, each task one in it, once, under a name that is safe."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.restore.backups import ADA, BOB, Mask, account, file, folder, local, original, restored, stored, task
from tests.verify.sample import Sample
from wrikebackup_core.engine.restore import Shape
from wrikebackup_core.errors import ExitCode, SinkError
from wrikebackup_core.testing import MemorySink


def tree(sample: Sample, tmp_path: Path) -> dict[str, bytes]:
    _, backup = stored(sample)
    target = MemorySink("target")
    result = restored(backup, target, tmp_path, Shape.TREE)
    assert (result.exit_code, result.findings, result.kept) == (ExitCode.DONE, [], [])
    return target.objects


def test_folders_tasks_subtasks_and_files_nest(tmp_path: Path) -> None:
    sample = account(
        [folder("F1", "Marketing", "F2"), folder("F2", "Campaigns")],
        [task("T1", "Poster", "F2"), task("T2", "Print", superTaskIds=["T1"]), task("T3", "Alone")],
        [
            (file("A1", "a.pdf", b"a", taskId="T2"), b"a"),
            (file("A2", "b.pdf", b"b", folderId="F1"), b"b"),
            (file("A3", "c.pdf", b"c"), b"c"),
        ],
    )
    found = tree(sample, tmp_path)
    assert sorted(found) == [
        "Files without a task or folder/c.pdf",
        "Marketing/Campaigns/Poster/Print/a.pdf",
        "Marketing/Campaigns/Poster/Print/task.md",
        "Marketing/Campaigns/Poster/task.md",
        "Marketing/Campaigns/folder.md",
        "Marketing/b.pdf",
        "Marketing/folder.md",
        "Tasks without a folder/Alone/task.md",
    ]
    assert found["Marketing/Campaigns/Poster/Print/a.pdf"] == b"a"


def test_a_folder_with_several_parents_is_there_once_and_the_others_link_to_it(tmp_path: Path) -> None:
    sample = account(
        [folder("F1", "One", "F3"), folder("F2", "Two (too)", "F3"), folder("F3", "Shared", parentIds=["F1", "F2"])],
        [task("T1", "Both", "F1", "F2")],
    )
    found = tree(sample, tmp_path)
    assert {"One/Shared/folder.md", "One/Both/task.md"} < found.keys()
    assert not any(key.startswith("Two (too)/Shared") for key in found)
    page = found["Two (too)/folder.md"].decode()
    assert "- [Shared](<../One/Shared/folder.md>)\n- [Both](<../One/Both/task.md>)\n" in page
    assert "Also here" not in found["One/folder.md"].decode()


def test_a_page_says_who_what_and_when_in_words(tmp_path: Path) -> None:
    body = {
        "description": "<p>Make it <b>loud</b></p><ul><li>red</li><li>blue</li></ul>",
        "status": "Active",
        "customStatusId": "S1",
        "dates": {"start": "2026-10-01T09:00:00", "due": "2026-10-09T17:00:00"},
        "authorIds": [ADA],
        "responsibleIds": [BOB, "KUGONE00"],
        "customFields": [{"id": "C1", "value": "12"}, {"id": "C2", "value": ""}],
        "permalink": "https://www.wrike.com/open.htm?id=11",
    }
    comment = {
        "id": "C",
        "taskId": "T1",
        "authorId": BOB,
        "text": "I <i>did</i>",
        "createdDate": "2026-10-08T01:02:03Z",
    }
    spent = {"id": "H", "taskId": "T1", "userId": ADA, "hours": 1.5, "trackedDate": "2026-10-08", "categoryId": "K1"}
    sample = account(
        [],
        [task("T1", "Poster *1*", **body)],
        [(file("A1", "a b.pdf", b"abc", taskId="T1", authorId=ADA), b"abc")],
        workflows=[{"id": "W", "customStatuses": [{"id": "S1", "name": "In print"}]}],
        customfields=[{"id": "C1", "title": "Copies"}, {"id": "C2", "title": "Empty"}],
        timelog_categories=[{"id": "K1", "name": "Design"}],
        comments=[comment],
        timelogs=[spent],
    )
    assert tree(sample, tmp_path)["Tasks without a folder/Poster _1_/task.md"].decode() == PAGE


PAGE = """\
# Poster \\*1\\*

- Status: In print (Active)
- Start: 2026-10-01 09:00
- Due: 2026-10-09 17:00
- Assigned to: Bob Byron, KUGONE00
- Author: Ada Lovelace
- Created: 2026-10-07 01:48 UTC
- Copies: 12
- Id: T1
- In Wrike: <https://www.wrike.com/open.htm?id=11>

## Description

Make it **loud**

- red
- blue

## Files

- [a b.pdf](<a%20b.pdf>), 3 bytes, Ada Lovelace, 2026-10-07 01:48 UTC

## Comments

### Bob Byron, 2026-10-08 01:02 UTC

I *did*

## Time

| Day | Who | Hours | Category | Comment |
| --- | --- | ---: | --- | --- |
| 2026-10-08 | Ada Lovelace | 1.5 | Design |  |
"""


def test_folders_that_contain_themselves_are_told_and_restored_at_the_top(tmp_path: Path) -> None:
    sample = account(
        [folder("F1", "One", "F2"), folder("F2", "Two", "F1"), folder("F3", "Self", "F3")],
        [task("T1", "In one", "F1"), task("T2", "A", superTaskIds=["T3"]), task("T3", "B", superTaskIds=["T2"])],
    )
    _, backup = stored(sample)
    target = MemorySink("target")
    result = restored(backup, target, tmp_path, Shape.TREE)
    assert result.exit_code is ExitCode.PARTIAL
    [finding] = result.findings
    assert finding.detail == "folders or tasks that contain themselves, put at the top: F1, T2"
    assert sorted(target.objects) == [
        "One/In one/task.md",
        "One/Two/folder.md",
        "One/folder.md",
        "Self/folder.md",
        "Tasks without a folder/A/B/task.md",
        "Tasks without a folder/A/task.md",
    ]


def test_folders_deeper_than_a_path_may_be_begin_anew_at_the_top(tmp_path: Path) -> None:
    count, long = 60, "x" * 300
    folders = [folder(f"F{n:03}", f"{n} {long}", *([f"F{n + 1:03}"] if n + 1 < count else [])) for n in range(count)]
    _, backup = stored(account(folders))
    target = local(tmp_path / "out")
    result = restored(backup, target, tmp_path, Shape.TREE)
    assert (result.exit_code, result.pages) == (ExitCode.DONE, count)
    pages = list((tmp_path / "out").rglob("folder.md"))
    assert len(pages) == count
    assert max(len(str(page.relative_to(tmp_path / "out")).encode()) for page in pages) < 2000


@pytest.mark.parametrize(
    "names",
    [
        ["a.txt", "a.txt"], ["a.txt", "A.TXT"], ["ﬁ.txt", "fi.txt"], ["é.txt", "e\u0301.txt"], ["a:b", "a/b"], ["..", "."], ["", " "],
        ["task.md", "TASK.md"], ["CON", "con.txt"], [".x.partial", "_x.partial"], ["a" * 300 + ".pdf", "a" * 301 + ".pdf"],
    ],
)  # fmt: skip
def test_files_whose_names_would_meet_are_all_there(tmp_path: Path, names: list[str]) -> None:
    files = [
        (file(f"A{number}", name, b"%d" % number, taskId="T1"), b"%d" % number) for number, name in enumerate(names)
    ]
    found = tree(account([], [task("T1", "Files")], files), tmp_path)
    contents = sorted(data for key, data in found.items() if not key.endswith("/task.md"))
    assert contents == [b"%d" % number for number in range(len(names))]
    assert len({key.casefold() for key in found}) == len(names) + 1


_HOSTILE = st.one_of(
    st.sampled_from(
        [
            "..",
            ".",
            "",
            "/",
            "../x",
            "/etc/passwd",
            "C:\\x",
            "CON",
            "a\0b",
            "task.md",
            "folder.md",
            ".a.partial",
            "~",
            " ",
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.text(alphabet="./\\~ .:\u202e\u2028a", max_size=12),
)
_ALLOWED = re.compile(r'[^/\\:*?"<>|\x00-\x1f]+')


@settings(max_examples=40)  # each writes a folder
@given(
    st.lists(_HOSTILE, min_size=1, max_size=6),
    st.lists(_HOSTILE, max_size=6),
    st.lists(st.tuples(_HOSTILE, _HOSTILE), max_size=4),
)
def test_no_title_and_no_name_leads_out_of_the_tree(
    folders: list[str], tasks: list[str], files: list[tuple[str, str]]
) -> None:
    sample = account(
        [folder(f"F{n}", title, *[f"F{n + 1}"] * (n % 2)) for n, title in enumerate(folders)],
        [task(f"T{n}", title, f"F{n}") for n, title in enumerate(tasks)],
        [(file(f"A{n}", name, b"x", taskId=f"T{n}", contentType=kind), b"x") for n, (name, kind) in enumerate(files)],
    )
    _, backup = stored(sample)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        result = restored(backup, local(root / "out"), root / "state", Shape.TREE)
        assert (result.exit_code, result.kept) == (ExitCode.DONE, [])
        assert {path.name for path in root.iterdir()} <= {"out", "state"}
        found = [path for path in (root / "out").rglob("*") if path.is_file()]
        assert len(found) == len(folders) + len(tasks) + len(files)
        for path in (root / "out").rglob("*"):
            assert _ALLOWED.fullmatch(path.name)
            assert path.name not in (".", "..")
            assert path.name == path.name.strip(" ")
            assert len(path.name.encode()) <= 160


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right of their own there")
def test_links_in_the_target_are_not_followed(tmp_path: Path) -> None:
    sample = account([folder("F1", "Marketing")], [task("T1", "Poster", "F1")])
    _, backup = stored(sample)
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "Marketing").symlink_to(outside)
    with pytest.raises(SinkError, match="symbolic link"):
        restored(backup, local(tmp_path / "out"), tmp_path, Shape.TREE)
    assert list(outside.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right of their own there")
def test_a_link_in_the_place_of_a_file_stays_and_is_told(tmp_path: Path) -> None:
    _, backup = stored(account([], [task("T1", "Poster")]))
    outside = tmp_path / "outside.md"
    outside.write_text("mine")
    place = tmp_path / "out" / "Tasks without a folder" / "Poster"
    place.mkdir(parents=True)
    (place / "task.md").symlink_to(outside)
    result = restored(backup, local(tmp_path / "out"), tmp_path, Shape.TREE)
    assert (result.exit_code, [one.key for one in result.kept]) == (
        ExitCode.PARTIAL,
        ["Tasks without a folder/Poster/task.md"],
    )
    assert (outside.read_text(), str((place / "task.md").readlink())) == ("mine", str(outside))


@pytest.mark.parametrize("way", ["Marketing", "Marketing/Poster"])
def test_a_file_where_the_tree_wants_a_folder_stays_and_is_told(tmp_path: Path, way: str) -> None:
    _, backup = stored(account([folder("F1", "Marketing"), folder("F2", "Sales")], [task("T1", "Poster", "F1")]))
    mine = tmp_path / "out" / way
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    result = restored(backup, local(tmp_path / "out"), tmp_path, Shape.TREE)
    assert result.exit_code is ExitCode.PARTIAL
    assert "Marketing/Poster/task.md" in [one.key for one in result.kept]
    assert all(one.key.startswith(way) and one.detail.endswith(way) for one in result.kept)
    assert mine.read_text() == "mine"
    assert result.pages > 0


def test_a_tree_is_made_of_the_archive_where_the_records_are_damaged(tmp_path: Path) -> None:
    source, backup = stored(Sample(), Mask())
    assert backup.records is not None
    del source.objects[backup.records]
    target = MemorySink("target")
    result = restored(original(source, backup.uid, Mask()), target, tmp_path, Shape.TREE)
    assert [(one.key, one.what) for one in result.findings] == [(backup.records, "missing")]
    assert "Tasks without a folder/Task 4579949070/plan.pdf" in target.objects
    assert (
        b"### Ada L, 2026-10-07 01:48 UTC\n\nHello" in target.objects["Tasks without a folder/Task 4579949070/task.md"]
    )


def test_records_that_are_none_are_told_and_cost_only_themselves(tmp_path: Path) -> None:
    bad: Any = {"id": "T2", "title": 5}
    _, backup = stored(account([], [task("T1", "Good")], []), Mask())
    sample = account([], [task("T1", "Good"), bad])
    sample.members = {"users.json": b"[]", "folders.json": b"[]", "tasks.json": b"[]", "teams.json": b"[]"}
    _, backup = stored(sample)
    target = MemorySink("target")
    result = restored(backup, target, tmp_path, Shape.TREE)
    assert result.exit_code is ExitCode.PARTIAL
    assert "T2" in result.findings[0].detail
    assert list(target.objects) == ["Tasks without a folder/Good/task.md"]
