"""A folder is listed many entries at a time; what comes out is what a look at each by itself finds."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wrikebackup_fsspec.keys import is_key
from wrikebackup_fsspec.local import tree
from wrikebackup_fsspec.local.sink import LocalSink

_PARTS = [b"a", b"b.pdf", b".hidden", b".x.partial", b"x.partial", b"gr\xc3\xbc\xc3\x9f", b"\xff", b"lost+found"]
_TREES = st.sets(st.tuples(st.sampled_from(_PARTS), st.sampled_from([*_PARTS, b""])), max_size=20)


def one_by_one(folder: Path, below: str = "") -> Iterator[str]:
    for path in folder.iterdir():
        key = below + path.name
        if path.is_dir():
            if is_key(key) and key != "lost+found":
                yield from one_by_one(path, f"{key}/")
        elif is_key(key):
            yield key


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no names that are not Unicode")
@settings(deadline=None, max_examples=60)
@given(_TREES, st.sampled_from([1, 3, 2000]))
def test_batches_of_any_size_list_what_there_is(paths: set[tuple[bytes, bytes]], together: int) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(tree, "_TOGETHER", together)
        root = Path(name)
        for folder, file in sorted(paths, key=lambda path: not path[1]):
            path = root / os.fsdecode(folder)
            if file:
                path.mkdir(exist_ok=True)
                (path / os.fsdecode(file)).touch()
            elif not path.is_dir():
                path.touch()
        sink, wanted = LocalSink(name), sorted(one_by_one(root))
        with sink.names("") as names:
            assert sorted(name for some, _ in names for name in some) == wanted
        assert sorted(entry.key for entry in sink.list("")) == wanted
