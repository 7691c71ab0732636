"""Many items asked at a time: in order, stopped by the first that fails, and never longer than the program."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from wrikebackup_fsspec.batches import each

# Most items take longer than anybody waits; the first of them is being asked about when `begun` is there.
PROGRAM = """
import sys, threading, time
from pathlib import Path
from wrikebackup_fsspec.batches import each
def ask(item):
    if item:
        Path("begun").touch()
        time.sleep(60)
    return item
def look():
    for _ in each(ask, range(1000)):
        pass
if sys.argv[1] == "beside":
    threading.Thread(target=look, daemon=True).start()
    while not Path("begun").exists():
        time.sleep(0.01)
else:
    look()
"""


def test_answers_come_in_the_order_of_the_items() -> None:
    def ask(number: int) -> int:
        time.sleep(0.002 * (number % 3))
        return number * 2

    assert list(each(ask, range(2_500))) == [number * 2 for number in range(2_500)]


def test_a_single_item_is_asked_about_without_any_thread() -> None:
    assert list(each(lambda _: threading.current_thread(), ["a"])) == [threading.current_thread()]


def test_the_first_that_fails_is_raised_and_nothing_goes_on_behind_it() -> None:
    asked = list[int]()

    def ask(number: int) -> None:
        asked.append(number)
        if number == 3:
            raise ValueError("no")
        time.sleep(0.05)

    with pytest.raises(ValueError, match="no"):
        list(each(ask, range(1000)))
    assert len(asked) < 1000
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("store-")] == []


@pytest.mark.parametrize(
    "words",
    [
        "beside",
        pytest.param("interrupted", marks=pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT there")),
    ],
)
def test_a_program_that_ends_or_is_interrupted_does_not_wait_for_what_is_asked(tmp_path: Path, words: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.PIPE,
    ) as program:
        while not (tmp_path / "begun").exists():
            assert program.poll() is None
            time.sleep(0.01)
        if words == "interrupted":
            program.send_signal(signal.SIGINT)
        try:
            _, said = program.communicate(timeout=30)
        finally:
            program.kill()
    assert (b"KeyboardInterrupt" in said) == (words == "interrupted")
