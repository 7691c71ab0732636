"""Addresses that are none are told of in one line, and no password in an address is repeated anywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wrikebackup_core import without_password, without_passwords
from wrikebackup_core.cli.reading import open_sink
from wrikebackup_core.errors import UsageError, WrikeBackupError
from wrikebackup_core.plugins import Plugins

Cli = Callable[..., Any]
PROFILE = "source: {mock: {tasks: 20}}\nsinks: [local: {path: a}]\n"


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


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("ftp://ada:hunter2@nas.example.com:2121/a@b/c", "ftp://nas.example.com:2121/a@b/c"),
        ("ftp://hunter2@nas.example.com", "ftp://nas.example.com"),
        ("ftp://ada:hunter2/3@nas.example.com/x", "ftp://nas.example.com/x"),
        ("ftp://ada:hun@ter2@nas.example.com/x", "ftp://nas.example.com/x"),
        ("ftp://ada:hun ter2#@nas.example.com/x", "ftp://nas.example.com/x"),
        ("https://nas.example.com/x?sig=hunter2&se=1", "https://nas.example.com/x"),
        ("https://ada:hunter2@nas.example.com/x?sig=hunter2", "https://nas.example.com/x"),
        ("smb://nas:445/a@b", "smb://nas:445/a@b"),
        ("http://[::1]:80/a@b", "http://[::1]:80/a@b"),
        ("file:///a/what?.zip", "file:///a/what?.zip"),
        ("a folder/of@mine", "a folder/of@mine"),
    ],
)
def test_an_address_is_shown_without_what_is_secret_in_it(address: str, shown: str) -> None:
    assert without_password(address) == shown
    if " " not in address:
        assert without_passwords(f"no way to '{address}', though tried") == f"no way to '{shown}', though tried"


@pytest.mark.parametrize(
    "place",
    [
        "s3://ada:hunter2@bucket/x",
        "gs://hunter2@bucket",
        "sftp://ada:hunter2@/x",
        "nothing://ada:hunter2@host/x",
        "ftp://ada:hunter2@127.0.0.1:9/x",
        "ftp://ada:hunter2/3@127.0.0.1:9/x",
    ],
)
@pytest.mark.parametrize(
    "words",
    [["find", "text", "PLACE"], ["restore", "--to", "here", "PLACE"], ["restore", "--to", "PLACE", "p.yaml"], ["copy", "--to", "PLACE", "p.yaml"],
     ["copy", "--from", "PLACE", "p.yaml"], ["link", "--sink", "PLACE", "p.yaml"]],
    ids=["find", "restore", "restore to", "copy to", "copy from", "link"],
)  # fmt: skip
def test_no_command_repeats_a_password(words: list[str], place: str, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(PROFILE)
    ran = cli("-vv", *(place if word == "PLACE" else word for word in words))
    assert ran.code != 0
    assert ran.err
    assert "hunter2" not in ran.out + ran.err


def test_no_password_gets_around_with_a_plugin_that_is_missing() -> None:
    for place in ("s3://bucket/x", "ftp://ada:hunter2@host/x"):
        with pytest.raises(WrikeBackupError, match="no plugin brings sinks") as caught:
            open_sink(place, Plugins())
        assert "hunter2" not in str(caught.value)
