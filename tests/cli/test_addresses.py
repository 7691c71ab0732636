"""Addresses that are none are told of in one line, which repeats no password."""

from __future__ import annotations

import pytest

from wrikebackup_core.cli.reading import open_sink
from wrikebackup_core.errors import UsageError
from wrikebackup_core.plugins import Plugins


@pytest.mark.parametrize(
    "place",
    [
        "sftp://ada:hunter2@example.com:99999/x",
        "sftp://ada:hunter2/3@example.com/x",
        "http://ada:hunter2@[bad",
        "s3://[bad",
    ],
)
def test_an_address_that_cannot_be_taken_apart_is_one_clear_line(place: str) -> None:
    with pytest.raises(UsageError, match="no address of a store") as caught:
        open_sink(place, Plugins.load())
    assert "hunter2" not in str(caught.value)
