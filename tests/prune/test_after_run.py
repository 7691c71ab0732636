"""A run whose profile says so prunes when its own backup is complete; a copy that is not finished keeps what it has brought."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.engine.conftest import ACCOUNT, ScriptedSource, events, make_job, source  # noqa: F401 - fixtures of the engine's tests
from tests.prune.backups import Keep, attachments, committed, put, uids, whole
from wrikebackup_core import Backup, Event, Kind, Message, SinkError, StageFinished
from wrikebackup_core.engine.backup import back_up
from wrikebackup_core.engine.copying import CopyJob, copy
from wrikebackup_core.engine.job import Job, Outcome
from wrikebackup_core.engine.prune import Notes
from wrikebackup_core.errors import ExitCode, Forbidden
from wrikebackup_core.format import layout
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.testing import MemorySink

OLDER = [layout.new_backup_uid(datetime.now(UTC) - timedelta(days=days), "000000") for days in (3, 2, 1)]


class Pruning(Keep):
    prunes = True


class Failing(Pruning):
    def keep(self, backups: Sequence[Backup], now: datetime) -> Mapping[str, str]:
        raise ZeroDivisionError("a plugin's own fault")


@pytest.fixture
def sink() -> MemorySink:
    sink = MemorySink("a")
    for number, uid in enumerate(OLDER):
        put(sink, uid, [f"A{number}-file", f"A{number + 1}-file"])
    return sink


@pytest.fixture
def run(make_job: Callable[..., Job], events: list[Event]) -> Callable[..., Outcome]:  # noqa: F811
    return lambda *sinks, **more: back_up(make_job(*sinks, **more), events.append)


def test_a_run_prunes_when_its_backup_is_complete(
    sink: MemorySink,
    run: Callable[..., Outcome],
    events: list[Event],  # noqa: F811
) -> None:
    outcome = run(sink, transforms=[Pruning(last=2)])
    assert outcome.pruned is not None
    assert outcome.exit_code is ExitCode.DONE
    assert committed(sink) == uids(sink) == [OLDER[2], outcome.backup_uid]
    assert {"A0-file", "A1-file"}.isdisjoint(attachments(sink))
    assert StageFinished("prune", "2 backups and 2 attachments deleted") in events
    whole(sink, committed(sink))


def test_a_run_without_the_word_or_with_gaps_does_not(
    sink: MemorySink,
    run: Callable[..., Outcome],
    source: ScriptedSource,  # noqa: F811
) -> None:
    assert run(sink, transforms=[Keep(last=2)]).pruned is None
    source.refuse[Kind.TIMELOGS] = Forbidden("not allowed")
    assert run(sink, transforms=[Pruning(last=2)]).pruned is None
    assert len(committed(sink)) == 5


def test_a_prune_that_fails_costs_the_exit_code_and_not_the_backup(
    sink: MemorySink,
    run: Callable[..., Outcome],
    events: list[Event],  # noqa: F811
) -> None:
    sink.fail("delete", lambda: SinkError("the store is down"), times=None, keys="*/backup-*/manifest.json")
    outcome = run(sink, transforms=[Pruning(last=2)])
    assert outcome.complete
    assert outcome.exit_code is ExitCode.PARTIAL
    assert Message("memory:a: not pruned: the store is down", warning=True) in events
    assert len(committed(sink)) == 4


@pytest.mark.parametrize("transform", [Failing(), Pruning(last=0)])
def test_rules_that_fail_or_keep_nothing_cost_no_backup(
    sink: MemorySink, run: Callable[..., Outcome], transform: Pruning
) -> None:
    outcome = run(sink, transforms=[transform])
    assert outcome.complete
    assert outcome.exit_code is ExitCode.PARTIAL
    assert len(committed(sink)) == 4


def test_what_a_sink_that_dropped_out_holds_of_the_backup_goes_with_the_next_prune(
    sink: MemorySink, run: Callable[..., Outcome]
) -> None:
    other = MemorySink("b")
    other.fail("commit", keys="*/SHA256SUMS")
    lost = run(sink, other, transforms=[Pruning(last=9)])
    assert lost.backup_uid in uids(other)
    done = run(sink, other, transforms=[Pruning(last=9)])
    assert uids(other) == committed(other) == [done.backup_uid]
    assert done.exit_code is ExitCode.DONE


def test_a_copy_that_failed_is_noted_until_one_comes_to_its_end(sink: MemorySink, tmp_path: Path) -> None:
    target = MemorySink("target")
    job = CopyJob(source=sink, targets=[target], state=tmp_path, plugins=Plugins())
    notes = Notes(tmp_path, ACCOUNT.id, target.name)
    target.fail("commit", skip=3)
    copy(job, lambda _: None)
    assert notes.copy_began() is not None
    copy(job, lambda _: None)
    assert notes.copy_began() is None
    assert committed(target) == OLDER
