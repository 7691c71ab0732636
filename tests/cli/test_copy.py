"""What the command line of `copy` promises beyond what the session in testdata/copy.txt shows."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wrikebackup_core.cli.copy_summary import copied
from wrikebackup_core.cli.terminal import Terminal
from wrikebackup_core.engine.copying import Copied, Flaw, Received
from wrikebackup_core.engine.findings import Finding

Cli = Callable[..., Any]
TWO_SINKS = "source: {mock: {tasks: 25, attachment_size: 100}}\nsinks: [local: {path: a}, local: {path: b}]\n"

posix = pytest.mark.skipif(sys.platform == "win32", reason="links need a right of their own there")


@pytest.fixture
def account(place: Path, cli: Cli) -> Path:
    """The folder of an account with one backup in the first of two sinks."""
    (place / "p.yaml").write_text(TWO_SINKS)
    (place / "one.yaml").write_text(TWO_SINKS.replace(", local: {path: b}", ""))
    assert cli("backup", "-q", "one.yaml").code == 0
    [account] = place.glob("a/account-*")
    return account


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def as_wrikes_tool_leaves_it(account: Path) -> None:
    """The same files, as the format's own sample: one zip in a folder of another name, and the attachments."""
    [backup] = account.glob("backup-*")
    [archive] = backup.glob("backup-*.zip")
    (account / "backup-TWLX2NQA").mkdir()
    shutil.move(archive, account / "backup-TWLX2NQA" / "backup-TWLX2NQA.zip")
    shutil.rmtree(backup)


def test_json_says_all_that_was_done(account: Path, cli: Cli) -> None:
    ran = cli("copy", "--json", "p.yaml")
    *events, result = [json.loads(line) for line in ran.out.splitlines()]
    assert {"stage_started", "stage_finished"} <= {event["event"] for event in events}
    assert (result["event"], result["exit_code"], ran.code) == ("copied", 0, 0)
    [target] = result["targets"]
    assert len(target["copied"]) == 1
    assert target["files"] == len(tree(account)) - 2
    planned = json.loads(cli("copy", "--json", "--dry-run", "p.yaml").out.splitlines()[-1])
    assert (planned["event"], [one["what"] for one in planned["backups"]]) == ("copy_dry_run", ["there already"])


def test_quiet_says_nothing_when_all_is_well(account: Path, cli: Cli) -> None:
    ran = cli("copy", "-q", "p.yaml")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_a_dry_run_makes_nothing(account: Path, place: Path, cli: Cli) -> None:
    assert cli("copy", "--dry-run", "p.yaml").code == 0
    assert not (place / "b").exists()


def test_damage_is_named_and_ends_with_4(account: Path, place: Path, cli: Cli) -> None:
    damaged = next(path for path in sorted(account.glob("attachments/*")) if path.stat().st_size)
    damaged.chmod(0o600)
    damaged.write_bytes(b"x" * damaged.stat().st_size)
    ran = cli("copy", "p.yaml")
    assert ran.code == 4
    assert f"damaged  {damaged.relative_to(place / 'a').as_posix()} in local:{place}/a" in ran.out
    assert "1 backup not copied" in ran.out
    assert not list(place.glob("b/account-*/backup-*/manifest.json"))


@pytest.mark.parametrize("words", [("--to", "usb"), ("--from", "1", "--to", "usb"), ("--from", "a", "--to", "./usb")])
def test_a_folder_that_exists_may_be_copied_to(words: tuple[str, ...], account: Path, place: Path, cli: Cli) -> None:
    (place / "usb").mkdir()
    assert cli("copy", "-q", "p.yaml", *words).code == 0
    assert tree(place / "usb") == tree(place / "a")


@posix
def test_one_folder_under_two_names_is_not_copied_onto_itself(account: Path, place: Path, cli: Cli) -> None:
    (place / "link").symlink_to(place / "a")
    before = tree(place / "a")
    for words in (
        ("--from", "a", "--to", "link"),
        ("--from", "link", "--to", "1"),
        ("--from", "link/", "--to", "./a/../a"),
        ("--from", "1", "--to", str(account.parent / ".." / "link")),
    ):
        ran = cli("copy", "p.yaml", *words)
        assert (ran.code, "both what is copied from and what is copied to" in ran.err) == (2, True), words
    assert tree(place / "a") == before
    (place / "p.yaml").write_text(TWO_SINKS.replace("path: b", "path: link"))
    ran = cli("copy", "p.yaml")
    assert (ran.code, "no sink to copy to" in ran.err) == (2, True)


