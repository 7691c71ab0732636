"""What a finding says can be read in one line."""

from __future__ import annotations

import pytest

from tests.verify.test_contents import MEMBERS, details


@pytest.mark.parametrize("name", ["folders.json", "tasks.json"])
def test_bytes_that_are_no_utf_8_are_told_in_words(name: str) -> None:
    [detail] = details(MEMBERS | {name: b'[\n{"title":"\xff\xfe"}\n]\n'})
    assert detail == f"{name}: invalid bytes in UTF-8 text"
