"""A prune that is killed, at each of its steps: what stays is whole, and the next prune finishes."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.prune.backups import (
    ACCOUNT,
    attachments,
    committed,
    only,
    pruned,
    put,
    sha256sum,
    uid_of,
    uids,
    whole,
)
from wrikebackup_core import Account, Sink
from wrikebackup_core.engine.prune import Notes
from wrikebackup_core.testing import MemorySink
from wrikebackup_fsspec.local.sink import LocalSink
from wrikebackup_mock.account import MockAccount

KEPT = [uid_of(2), uid_of(1)]
NEEDED = {"A3-file", "A4-file", "A5-file"}


class Killed(BaseException):
    """The end of the process, as far as the program can tell."""


class Dying:
    """A sink on which the process ends at the n-th key that is to be deleted, before it is or right after."""

    def __init__(self, sink: Sink, steps: int, *, after: bool) -> None:
        self._sink, self._steps, self._after = sink, steps, after

    def __getattr__(self, name: str) -> object:
        return getattr(self._sink, name)

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._steps -= 1
            if self._steps == 0 and not self._after:
                raise Killed
            self._sink.delete([key])
            if self._steps == 0:
                raise Killed


def fill(sink: Sink, account: Account = ACCOUNT) -> None:
    """Six backups, of which the rules keep two, one that has gaps, and what an older killed run has left."""
    for days in range(5, 0, -1):
        put(sink, uid_of(days), [f"A{5 - days}-file", f"A{6 - days}-file"], account=account)
    put(sink, uid_of(4.5), ["B-file"], gaps=1, account=account)
    put(sink, uid_of(99), ["C-file"], manifest=False, account=account)


def check_kept(sink: Sink) -> None:
    whole(sink, KEPT)
    assert attachments(sink) >= NEEDED


def check_finished(sink: Sink, state: Path) -> None:
    place = only(pruned(sink, state))
    assert place.attachments.stay == []
    check_kept(sink)
    assert (uids(sink), attachments(sink)) == (KEPT, NEEDED)
    assert Notes(state, ACCOUNT.id, sink.name).given_up() == set()
    assert not only(pruned(sink, state)).goes


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_kill_at_each_deletion_leaves_what_stays_whole(tmp_path: Path, *, after: bool) -> None:
    sink = MemorySink()
    fill(sink)
    before = dict(sink.objects)
    for steps in itertools.count(1):
        one, state = MemorySink("one", before), tmp_path / str(steps)
        try:
            pruned(Dying(one, steps, after=after), state)  # type: ignore[arg-type] # all else is the sink's own
        except Killed:
            check_kept(one)
            check_finished(one, state)
        else:
            break
    assert steps > 20


def test_a_kill_at_each_deletion_is_made_good_on_a_host_that_has_no_notes_of_it(tmp_path: Path) -> None:
    """What is left of a backup looks like one that is not finished, until it is a month old."""
    sink = MemorySink()
    fill(sink)
    before = dict(sink.objects)
    for steps in range(1, 25, 3):
        one = MemorySink("one", before)
        with pytest.raises(Killed):
            pruned(Dying(one, steps, after=True), tmp_path / str(steps))  # type: ignore[arg-type]
        pruned(one, tmp_path / f"another-{steps}")
        check_kept(one)
        assert committed(one) == KEPT


def test_a_kill_twice_is_no_worse_than_one(tmp_path: Path) -> None:
    sink = MemorySink()
    fill(sink)
    for _ in range(40):
        try:
            pruned(Dying(sink, 2, after=True), tmp_path)  # type: ignore[arg-type]
        except Killed:
            check_kept(sink)
        else:
            break
    check_finished(sink, tmp_path)


# Real processes

_CHILD = """
import os, signal, sys
left = int(sys.argv.pop(1))
def watch(event, arguments):
    global left
    if event == "os.remove":
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(watch)
from wrikebackup_core.cli import main
main()
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL on Windows")
def test_a_process_that_is_killed_at_each_file_that_it_deletes_leaves_what_stays_whole(tmp_path: Path) -> None:
    full = tmp_path / "full"
    fill(LocalSink(str(full)))
    for steps in itertools.count(1):
        folder = tmp_path / str(steps)
        shutil.copytree(full, folder / "backups")
        profile = folder / "p.yaml"
        profile.write_text(
            "source: mock\ntransforms: [retain: {last: 2}]\nstate: state\nsinks: [local: {path: backups}]\n"
        )
        command = [sys.executable, "-c", _CHILD, str(steps), "-q", "prune", "--yes", str(profile)]
        process = subprocess.run(command, cwd=folder, check=False, capture_output=True)
        sink = LocalSink(str(folder / "backups"))
        check_kept(sink)
        for uid in KEPT:
            sha256sum(folder / "backups", uid)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, process.stderr
        check_finished(sink, folder / "state")
        for uid in KEPT:
            sha256sum(folder / "backups", uid)
        shutil.rmtree(folder)
    assert steps > 20
    assert uids(sink) == KEPT


def test_two_prunes_at_once_and_a_prune_beside_a_run_get_in_nobodys_way(tmp_path: Path) -> None:
    """Each may find the sink locked by another; whatever is left is whole, and the newest of what was there is among it."""
    sink, account = LocalSink(str(tmp_path / "backups")), MockAccount().account
    fill(sink, account)
    profile = tmp_path / "p.yaml"
    profile.write_text("source: mock\ntransforms: [retain: {last: 2}]\nstate: state\nsinks: [local: {path: backups}]\n")
    program = str(Path(sys.executable).with_name("wrikebackup"))
    for _ in range(3):
        processes = [
            subprocess.Popen([program, "-q", *words, str(profile)], cwd=tmp_path, stderr=subprocess.PIPE)
            for words in (["prune", "--yes"], ["backup"], ["prune", "--yes"])
        ]
        codes = {(process.communicate()[1], process.returncode)[1] for process in processes}
        assert 0 in codes
        assert codes <= {0, 5}
        assert len(committed(sink)) >= 2
        whole(sink, committed(sink), account)


def test_a_folder_that_a_kill_left_empty_goes_with_the_next_prune_and_no_other_does(tmp_path: Path) -> None:
    sink, state, account = LocalSink(str(tmp_path / "sink")), tmp_path / "state", tmp_path / "sink" / "account-IEAAAEDY"
    fill(sink)
    gone, other = account / f"backup-{uid_of(7)}", account / f"backup-{uid_of(8)}"
    gone.mkdir()
    other.mkdir()
    Notes(state, ACCOUNT.id, sink.name).give_up([uid_of(7), "../../x"])
    only(pruned(sink, state))
    check_kept(sink)
    assert not gone.exists()
    assert other.exists()
