"""A prune and another host's run do not get at one sink together."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.engine.test_leases import another
from tests.prune.backups import Keep, pruned, put, uid_of
from wrikebackup_core.errors import ExitCode
from wrikebackup_core.testing import MemorySink


@pytest.fixture
def sink() -> MemorySink:
    sink = MemorySink()
    for days in range(3):
        put(sink, uid_of(days), ["shared", f"own-{days}"])
    return sink


def test_nothing_is_deleted_while_another_host_has_the_sink(sink: MemorySink, tmp_path: Path) -> None:
    another(sink, tmp_path)
    before = dict(sink.objects)
    done = pruned(sink, tmp_path, Keep(last=1))
    assert done.exit_code is ExitCode.LOCKED
    assert "a backup on db2 is writing here" in str(done.places[0].failed)
    assert sink.objects == before


@pytest.mark.parametrize("moment", [("open", "manifest.json"), ("sync", "")])
def test_a_prune_that_was_taken_over_deletes_nothing_more(
    sink: MemorySink, tmp_path: Path, moment: tuple[str, str]
) -> None:
    """Asleep while it looked, or between the backups and their attachments."""
    operation, ending = moment

    def before(what: str, key: str) -> None:
        if what == operation and key.endswith(ending):
            sink.before = None
            another(sink, tmp_path, timedelta(hours=1))

    sink.before = before
    done = pruned(sink, tmp_path, Keep(last=1))
    assert "a backup on db2 has taken over" in str(done.places[0].failed)
    assert len([key for key in sink.objects if "/attachments/" in key]) == 4
    committed = [key for key in sink.objects if key.endswith("manifest.json")]
    assert len(committed) == (3 if operation == "open" else 1)


def test_a_prune_leaves_no_lease(sink: MemorySink, tmp_path: Path) -> None:
    assert pruned(sink, tmp_path, Keep(last=1)).exit_code is ExitCode.DONE
    assert not [key for key in sink.objects if "/.lease" in key]
