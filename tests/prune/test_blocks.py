"""Names that are put down come back in their order."""

from __future__ import annotations

from itertools import chain

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wrikebackup_core.engine.prune import blocks as blocks_module
from wrikebackup_core.engine.prune.blocks import SCHEMA, Blocks, CorruptError, names_in_blocks
from wrikebackup_core.engine.scratch import scratch

_SOME = st.lists(st.lists(st.binary(min_size=1, max_size=9).filter(lambda name: b"\0" not in name), min_size=1))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_SOME, _SOME, st.integers(1, 40))
def test_in_whichever_pieces_they_come(
    monkeypatch: pytest.MonkeyPatch, before: list[list[bytes]], then: list[list[bytes]], block: int
) -> None:
    monkeypatch.setattr(blocks_module, "_BLOCK", block)
    with scratch(SCHEMA) as db:
        for shelves in (before, then):
            blocks = Blocks(db, sum(map(len, names_in_blocks(db))))
            for names in shelves:
                blocks.add(b"\0".join(names))
            blocks.write()
        assert list(chain.from_iterable(names_in_blocks(db))) == list(chain.from_iterable(before + then))
    db.close()


def test_one_that_is_gone_is_missed() -> None:
    with scratch(SCHEMA) as db:
        for first, name in enumerate((b"a", b"b", b"c")):
            blocks = Blocks(db, first)
            blocks.add(name)
            blocks.write()
        assert list(names_in_blocks(db)) == [[b"a"], [b"b"], [b"c"]]
        db.execute("DELETE FROM blocks WHERE first = 1")
        with pytest.raises(CorruptError):
            list(names_in_blocks(db))
    db.close()
