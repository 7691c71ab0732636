"""Two hosts at one sink: who comes second is refused, and who was asleep and taken over stops writing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.engine.test_others_writing import Salted, assert_sound, elsewhere
from wrikebackup_core import Event, SinkDropped
from wrikebackup_core.engine import pins
from wrikebackup_core.engine.backup import back_up, dry_run
from wrikebackup_core.engine.copying import CopyJob, copy
from wrikebackup_core.engine.job import Job
from wrikebackup_core.engine.leases import Bearer, Hold, Memory, looking
from wrikebackup_core.errors import ExitCode, LeaseLost, Locked
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.testing import MemorySink

MakeJob = Callable[..., Job]
ACCOUNT = "IEAAAEDY"


def ignore(_: Event) -> None: ...


def another(sink: MemorySink, tmp_path: Path, later: timedelta = timedelta(0)) -> Hold:
    """A run on another host takes the lease, whose clock is `later`."""
    bearer = Bearer("backup", "spool", host="db2")
    memory = Memory(tmp_path / "another" / "locks" / "x.lease")
    hold = Hold(sink, ACCOUNT, bearer, memory, now=lambda: looking.now() + later)
    hold.acquire()
    return hold


def takes_over_at(sink: MemorySink, tmp_path: Path, operation: str, ending: str) -> None:
    """As if the run had been asleep right before that operation."""

    def before(what: str, key: str) -> None:
        if what == operation and key.endswith(ending):
            sink.before = None
            another(sink, tmp_path, timedelta(hours=1))

    sink.before = before


def test_a_run_beside_anothers_is_refused_and_changes_nothing(make_job: MakeJob, tmp_path: Path, source) -> None:
    sink = MemorySink()
    another(sink, tmp_path)
    before = dict(sink.objects)
    with pytest.raises(Locked, match="a backup on db2 is writing here") as caught:
        back_up(make_job(sink), ignore)
    assert caught.value.exit_code is ExitCode.LOCKED
    assert sink.objects == before
    assert source.asked.keys() == {"account"}


def test_a_sink_that_another_run_has_is_left_out_and_told_of(make_job: MakeJob, tmp_path: Path) -> None:
    busy, free, events = MemorySink("busy"), MemorySink("free"), list[Event]()
    holder = another(busy, tmp_path)
    outcome = back_up(make_job(busy, free), events.append)
    assert outcome.exit_code is ExitCode.PARTIAL
    assert "a backup on db2 is writing here" in str(outcome.sinks[busy.name])
    assert [event.sink for event in events if isinstance(event, SinkDropped)] == [busy.name]
    assert len(busy.objects) == 1
    holder.release(done=True)
    assert back_up(make_job(busy, free), ignore).exit_code is ExitCode.DONE
    for sink in (busy, free):
        assert not [key for key in sink.objects if "/.lease" in key]
        assert_sound(sink)


def test_a_dry_run_takes_no_lease_and_minds_none(make_job: MakeJob, tmp_path: Path) -> None:
    sink = MemorySink()
    another(sink, tmp_path)
    dry_run(make_job(sink), ignore)
    assert sink.calls["create"] == 1


@pytest.mark.parametrize("moment", [("sync", ""), ("commit", "SHA256SUMS"), ("commit", ".txt.loud")])
def test_a_run_that_was_taken_over_commits_nothing_and_deletes_nothing_of_the_other(
    make_job: MakeJob, tmp_path: Path, moment: tuple[str, str]
) -> None:
    sink = MemorySink()
    job = make_job(sink, transforms=[Salted()])
    takes_over_at(sink, tmp_path, *moment)
    with pytest.raises(LeaseLost, match="a backup on db2 has taken over") as caught:
        back_up(job, ignore)
    assert caught.value.exit_code is ExitCode.LOCKED
    assert not [key for key in sink.objects if key.endswith("manifest.json")]
    assert [key for key in sink.objects if "/.lease/" in key] == [f"account-{ACCOUNT}/.lease/2"]


def test_the_sinks_that_nobody_took_over_are_committed(make_job: MakeJob, tmp_path: Path) -> None:
    lost, kept = MemorySink("lost"), MemorySink("kept")
    takes_over_at(lost, tmp_path, "commit", "SHA256SUMS")
    outcome = back_up(make_job(lost, kept), ignore)
    assert outcome.exit_code is ExitCode.PARTIAL
    assert outcome.sinks[kept.name] is None
    assert "has taken over" in str(outcome.sinks[lost.name])
    assert not [key for key in lost.objects if key.endswith("manifest.json")]
    assert_sound(kept)


def test_a_run_that_goes_on_looks_at_what_another_host_was_killed_over(make_job: MakeJob) -> None:
    """Both of them encrypt, and neither had committed: nothing but the lease tells of the other."""
    sink = MemorySink()
    ours, theirs = make_job(sink, transforms=[Salted()]), elsewhere(make_job(sink, transforms=[Salted()]))
    for job in (ours, theirs, ours, theirs):
        sink.fail("commit", KeyboardInterrupt, keys="*/manifest.json")
        with pytest.raises(KeyboardInterrupt):
            back_up(job, ignore)
        sink.kill()
    back_up(ours, ignore)
    back_up(theirs, ignore)
    assert_sound(sink)


def test_a_target_that_another_run_has_is_not_copied_to(make_job: MakeJob, tmp_path: Path) -> None:
    source, busy, free = MemorySink("source"), MemorySink("busy"), MemorySink("free")
    back_up(make_job(source), ignore)
    another(busy, tmp_path)
    job = CopyJob(source=source, targets=(busy, free), state=tmp_path / "state", plugins=Plugins(), transfers=4)
    done = copy(job, ignore)
    assert [(one.locked, len(one.copied)) for one in done.targets] == [(True, 0), (False, 1)]
    assert len(busy.objects) == 1


def test_a_copy_that_was_taken_over_commits_nothing(make_job: MakeJob, tmp_path: Path) -> None:
    source, target = MemorySink("source"), MemorySink("target")
    back_up(make_job(source), ignore)
    takes_over_at(target, tmp_path, "commit", "SHA256SUMS")
    job = CopyJob(source=source, targets=(target,), state=tmp_path / "state", plugins=Plugins(), transfers=4)
    done = copy(job, ignore)
    assert done.exit_code is ExitCode.LOCKED
    assert "has taken over" in str(done.targets[0].failed)
    assert not [key for key in target.objects if key.endswith("manifest.json")]


def test_no_pin_is_written_while_another_run_may_be_deleting(make_job: MakeJob, tmp_path: Path) -> None:
    sink = MemorySink()
    uid = back_up(make_job(sink), ignore).backup_uid
    holder = another(sink, tmp_path)
    (refused,) = pins.pin([sink], tmp_path / "state", ACCOUNT, uid, "why")
    assert refused.exit_code is ExitCode.LOCKED
    holder.release(done=True)
    (done,) = pins.pin([sink], tmp_path / "state", ACCOUNT, uid, "why")
    assert done.exit_code is ExitCode.DONE
