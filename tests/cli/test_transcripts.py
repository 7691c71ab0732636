"""Each text in testdata/ is a session: commands, what they print, how they end. WRITE=1 writes down what they give now."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

DATA = Path(__file__).parent / "testdata"


@pytest.mark.parametrize("path", sorted(DATA.glob("*.txt")), ids=lambda path: path.stem)
def test_a_session_goes_as_written(path: Path, transcript: Callable[[str], str]) -> None:
    expected = path.read_text(encoding="utf-8")
    if path.stem in ("encrypt", "coverage"):
        pytest.importorskip("cryptography", reason="the extra age")
    if path.stem == "status":
        pytest.importorskip("fsspec", reason="the extra url")
    if path.stem == "schedule" and sys.platform == "win32":
        pytest.skip("paths of systemd are not Windows'")
    found = transcript(expected)
    if os.environ.get("WRITE"):
        path.write_text(found, encoding="utf-8", newline="\n")
    assert found == expected


@pytest.mark.parametrize("path", sorted(DATA.glob("*.txt")), ids=lambda path: path.stem)
def test_no_session_shows_a_traceback_a_secret_or_a_raw_control_character(path: Path) -> None:
    shown = path.read_text(encoding="utf-8").split("\n-- ")[0]
    assert "Traceback" not in shown
    assert "eyJhbGciSECRET" not in shown
    assert all(char == "\n" or (char.isprintable() and char != "\x1b") for char in shown)
