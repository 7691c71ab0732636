"""What the checksums of many backups have in common is read once, and nothing is overlooked for it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.test_copying import later, whole
from tests.verify.sample import ACCOUNT, UID, Sample
from wrikebackup_core.engine.copying import Copied
from wrikebackup_core.engine.copying.catalog import Catalog
from wrikebackup_core.engine.copying.repeats import Repeats
from wrikebackup_core.errors import ExitCode
from wrikebackup_core.format import layout
from wrikebackup_core.format.checksums import line
from wrikebackup_core.testing import MemorySink

Run = Callable[..., Copied]
SHARED = layout.attachment_key(ACCOUNT.id, "MwAAAAEQ_HoO", "new.txt")
LATEST = "20261125T153000Z-000002"
LINES = st.builds(
    lambda data, path: line(hashlib.sha256(data.encode()).hexdigest(), path).encode(),
    st.sampled_from("ab"),
    st.sampled_from(["../attachments/1", "../attachments/2", "../attachments/x\ny", "bi-export/1", "backup-1.zip"]),
)


@pytest.fixture
def source() -> MemorySink:
    sink = MemorySink("source")
    Sample(artifacts={"bi-export/user.csv": b"1"}).store(sink)
    later().store(sink)
    Sample(uid=LATEST, artifacts={"bi-export/user.csv": b"2"}).store(sink)
    return sink


@given(st.lists(st.tuples(st.lists(LINES), st.booleans())))
def test_a_line_is_passed_over_only_if_the_last_file_that_was_whole_had_it(
    files: list[tuple[list[bytes], bool]],
) -> None:
    kept: set[bytes] = set()
    with Repeats() as repeats:
        for lines, good in files:
            repeats.begin()
            passed = {one for one in lines if repeats(one)}
            assert passed <= {one for one in kept if b"  ../attachments/" in one}
            if good:
                repeats.keep()
                kept = set(lines)


def test_what_two_backups_share_is_looked_up_once(
    source: MemorySink, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, looked_up = MemorySink("target"), list[str]()
    run(target)
    held = Catalog.held

    def counting(catalog: Catalog, number: int, key: str) -> int | None:
        looked_up.append(key)
        return held(catalog, number, key)

    monkeypatch.setattr(Catalog, "held", counting)
    assert run(target).targets[0].skipped == [UID, later().uid, LATEST]
    assert looked_up.count(SHARED) == 1


@pytest.mark.parametrize("lost", [SHARED, f"account-{ACCOUNT.id}/backup-{UID}/bi-export/user.csv"])
def test_what_is_lost_is_missed_in_every_backup_that_names_it(lost: str, source: MemorySink, run: Run) -> None:
    target = MemorySink("target")
    run(target)
    del target.objects[lost]
    done = run(target)
    assert done.targets[0].filled == ([UID, later().uid, LATEST] if lost == SHARED else [UID])
    assert (done.exit_code, target.objects) == (ExitCode.DONE, source.objects)
    assert whole(target, UID, LATEST)
