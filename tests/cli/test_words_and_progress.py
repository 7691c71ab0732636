"""Values as people read them, and the numbers of a run."""

from __future__ import annotations

import threading
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrikebackup_core.cli.ending import worst
from wrikebackup_core.cli.progress import _picture, progress
from wrikebackup_core.cli.summary import named_counts
from wrikebackup_core.cli.tally import Tally
from wrikebackup_core.cli.terminal import Terminal
from wrikebackup_core.cli.words import among, clean, duration, of_kind, plural, size
from wrikebackup_core.errors import ExitCode
from wrikebackup_core.model import (
    FileFinished,
    FileProgress,
    FileStarted,
    Gap,
    GapFound,
    StageFinished,
    StageProgress,
    StageStarted,
)


@given(st.text() | st.text(st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp"])))
def test_clean_text_can_neither_move_nor_break_nor_turn_a_line(text: str) -> None:
    for char in clean(text):
        assert unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp")
        assert char not in "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f"


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_clean_text_is_otherwise_what_it_was(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (99_949, "99.9 kB"), (99_950, "100 kB"), (999_499, "999 kB"),
     (999_500, "1.0 MB"), (488_300_000, "488 MB"), (1.5e9, "1.5 GB"), (2e12, "2.0 TB"), (3e15, "3.0 PB"), (4e18, "4,000.0 PB")],
)  # fmt: skip
def test_sizes(number: float, words: str) -> None:
    assert size(number) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3599, "59 min 59 s"),
     (3600, "1 h 00 min"), (90_000, "25 h 00 min")],
)  # fmt: skip
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_counting_words() -> None:
    assert [plural(0, "file"), plural(1, "file"), plural(2000, "file")] == ["0 files", "1 file", "2,000 files"]
    kinds = ("tasks", "dependencies", "access_roles", "audit_log", "account")
    assert [of_kind(1, kind) for kind in kinds] == [
        "1 task",
        "1 dependency",
        "1 access_role",
        "1 audit_log",
        "1 account",
    ]
    assert [of_kind(2, kind) for kind in kinds[:2]] == ["2 tasks", "2 dependencies"]
    assert among(["a", "b", "c"]) == "a, b, c"
    assert among(map(str, range(20))) == "0, 1, 2 and 17 more"


def test_the_gravest_of_several_exit_codes_wins() -> None:
    """Every code has its place in the order, and a failure outranks whatever else there is."""
    assert worst([]) is ExitCode.DONE
    for code in ExitCode:
        assert worst([ExitCode.DONE, code]) is code
    assert worst([ExitCode.PARTIAL, ExitCode.LOCKED, ExitCode.DONE]) is ExitCode.LOCKED
    assert worst([ExitCode.USAGE, ExitCode.FAILED, ExitCode.PARTIAL]) is ExitCode.FAILED
    assert worst([ExitCode.FAILED, ExitCode.INTERRUPTED]) is ExitCode.INTERRUPTED


def test_a_tally_adds_up_what_threads_tell_it() -> None:
    tally = Tally()
    tally.take(StageStarted("transfer", 400, 4000))

    def work(number: int) -> None:
        for index in range(100):
            key = f"{number}-{index}"
            tally.take(FileStarted(key, 10))
            tally.take(FileProgress(key, 5))
            tally.take(FileFinished(key, 10))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    now = tally.snapshot()
    assert (now.done, now.bytes_done, now.files, now.fraction) == (400, 4000, (), 1.0)


def test_bytes_of_files_in_flight_count() -> None:
    tally = Tally()
    tally.take(StageStarted("transfer", 2, 200))
    tally.take(FileStarted("a", 100))
    tally.take(FileProgress("a", 60))
    tally.take(GapFound(Gap("tasks", None, "no")))
    now = tally.snapshot()
    assert (now.bytes_done, now.done, now.gaps, now.files) == (60, 0, 1, (("a", 100, 60),))
    tally.take(FileFinished("a", 0, "gone"))
    assert tally.snapshot().bytes_done == 0
    tally.take(StageFinished("transfer", ""))
    tally.take(StageStarted("derive"))
    assert (tally.snapshot().stage, tally.snapshot().bytes_done, tally.snapshot().fraction) == ("derive", 0, None)


@pytest.mark.parametrize("width", [30, 40, 80, 200])
@pytest.mark.parametrize("unicode", [True, False])
def test_no_row_of_the_picture_is_wider_than_the_screen(width: int, unicode: bool) -> None:
    tally = Tally()
    for event in (StageStarted("transfer", 10**6, 10**12), StageStarted("crawl")):
        tally.take(event)
        tally.take(StageProgress(event.stage, "a kind \x1b[2J with a long name " * 5, 10**6, 10**11))
        for number in range(40):
            tally.take(FileStarted(f"attachments/IEAAAEDY{number}-\u202e{'見積書' * 30}\x1b[0m.pdf", 10**9))
        picture = _picture(tally.snapshot(), width, unicode=unicode)
        rows = picture.split("\n")
        assert all(row.cell_len < width for row in rows)
        assert len(rows) <= 11
        assert "\x1b" not in picture.plain
        assert "32 more files" in picture.plain
        assert unicode or "━" not in picture.plain


def test_small_files_are_counted_and_neither_drawn_nor_written(capsys: pytest.CaptureFixture[str]) -> None:
    """There may be a hundred thousand of them: what each costs must not depend on who looks."""
    with progress(Terminal(), "p") as notify:
        notify(StageStarted("transfer", 20_000, 20_000))
        for number in range(20_000):
            notify(FileStarted(f"{number}", 1))
            notify(FileFinished(f"{number}", 1))
    with progress(Terminal(json=True), "p") as notify:
        notify(StageStarted("transfer", 20_000, 20_000))
        for number in range(20_000):
            notify(FileStarted(f"{number}", 1))
            notify(FileFinished(f"{number}", 1))
    out, err = capsys.readouterr()
    assert err == ""
    assert len(out.splitlines()) < 200, "a progress event a second at most"


def test_one_record_of_a_kind_is_named_as_one_in_summaries() -> None:
    assert named_counts({"tasks": 1, "attachments": 1, "comments": 2}) == "2 comments, 1 attachment, 1 task"
