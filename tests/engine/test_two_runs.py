"""Two runs at once, from two machines, into one store: neither spoils what the other has."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from wrikebackup_core import SinkError
from wrikebackup_core.engine.backup import back_up
from wrikebackup_core.engine.job import Job
from wrikebackup_core.testing import MemorySink

ONE = "account-IEAAAEDY/attachments/IEAAAEDYIYAAAAAB-one.txt"
MakeJob = Callable[..., Job]


def appearing(data: bytes, operation: str) -> MemorySink:
    """A sink into which another run stores a file just ahead of ours."""
    sink = MemorySink()

    def before(what: str, key: str) -> None:
        if what == operation and key == ONE:
            sink.objects[ONE] = data

    sink.before = before
    return sink


@pytest.mark.parametrize("operation", ["create", "commit"])
def test_what_another_run_has_stored_meanwhile_is_taken_for_ours_where_it_is_the_same(
    make_job: MakeJob, operation: str
) -> None:
    plain = MemorySink()
    back_up(make_job(plain), lambda _: None)
    sink = appearing(plain.objects[ONE], operation)
    outcome = back_up(make_job(sink), lambda _: None)
    assert outcome.complete
    assert outcome.sinks == {"memory:memory": None}
    assert not sink.unfinished()


@pytest.mark.parametrize("operation", ["create", "commit"])
def test_what_another_run_has_stored_otherwise_is_never_taken_for_ours(make_job: MakeJob, operation: str) -> None:
    sink = appearing(b"another", operation)
    with pytest.raises(SinkError, match="exists already"):
        back_up(make_job(sink), lambda _: None)
    assert sink.objects[ONE] == b"another"
    assert not any(key.endswith("manifest.json") for key in sink.objects)


@pytest.mark.parametrize("operation", ["create", "commit"])
def test_what_another_run_has_stored_is_durable_before_the_backup_is_committed(
    make_job: MakeJob, operation: str
) -> None:
    plain = MemorySink()
    back_up(make_job(plain), lambda _: None)
    sink = appearing(plain.objects[ONE], operation)
    back_up(make_job(sink), lambda _: None)
    sink.power_cut()
    assert sink.objects == {**sink.objects, ONE: plain.objects[ONE]}
