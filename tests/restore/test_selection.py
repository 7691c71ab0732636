"""What each selection chooses, as a table; and words that name nothing are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.restore.backups import ADA, BOB, account, attachment, file, folder, original, restored, task
from wrikebackup_core.engine.restore import Original, Selection, Shape, since, until
from wrikebackup_core.errors import UsageError
from wrikebackup_core.testing import MemorySink

LINK = "https://www.wrike.com/open.htm?id="
MAY, JUNE, JULY = ("2026-05-10T12:00:00Z", "2026-06-10T12:00:00Z", "2026-07-10T23:59:59Z")

# Marketing / Campaigns (a project) / Poster + its subtask; Sales / Campaigns / Offer; a task nowhere
FOLDERS = [
    folder("FMARKETING", "Marketing", "FCAMPAIGN1", permalink=LINK + "1"),
    folder("FCAMPAIGN1", "Campaigns", permalink=LINK + "2", project={"authorId": ADA}),
    folder("FSALES", "Sales", "FCAMPAIGN2", permalink=LINK + "3"),
    folder("FCAMPAIGN2", "Campaigns", permalink=LINK + "4"),
]
TASKS = [
    task("TPOSTER", "Poster", "FCAMPAIGN1", authorIds=[ADA], permalink=LINK + "11", createdDate=MAY),
    task("TSUB", "Print", superTaskIds=["TPOSTER"], authorIds=[BOB], permalink=LINK + "12", createdDate=JUNE),
    task("TOFFER", "Offer", "FCAMPAIGN2", authorIds=[BOB], permalink=LINK + "13", createdDate=JULY),
    task("TALONE", "Alone", authorIds=[ADA], createdDate=MAY),
]
FILES = {
    "A1": file(
        "A1", "poster.pdf", b"1", taskId="TPOSTER", authorId=ADA, createdDate=MAY, contentType="application/pdf"
    ),
    "A2": file("A2", "print.PNG", b"2", taskId="TSUB", authorId=BOB, createdDate=JUNE, contentType="image/png"),
    "A3": file("A3", "offer.pdf", b"3", taskId="TOFFER", authorId=ADA, createdDate=JULY, contentType="application/pdf"),
    "A4": file("A4", "alone.txt", b"4", taskId="TALONE", createdDate=MAY, contentType="text/plain"),
    "A5": file("A5", "plan.jpg", b"5", folderId="FMARKETING", authorId=BOB, createdDate=JULY, contentType="image/jpeg"),
}
ALL = "A1 A2 A3 A4 A5"


@pytest.fixture(scope="module")
def backup() -> Original:
    sink = MemorySink("source")
    sample = account(FOLDERS, TASKS, [(record, b"x") for record in ({**one, "size": 1} for one in FILES.values())])
    sample.store(sink)
    return original(sink, sample.uid)


def chosen(backup: Original, tmp_path: Path, selection: Selection) -> str:
    target = MemorySink("target")
    restored(backup, target, tmp_path, selection=selection)
    return " ".join(id_ for id_ in FILES if attachment(id_, FILES[id_]["name"]) in target.objects)


@pytest.mark.parametrize(
    ("selection", "files"),
    [
        (Selection(), ALL),
        (Selection(tasks=["TPOSTER"]), "A1"),
        (Selection(tasks=["11"]), "A1"),
        (Selection(tasks=["#11"]), "A1"),
        (Selection(tasks=[LINK + "11"]), "A1"),
        (Selection(tasks=["11", "TOFFER"]), "A1 A3"),
        (Selection(folders=["FMARKETING"]), "A1 A2 A5"),
        (Selection(folders=["1"]), "A1 A2 A5"),
        (Selection(folders=["marketing"]), "A1 A2 A5"),
        (Selection(folders=["Campaigns"]), "A1 A2 A3"),
        (Selection(folders=["Marketing/Campaigns"]), "A1 A2"),
        (Selection(folders=["/Sales/Campaigns/"]), "A3"),
        (Selection(folders=["Sales"], tasks=["TALONE"]), "A3 A4"),
        (Selection(projects=["Campaigns"]), "A1 A2"),
        (Selection(projects=["FCAMPAIGN1"]), "A1 A2"),
        (Selection(authors=[ADA]), "A1 A3 A4"),  # the last has no author of its own: its task's
        (Selection(authors=["ada lovelace"]), "A1 A3 A4"),
        (Selection(authors=["Byron"]), "A2 A5"),
        (Selection(authors=["BOB@example.com", "Ada"]), ALL),
        (Selection(authors=["Ada"], folders=["Sales"]), "A3"),
        (Selection(since=since("2026-06-10")), "A2 A3 A5"),
        (Selection(since=since("2026-06-11")), "A3 A5"),
        (Selection(until=until("2026-06-10")), "A1 A2 A4"),
        (Selection(until=until("2026-07-10")), ALL),
        (Selection(since=since("2026-06-10T12:00Z"), until=until("2026-06-10T14:00:00+02:00")), "A2"),
        (Selection(names=["*.pdf"]), "A1 A3"),
        (Selection(names=["*.png", "alone*"]), "A2 A4"),
        (Selection(types=["image/*"]), "A2 A5"),
        (Selection(types=["image/*"], names=["*.jpg"]), "A5"),
        (Selection(names=["*.pdf"], authors=["Ada"], folders=["Marketing"], until=until("2026-05-31")), "A1"),
        (Selection(names=["nothing*"]), ""),
    ],
    ids=lambda one: str(one).replace("Selection", ""),
)
def test_a_selection_chooses_these_files(backup: Original, tmp_path: Path, selection: Selection, files: str) -> None:
    assert chosen(backup, tmp_path, selection) == files


@pytest.mark.parametrize(
    ("selection", "pages"),
    [
        (Selection(), "Alone Campaigns Campaigns Marketing Offer Poster Print Sales"),
        (Selection(tasks=["TPOSTER"]), "Poster"),
        (Selection(folders=["Sales"]), "Campaigns Offer Sales"),
        (Selection(authors=["Bob"]), "Marketing Offer Print"),  # Marketing for the file that he attached to it
        (Selection(names=["*.png"]), "Print"),
        (Selection(names=["*.txt"], folders=["Sales"]), ""),
        (Selection(until=until("2026-05-31")), "Alone Poster"),
    ],
    ids=lambda one: str(one).replace("Selection", ""),
)
def test_a_selection_chooses_these_pages(backup: Original, tmp_path: Path, selection: Selection, pages: str) -> None:
    target = MemorySink("target")
    restored(backup, target, tmp_path, Shape.TREE, selection)
    titles = [key.split("/")[-2] for key in target.objects if key.endswith(("/task.md", "/folder.md"))]
    assert " ".join(sorted(titles)) == pages


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (Selection(tasks=["99"]), "has no task 99"),
        (Selection(tasks=["FSALES"]), "has no task FSALES"),
        (Selection(folders=["Sales/Marketing"]), "has no folder Sales/Marketing"),
        (Selection(projects=["Sales"]), "has no project Sales"),
        (Selection(authors=["Eve"]), "knows nobody called Eve"),
    ],
)
def test_words_that_name_nothing_are_refused_before_anything_is_written(
    backup: Original, tmp_path: Path, selection: Selection, message: str
) -> None:
    target = MemorySink("target")
    with pytest.raises(UsageError, match=message):
        restored(backup, target, tmp_path, selection=selection)
    assert target.objects == {}


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "", "10/07/2026"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no date"):
        since(text)
    with pytest.raises(UsageError, match="is no date"):
        until(text)


def test_two_selections_one_after_the_other_make_the_tree_of_both(backup: Original, tmp_path: Path) -> None:
    """Names hang on the whole backup, so that a place is the same whatever is selected."""
    both, whole = MemorySink("both"), MemorySink("whole")
    for selection in (Selection(folders=["Sales"]), Selection(folders=["Marketing"]), Selection(tasks=["TALONE"])):
        assert restored(backup, both, tmp_path, Shape.TREE, selection).kept == []
    restored(backup, whole, tmp_path, Shape.TREE)
    assert both.objects == whole.objects