@posix
def test_a_target_with_two_names_is_one_target(account: Path, place: Path, cli: Cli) -> None:
    (place / "usb").mkdir()
    (place / "link").symlink_to(place / "usb")
    ran = cli("copy", "p.yaml", "--to", "usb", "--to", "link")
    assert (ran.code, ran.out.count("1 backup copied")) == (0, 1)


def test_the_folder_of_an_account_is_no_place_to_copy_to(account: Path, place: Path, cli: Cli) -> None:
    before = tree(place)
    ran = cli("copy", "p.yaml", "--from", "1", "--to", str(account))
    assert ran.code == 2
    assert "is the folder of one account in a sink" in ran.err
    assert f"hint: give the sink's own folder: --to {account.parent}" in ran.err
    assert tree(place) == before
    (place / "account-backups").mkdir()
    assert cli("copy", "-q", "p.yaml", "--to", "account-backups").code == 0, "a sink may be called so"


def test_what_was_lost_comes_back_from_another_sink(account: Path, place: Path, cli: Cli) -> None:
    assert cli("copy", "-q", "p.yaml").code == 0
    shutil.rmtree(place / "a")
    assert cli("copy", "-q", "p.yaml", "--to", "1").code == 0
    assert tree(place / "a") == tree(place / "b")


def test_an_empty_first_sink_is_not_filled_unasked(account: Path, place: Path, cli: Cli) -> None:
    """It may be a disk that is not mounted."""
    assert cli("copy", "-q", "p.yaml").code == 0
    shutil.rmtree(place / "a")
    ran = cli("copy", "p.yaml")
    assert (ran.code, "is it mounted" in ran.err) == (2, True)
    assert not (place / "a").exists()


def test_the_folder_of_one_account_may_be_given(account: Path, place: Path, cli: Cli) -> None:
    shutil.copytree(account, account.with_name("account-OTHER"))
    assert cli("copy", "-q", "p.yaml", "--from", str(account)).code == 0
    assert [path.name for path in (place / "b").iterdir()] == [account.name]


def test_a_folder_of_wrikes_own_tool_becomes_a_backup(account: Path, place: Path, cli: Cli) -> None:
    as_wrikes_tool_leaves_it(account)
    shutil.move(place / "a", place / "tool")
    assert cli("copy", "p.yaml", "--from", "tool").code == 0
    again = cli("copy", "p.yaml", "--from", "tool")
    assert (again.code, again.out.count("1 there already")) == (0, 2)
    listed = json.loads(cli("list", "--json", "p.yaml").out)
    assert [(len(shelf["backups"]), shelf["backups"][0]["complete"]) for shelf in listed] == [(1, True)] * 2
    shown = cli("show", "p.yaml")
    assert shown.code == 0
    assert "Wrike's backup tool, copied by wrikebackup" in shown.out
    assert "wrike-backup-tool" in shown.out
    ran = cli("verify", "p.yaml")
    assert (ran.code, ran.out.count("whole")) == (0, 2), ran.out + ran.err


def test_missing_files_of_wrikes_tool_are_gaps_and_end_with_3(account: Path, cli: Cli) -> None:
    as_wrikes_tool_leaves_it(account)
    next(account.glob("attachments/*")).unlink()
    ran = cli("copy", "p.yaml")
    assert (ran.code, "1 file missing" in ran.out) == (3, True), ran.out
    assert "not in attachments/" in cli("show", "p.yaml").out
    assert cli("verify", "p.yaml", "--all").code == 3, "the first sink has no backup, and the second a whole one"


def test_no_name_reaches_the_terminal_raw() -> None:
    hostile = "a\x1b[31m\nb"
    flaw = Flaw(hostile, hostile, Finding(hostile, "damaged", hostile))
    received = Received(hostile, refused={hostile: hostile}, failed=hostile)
    terminal = Terminal()
    with terminal.out.capture() as captured:
        terminal.out.print(copied(Copied(hostile, (received,), (flaw,) * 30, {hostile: 3}, 1.0), hostile))
    text = captured.get()
    assert "\x1b[31m" not in text
    assert "a\\x1b" in text
    assert "and 10 more" in text
