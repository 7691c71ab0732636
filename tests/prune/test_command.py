"""`wrikebackup prune`, `pin` and `unpin` on a command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Ran, cli, place  # noqa: F401 - fixtures of the command line's tests
from tests.prune.backups import ACCOUNT, attachments, committed, put
from wrikebackup_core import Account
from wrikebackup_core.engine.locking import locked
from wrikebackup_core.engine.prune.run import _Locking
from wrikebackup_core.format import layout
from wrikebackup_fsspec.local.sink import LocalSink

UIDS = [layout.new_backup_uid(datetime.now(UTC) - timedelta(days=days, hours=1), "000000") for days in (3, 2, 1)]
Cli = Callable[..., Ran]


@pytest.fixture
def sink(place: Path) -> LocalSink:  # noqa: F811
    (place / "p.yaml").write_text(
        "source: mock\ntransforms: [retain: {last: 1}]\nstate: state\nsinks: [local: {path: one}, local: {path: two}]\n"
    )
    sinks = [LocalSink(str(place / name)) for name in ("one", "two")]
    for one in sinks:
        for number, uid in enumerate(UIDS):
            put(one, uid, [f"A{number}-file", f"A{number + 1}-file"])
    return sinks[0]


def test_without_yes_the_plan_is_shown_and_nothing_deleted(sink: LocalSink, cli: Cli) -> None:  # noqa: F811
    ran = cli("prune", "p.yaml")
    assert ran.code == 0
    assert committed(sink) == UIDS
    lines = ran.out.splitlines()
    assert lines[0].endswith("/one, account IEAAAEDY")
    assert lines[2].split()[:5] == [UIDS[0], "3", "d", "complete", "delete"]
    assert lines[2].endswith("no rule keeps it")
    assert lines[4].split()[:5] == [UIDS[2], "1", "d", "complete", "keep"]
    assert "attachments that no backup needs: delete 2 files, 14 B" in lines
    assert lines[-2].startswith("p: 4 backups and 4 attachments, ")
    assert lines[-1] == "nothing deleted; --yes does it"


def test_a_terminal_of_80_columns_is_enough(
    sink: LocalSink,
    cli: Cli,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("wrikebackup_core.cli.terminal._PIPE_COLUMNS", 80)
    cli("pin", "p.yaml", UIDS[0], "--reason", "the books of the year were closed, says the auditor")
    ran = cli("prune", "p.yaml")
    assert max(map(len, (line for line in ran.out.splitlines() if "account" not in line))) <= 80
    assert all(uid in ran.out for uid in UIDS)


def test_with_yes_it_deletes_and_says_what(sink: LocalSink, cli: Cli) -> None:  # noqa: F811
    ran = cli("prune", "p.yaml", "--yes", "--sink", "1")
    assert ran.code == 0
    assert committed(sink) == UIDS[2:]
    assert attachments(sink) == {"A2-file", "A3-file"}
    assert "p: 2 backups and 2 attachments, " in ran.out
    assert "deleted" in ran.out.splitlines()[-1]
    assert cli("prune", "p.yaml", "--yes", "--sink", "1").out.splitlines()[-1] == "p: nothing to delete"
    assert cli("-q", "prune", "p.yaml").out == ""


def test_as_json(sink: LocalSink, cli: Cli) -> None:  # noqa: F811
    document = json.loads(cli("--json", "prune", "p.yaml").out.splitlines()[-1])
    assert (document["event"], document["done"], document["exit_code"]) == ("prune_plan", False, 0)
    assert [one["keep"] for one in document["places"][0]["backups"]] == [False, False, True]
    document = json.loads(cli("--json", "prune", "p.yaml", "--yes").out.splitlines()[-1])
    assert (document["event"], document["done"]) == ("pruned", True)
    assert [one["deleted"] for one in document["places"][1]["backups"]] == [True, True, False]


def test_a_pinned_backup_is_told_by_list_show_and_prune(sink: LocalSink, cli: Cli) -> None:  # noqa: F811
    ran = cli("pin", "p.yaml", UIDS[0], "--reason", "  audit\n2026 ")
    assert ran.code == 0
    assert [line.rpartition(": ")[2] for line in ran.out.splitlines()] == ["audit 2026"] * 2
    assert cli("list", "p.yaml").out.count("complete, pinned") == 2
    assert "one: audit 2026" in cli("show", "p.yaml", UIDS[0]).out
    assert "pinned: audit 2026" in cli("prune", "p.yaml").out
    assert cli("prune", "p.yaml", "--yes").code == 0
    assert committed(sink) == [UIDS[0], UIDS[2]]
    assert cli("verify", "--all", "p.yaml").code == 0
    assert cli("copy", "p.yaml").code == 0
    assert cli("restore", "p.yaml", UIDS[0], "--to", "restored").code == 0
    assert "not pinned any more" in cli("unpin", "p.yaml", UIDS[0]).out
    assert "was not pinned" in cli("unpin", "p.yaml", UIDS[0]).out


def test_what_cannot_be_is_told(sink: LocalSink, cli: Cli, place: Path) -> None:  # noqa: F811
    assert cli("pin", "p.yaml", UIDS[0]).code == 2
    assert "one line" in cli("pin", "p.yaml", UIDS[0], "--reason", " ").err
    assert "there is no backup 1999" in cli("pin", "p.yaml", "1999", "--reason", "x").err
    assert "no backups of the account NONE" in cli("prune", "p.yaml", "--account", "NONE").err
    with locked(_Locking((sink,), place / "state"), ACCOUNT):
        assert cli("prune", "p.yaml", "--yes", "--sink", "1").code == 5
        assert cli("pin", "p.yaml", UIDS[0], "--reason", "x").code == 3
        assert cli("prune", "p.yaml", "--yes").code == 3
    put(sink, UIDS[0], account=Account("IEAAAEDZ", "Other"))
    assert cli("prune", "p.yaml").code == 2
    assert cli("prune", "p.yaml", "--account", "IEAAAEDZ", "--sink", "1").code == 0
    (place / "p.yaml").write_text("source: mock\nsinks: [local: {path: one}]\n")
    assert "has no rules" in cli("prune", "p.yaml").err


def test_damage_and_a_clock_that_jumped_have_their_exit_codes(sink: LocalSink, cli: Cli, place: Path) -> None:  # noqa: F811
    (place / "one" / layout.sums_key(ACCOUNT.id, UIDS[2])).write_text("damaged")
    ran = cli("prune", "p.yaml", "--sink", "1")
    assert ran.code == 4
    assert f"attachments stay: the SHA256SUMS of {UIDS[2]} is not made of hashes and paths" in ran.out
    put(sink, layout.new_backup_uid(datetime.now(UTC) + timedelta(days=1), "000000"))
    ran = cli("prune", "p.yaml", "--yes", "--sink", "1")
    assert ran.code == 1
    assert "is from the future" in ran.err
    assert "hint: set the clock" in ran.err


def test_the_empty_folder_of_another_account_does_not_make_it_ask_for_one(
    sink: LocalSink,
    cli: Cli,  # noqa: F811
    place: Path,  # noqa: F811
) -> None:
    before = cli("prune", "p.yaml")
    (place / "one" / "account-IEAAAEDZ" / "attachments").mkdir(parents=True)
    assert cli("prune", "p.yaml") == before
    put(sink, UIDS[0], ["other"], account=Account("IEAAAEDZ", "Other"))
    ran = cli("prune", "p.yaml")
    assert (ran.code, "holds several accounts: IEAAAEDY, IEAAAEDZ\nhint: choose one with --account" in ran.err) == (
        2,
        True,
    )


@pytest.mark.parametrize("folders", [("IEAAAEDY",), ("IEAAAEDY", "IEAAAEDZ")])
def test_where_all_accounts_are_empty_it_says_that_there_are_no_backups(
    cli: Cli,  # noqa: F811
    place: Path,  # noqa: F811
    folders: tuple[str, ...],
) -> None:
    (place / "p.yaml").write_text("source: mock\ntransforms: [retain: {last: 1}]\nsinks: [local: {path: one}]\n")
    for folder in folders:
        (place / "one" / f"account-{folder}").mkdir(parents=True)
    ran = cli("prune", "p.yaml")
    assert (ran.code, ran.err.splitlines()[-1]) == (
        2,
        f"wrikebackup: error: there are no backups in local:{place / 'one'}",
    )
