"""What the command line of `restore` promises beyond what the session in tests/cli/testdata/restore.txt shows."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import cli, place  # noqa: F401 - fixtures

Cli = Callable[..., Any]
PROFILE = "source: {mock: {tasks: 20, attachments: 12, attachment_size: 5}}\nsinks: [local: {path: backups}]\n"


@pytest.fixture
def account(place: Path, cli: Cli) -> Path:  # noqa: F811
    """The folder of an account with one backup."""
    (place / "p.yaml").write_text(PROFILE)
    assert cli("backup", "-q", "p.yaml").code == 0
    [account] = place.glob("backups/account-*")
    return account


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_json_says_all_that_was_done(account: Path, cli: Cli) -> None:  # noqa: F811
    ran = cli("restore", "--json", "p.yaml", "--to", "out", "--name", "*.pdf")
    *events, result = [json.loads(line) for line in ran.out.splitlines()]
    assert {"stage_started", "stage_finished"} <= {event["event"] for event in events}
    assert (result["event"], result["shape"], result["exit_code"], ran.code) == ("restored", "layout", 0, 0)
    assert result["files"] == len(tree(Path("out"))) - 2
    assert result["findings"] == result["kept"] == []
    planned = json.loads(cli("restore", "--json", "--dry-run", "p.yaml", "--to", "out").out.splitlines()[-1])
    assert (planned["event"], planned["files"], planned["there"]) == ("restore_dry_run", 15, result["files"])


@pytest.mark.parametrize("words", [("restore", "--to", "out"), ("find", "a"), ("cat", "tasks.json"), ("verify",)])
def test_the_folder_of_an_account_is_told_to_be_one(account: Path, cli: Cli, words: tuple[str, ...]) -> None:  # noqa: F811
    command, *more = words
    ran = cli(command, str(account), *more)
    assert ran.code == 2
    assert f"error: {account} is the folder of one account in a sink\n" in ran.err
    assert f"hint: give the sink's own folder: {account.parent}\n" in ran.err


def test_days_in_the_wrong_order_are_refused(account: Path, cli: Cli) -> None:  # noqa: F811
    ran = cli("restore", "p.yaml", "--to", "out", "--since", "2026-06-11", "--until", "2026-06-10")
    assert ran.code == 2
    assert "nothing is from 2026-06-11 on and not after 2026-06-10" in ran.err
    assert not Path("out").exists()
    assert cli("restore", "p.yaml", "--to", "out", "--since", "2026-06-10", "--until", "2026-06-10").code == 0


def test_quiet_says_only_what_is_wrong(account: Path, cli: Cli) -> None:  # noqa: F811
    ran = cli("restore", "-q", "p.yaml", "--to", "out")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    victim = next((account / "attachments").iterdir())
    victim.write_bytes(b"?")
    ran = cli("restore", "-q", "p.yaml", "--to", "other")
    assert (ran.code, ran.err) == (3, "")
    assert "1 missing or damaged in the backup" in ran.out
    assert f"damaged  {account.name}/attachments/{victim.name}" in ran.out


def test_what_is_kept_is_shown_and_the_exit_code_is_3(account: Path, cli: Cli) -> None:  # noqa: F811
    name = next((account / "attachments").iterdir()).name
    mine = Path("out") / account.name / "attachments" / name
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    ran = cli("restore", "p.yaml", "--to", "out")
    assert (ran.code, mine.read_bytes()) == (3, b"mine")
    assert "not written, since nothing is overwritten" in ran.out
    assert "1 name taken by something else" in ran.out


def test_a_folder_of_wrikes_own_tool_is_a_place(account: Path, cli: Cli) -> None:  # noqa: F811
    [backup] = account.glob("backup-*")
    [archive] = backup.glob("backup-*.zip")
    (account / "backup-TWLX2NQA").mkdir()
    shutil.move(archive, account / "backup-TWLX2NQA" / "backup-TWLX2NQA.zip")
    shutil.rmtree(backup)
    assert cli("restore", "backups", "TWLX2NQA", "--to", "out").code == 0
    assert sorted(path.name for path in Path("out").rglob("attachments/*")) == sorted(
        path.name for path in account.glob("attachments/*")
    )
    assert cli("restore", "backups", "--to", "tree", "--as", "tree").code == 0
    assert list(Path("tree/Tasks without a folder").glob("*/task.md"))
    ran = cli("restore", "backups", "OTHER", "--to", "tree")
    assert (ran.code, "no backup" in ran.err) == (2, True)


def test_an_encrypted_backup_with_hidden_names_comes_back_as_it_was(place: Path, cli: Cli) -> None:  # noqa: F811
    pytest.importorskip("cryptography", reason="the extra age")
    recipient = cli("keygen", "k.txt").out.strip()
    cli("keygen", "wrong.txt")
    encrypt = f"transforms: [encrypt: {{recipients: [{recipient}], hide_names: true}}]\n"
    (place / "e.yaml").write_text(PROFILE.replace("path: backups", "path: encrypted") + encrypt)
    assert cli("backup", "-q", "e.yaml").code == 0
    for key in ("wrong.txt", None):
        ran = cli("restore", "e.yaml", "--to", "out", *(["-i", key] if key else []))
        assert (ran.code, Path("out").exists()) == (6, False)
    assert cli("restore", "encrypted", "--to", "out", "-i", "k.txt").code == 0
    (place / "p.yaml").write_text(PROFILE)
    assert cli("backup", "-q", "p.yaml").code == 0
    files = [
        {path.name: path.read_bytes() for path in Path(root).rglob("attachments/*")} for root in ("out", "backups")
    ]
    assert files[0] == files[1]
    (place / "out.yaml").write_text("source: mock\nsinks: [local: {path: out}]\n")
    assert cli("verify", "out.yaml").code == 0


def test_one_sink_of_a_profile_fills_in_what_another_lacks(place: Path, cli: Cli) -> None:  # noqa: F811
    (place / "p.yaml").write_text(PROFILE.replace("[local: {path: backups}]", "[local: {path: a}, local: {path: b}]"))
    assert cli("backup", "-q", "p.yaml").code == 0
    next(place.glob("a/account-*/attachments/*")).unlink()
    assert cli("restore", "p.yaml", "--to", "out", "--sink", "1").code == 3
    ran = cli("restore", "p.yaml", "--to", "out", "--sink", "2")
    assert (ran.code, "1 file, " in ran.out, "14 there already" in ran.out) == (0, True, True)


def test_a_manifest_that_is_damaged_in_one_sink_is_read_from_another(place: Path, cli: Cli) -> None:  # noqa: F811
    (place / "p.yaml").write_text(PROFILE.replace("[local: {path: backups}]", "[local: {path: a}, local: {path: b}]"))
    assert cli("backup", "-q", "p.yaml").code == 0
    next(place.glob("a/account-*/backup-*/manifest.json")).write_bytes(b"{}")
    ran = cli("restore", "p.yaml", "--to", "out")
    assert (ran.code, "manifest.json: " in ran.err, "/b instead" in ran.err) == (0, True, True)


def test_a_key_file_that_is_missing_restores_nothing_else_instead(account: Path, cli: Cli) -> None:  # noqa: F811
    pytest.importorskip("cryptography", reason="the extra age")
    recipient = cli("keygen", "k.txt").out.strip()
    shutil.rmtree("backups")
    Path("e.yaml").write_text(PROFILE + f"transforms: [encrypt: {{recipients: [{recipient}]}}]\n")
    assert cli("backup", "-q", "e.yaml").code == 0
    [account] = Path("backups").glob("account-*")
    (account / "backup-TWLX2NQA").mkdir()
    with zipfile.ZipFile(account / "backup-TWLX2NQA" / "backup-TWLX2NQA.zip", "w") as archive:
        archive.writestr("tasks.json", "[]")
    ran = cli("restore", "backups", "--to", "out", "-i", "nosuch.txt")
    assert (ran.code, Path("out").exists()) == (2, False)
    assert "cannot read the key file" in ran.err


def test_the_folder_of_an_account_is_no_place_to_restore_to(account: Path, cli: Cli) -> None:  # noqa: F811
    before = tree(account)
    ran = cli("restore", "p.yaml", "--to", str(account))
    assert (ran.code, "is the folder of one account" in ran.err) == (2, True)
    assert tree(account) == before


@pytest.mark.parametrize("target", ["p.yaml", "p.yaml/below/it"])
def test_a_file_is_no_place_to_restore_to(account: Path, cli: Cli, target: str) -> None:  # noqa: F811
    before = Path("p.yaml").read_bytes()
    ran = cli("restore", "p.yaml", "--to", target)
    assert ran.code == 2
    assert "p.yaml is a file, and no folder\nhint: --to takes a folder, or a path that is free\n" in ran.err
    assert Path("p.yaml").read_bytes() == before
