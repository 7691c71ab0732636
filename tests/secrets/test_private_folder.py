"""Folders for notes and secrets are their owner's alone."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from wrikebackup_core import private_folder


@pytest.mark.skipif(sys.platform == "win32", reason="there are no modes")
def test_so_are_all_that_are_made_and_one_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir(mode=0o755)
    private_folder(tmp_path / "there" / "state" / "profiles" / "acme")
    private_folder(tmp_path / "there" / "state")
    modes = [stat.S_IMODE(path.stat().st_mode) for path in sorted(tmp_path.glob("there/**"))]
    assert modes == [0o755, 0o700, 0o700, 0o700]


def test_a_file_in_the_way_is_an_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in ("file", "file/deeper/still"):
        with pytest.raises(OSError, match="file"):
            private_folder(tmp_path / path)
