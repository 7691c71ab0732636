"""The lease on a folder, S3, GCS and over SSH: of many that want it at once one gets it, and nothing of it stays."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from wrikebackup_core import Sink
from wrikebackup_core.engine.leases import Bearer, Hold, Memory, looking, lying
from wrikebackup_core.engine.leases.looking import LASTS, SKEW
from wrikebackup_core.errors import LeaseLost, Locked

ACCOUNT = "IEAAAEDY"
Make = Callable[..., Hold]


@pytest.fixture
def make(store: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.setattr("wrikebackup_core.engine.leases.hold.process", lambda: "")

    def hold(host: str, later: timedelta = timedelta(0)) -> Hold:
        memory = Memory(tmp_path / f"state-{host}" / "locks" / "x.lease")
        return Hold(store, ACCOUNT, Bearer("backup", "spool", host=host), memory, now=lambda: looking.now() + later)

    return hold


def test_it_is_taken_kept_and_let_go(store: Sink, make: Make) -> None:
    hold = make("A")
    hold.acquire()
    hold.renew()
    hold.renew()
    hold.check()
    with pytest.raises(Locked, match="a backup on A"):
        make("B").acquire()
    hold.release(done=True)
    store.sync()
    assert list(store.list("")) == []
    make("B").acquire()


def test_of_many_that_want_it_at_once_one_has_it(store: Sink, make: Make) -> None:
    together, had, refused = threading.Barrier(8), list[Hold](), list[Exception]()

    def take(hold: Hold) -> None:
        together.wait()
        try:
            hold.acquire()
        except Locked as error:
            refused.append(error)
        else:
            had.append(hold)

    crew = [threading.Thread(target=take, args=(make(f"host-{number}"),)) for number in range(8)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    assert len(had) == 1
    assert len(refused) == 7
    had[0].check()


def test_whoever_is_dead_is_taken_over_and_told_if_it_only_slept(store: Sink, make: Make) -> None:
    slept = make("A")
    slept.acquire()
    later = LASTS + SKEW + timedelta(minutes=1)
    heir = make("B", later)
    heir.acquire()
    with pytest.raises(LeaseLost, match="a backup on B has taken over"):
        slept.check()
    heir.check()
    found = lying(store, ACCOUNT)
    assert found is not None
    assert found.lease is not None
    assert found.lease.host == "B"
    heir.release(done=True)
    with pytest.raises(LeaseLost):
        slept.renew()
    slept.release(done=True)
    assert list(store.list("")) == []


def test_a_run_that_is_cut_off_says_so_and_goes_on_at_once(store: Sink, make: Make) -> None:
    make_and_cut = make("A")
    make_and_cut.acquire()
    make_and_cut.release(done=False)
    assert [entry.key for entry in store.list("")] == [f"account-{ACCOUNT}/.lease/2"]
    other = make("B")
    other.acquire()
    other.release(done=True)
    assert list(store.list("")) == []
