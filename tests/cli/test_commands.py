"""What single commands promise beyond what the sessions in testdata/ show."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wrikebackup_core.cli.program import command
from wrikebackup_core.cli.summary import outcome, verdict
from wrikebackup_core.cli.terminal import Terminal
from wrikebackup_core.engine.job import Outcome
from wrikebackup_core.errors import ExitCode
from wrikebackup_core.model import Account, Gap
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.profile import Profile, load

Cli = Callable[..., Any]
TWO_SINKS = "source: {mock: {tasks: 25, attachment_size: 100}}\nsinks: [local: {path: a}, local: {path: b}]\n"


@pytest.fixture
def backed_up(place: Path, cli: Cli) -> str:
    """A profile with two sinks and one backup; its uid."""
    (place / "p.yaml").write_text(TWO_SINKS)
    assert cli("backup", "-q", "p.yaml").code == 0
    [a, b] = json.loads(cli("list", "--json", "p.yaml").out)
    assert a["backups"] == b["backups"]
    return str(a["backups"][0]["uid"])


def test_list_and_show_need_no_profile(backed_up: str, place: Path, cli: Cli) -> None:
    addresses = [f"file://{place}/a"] if importlib.util.find_spec("fsspec") else []
    for where in ("a", *addresses):
        [shelf] = json.loads(cli("list", "--json", where).out)
        assert [one["uid"] for one in shelf["backups"]] == [backed_up]
        shown = json.loads(cli("show", "--json", where, backed_up[:8]).out)
        assert shown["manifest"]["backupUID"] == backed_up
        assert shown["sinks"] == [shelf["sink"]]
        assert backed_up in cli("list", where).out
        assert backed_up in cli("show", where).out
    (place / "empty").mkdir()
    assert "no backups yet" in cli("list", "empty").out
    for command_ in ("list", "show"):
        ran = cli(command_, "nothing")
        assert (ran.code, "there is no such profile or folder" in ran.err) == (2, True)
    assert f"there are no backups in local:{place}/empty" in cli("show", "empty").err


def test_show_does_not_ask_for_a_key_where_a_plain_report_of_coverage_is_lost(place: Path, cli: Cli) -> None:
    source = "source: {mock: {tasks: 25, attachment_size: 100, hidden_spaces: 1}}\n"
    (place / "p.yaml").write_text(f"{source}transforms: [bi-export]\nsinks: [local: {{path: a}}]\n")
    assert cli("backup", "-q", "p.yaml").code == 0
    _first(place, "a/account-*/backup-*/coverage.json").unlink()
    told = " ".join(cli("show", "p.yaml").out.split())
    assert "coverage.json of the backup says which, and whose; it cannot be read" in told
    assert "-i FILE" not in told


def _first(place: Path, pattern: str) -> Path:
    return next(path for path in sorted(place.glob(pattern)) if path.stat().st_size)


def test_damage_is_named_and_ends_with_4(backed_up: str, place: Path, cli: Cli) -> None:
    damaged = _first(place, "b/account-*/attachments/*")
    damaged.write_bytes(b"x" * damaged.stat().st_size)
    lost = _first(place, "b/account-*/backup-*/records-*.zip")
    lost.unlink()
    ran = cli("verify", "p.yaml")
    assert ran.code == ExitCode.DAMAGED
    assert f"{backed_up} in local:{place}/a: whole" in ran.out
    assert f"{backed_up} in local:{place}/b: " in ran.out
    assert f"damaged  {damaged.relative_to(place / 'b').as_posix()}" in ran.out
    assert f"missing  {lost.relative_to(place / 'b').as_posix()}" in ran.out
    quiet = cli("verify", "-q", "p.yaml", backed_up)
    assert (quiet.code, "whole" in quiet.out, "damaged" in quiet.out) == (4, False, True)
    found = json.loads(cli("verify", "--json", "p.yaml").out)
    assert [bool(report["findings"]) for report in found] == [False, True]


def test_a_sample_is_called_one_and_names_its_seed(backed_up: str, place: Path, cli: Cli) -> None:
    ran = cli("verify", "--sample", "1", "--seed", "7", "p.yaml")
    total = len(list(place.glob("a/account-*/attachments/*")))
    assert ran.code == 0
    assert ran.out.count(f": no damage found in a sample of 1 of {total} files (seed 7); 6 objects, ") == 2
    assert "whole" not in ran.out
    [a, b] = json.loads(cli("verify", "--sample", "1", "--json", "p.yaml").out)
    assert (a["sample"]["read"], a["sample"]["of"]) == (1, total)
    assert a["sample"]["seed"] == b["sample"]["seed"]
    again = cli("verify", "--json", "--sample", "1", "--seed", str(a["sample"]["seed"]), "p.yaml")
    assert json.loads(again.out) == [a, b]
    lost = _first(place, "b/account-*/backup-*/records-*.zip")
    lost.unlink()
    ran = cli("verify", "--sample", "50%", "p.yaml")
    assert ran.code == ExitCode.DAMAGED
    assert f"1 finding in a sample of {-(-total // 2)} of {total} files (seed " in ran.out


def test_a_sample_of_all_is_the_whole(backed_up: str, place: Path, cli: Cli) -> None:
    for amount in ("100%", "5000"):
        ran = cli("verify", "--sample", amount, "p.yaml")
        assert ran.out.count(": whole; ") == 2


@pytest.mark.parametrize("amount", ["0", "0%", "100.1%", "-5", "5 %%", "5.5", "nan%", "1e3", "٣", "", "inf", "five"])
def test_a_sample_of_an_impossible_size_is_a_mistake_told_in_a_line(amount: str, cli: Cli) -> None:
    ran = cli("verify", f"--sample={amount}", "p.yaml")
    assert ran.code == ExitCode.USAGE
    assert ran.err.startswith("wrikebackup: error: invalid value for '--sample': ")
    assert len(ran.err.splitlines()) == 2


def test_a_seed_without_a_sample_is_a_mistake(backed_up: str, cli: Cli) -> None:
    assert cli("verify", "--seed", "1", "p.yaml").code == ExitCode.USAGE
    assert cli("verify", "--sample", "1", "--seed", "-1", "p.yaml").code == ExitCode.USAGE


def test_a_backup_that_one_sink_lacks_is_damage_there(backed_up: str, place: Path, cli: Cli) -> None:
    (place / "other.yaml").write_text(TWO_SINKS.replace(", local: {path: b}", ""))
    assert cli("backup", "-q", "other.yaml").code == 0
    # Begun in one second, the two may stand in either order.
    [newest] = {one["uid"] for one in json.loads(cli("list", "--json", "other.yaml").out)[0]["backups"]} - {backed_up}
    ran = cli("verify", "p.yaml", newest)
    assert ran.code == ExitCode.DAMAGED
    assert f"has no backup {newest}" in ran.err
    assert cli("verify", "p.yaml").code == 0, "the newest of each sink is whole"


def test_a_sink_without_any_backup_is_not_passed_over(backed_up: str, place: Path, cli: Cli) -> None:
    """A disk that is not mounted, say, while the other sink is whole."""
    shutil.rmtree(place / "b")
    ran = cli("verify", "p.yaml")
    assert ran.code == ExitCode.PARTIAL
    assert f"{backed_up} in local:{place}/a: whole" in ran.out
    assert f"local:{place}/b has no backups" in ran.err
    assert cli("verify", "p.yaml", backed_up).code == ExitCode.DAMAGED
    reports = json.loads(cli("verify", "--json", "p.yaml").out)
    assert [report.get("missing", False) for report in reports] == [False, True]


def test_another_account_in_the_sink_need_not_have_the_backup(backed_up: str, place: Path, cli: Cli) -> None:
    (place / "other.yaml").write_text(TWO_SINKS.replace("tasks: 25", "tasks: 25, seed: 7"))
    assert cli("backup", "-q", "other.yaml").code == 0
    ran = cli("verify", "p.yaml", backed_up[:-1])
    assert (ran.code, ran.out.count(f"{backed_up} in ")) == (0, 2), ran.err


def test_a_backup_that_has_lost_its_manifest_is_named(backed_up: str, place: Path, cli: Cli) -> None:
    for path in place.glob("?/account-*/backup-*/manifest.json"):
        path.unlink()
    ran = cli("verify", "p.yaml")
    assert ran.code == ExitCode.USAGE
    assert f"without a manifest.json: {backed_up}" in ran.err


def test_an_account_folder_without_backups_is_not_listed(place: Path, cli: Cli) -> None:
    (place / "p.yaml").write_text("source: {mock: {}}\nsinks: [local: {path: a}]\n")
    (place / "a/account-7/backup-5").mkdir(parents=True)
    (place / "a/account-7/backup-5/backup-5.zip").write_bytes(b"of another tool")
    assert cli("list", "p.yaml").out == f"local:{place}/a: no backups yet\n"


def test_a_backup_is_shown_by_the_beginning_of_its_uid(backed_up: str, cli: Cli) -> None:
    ran = cli("show", "p.yaml", backed_up[:12])
    assert ran.code == 0
    assert ran.out.startswith(f"{backed_up}  complete\n")
    assert ran.out.count("local:") == 2, "it is in both sinks"


@pytest.mark.parametrize("words", [("show",), ("verify",)])
def test_a_backup_that_is_nowhere_is_a_mistake_of_the_command_line(words: tuple[str], backed_up: str, cli: Cli) -> None:
    ran = cli(*words, "p.yaml", "20200101T000000Z-abc")
    assert ran.code == ExitCode.USAGE
    assert "there is no backup 20200101T000000Z-abc" in ran.err


def test_a_manifest_that_cannot_be_read_hides_no_other_backup(backed_up: str, place: Path, cli: Cli) -> None:
    assert cli("backup", "-q", "p.yaml").code == 0
    for path in place.glob(f"?/account-*/backup-{backed_up}/manifest.json"):
        path.chmod(0o600)
        path.write_text("{")
    ran = cli("list", "p.yaml")
    assert ran.code == 0
    assert ran.out.count("unreadable") == 2
    assert ran.out.count("complete") == 2
    assert cli("show", "p.yaml").code == 0
    ran = cli("show", "p.yaml", backed_up)
    assert (ran.code, "manifest.json" in ran.err) == (ExitCode.DAMAGED, True)


def test_two_runs_on_one_account_end_with_5(place: Path, cli: Cli) -> None:
    (place / "p.yaml").write_text("source: {awkward: {fault: wait}}\nsinks: [local: {path: b}]\n")
    environment_path = [str(Path(__file__).parent / "awkward"), *sys.path]
    code = f"import sys; sys.path[:0] = {environment_path!r}; from wrikebackup_core.cli import main; main()"
    first = subprocess.Popen([sys.executable, "-c", code, "backup", "-q", "p.yaml"], stderr=subprocess.DEVNULL)
    try:
        wait = threading.Event()
        for _ in range(600):
            if (place / "started").exists():
                break
            wait.wait(0.05)
        ran = cli("backup", "p.yaml")
    finally:
        first.kill()
        first.wait()
    assert ran.code == ExitCode.LOCKED
    assert "another backup, copy or restore is writing" in ran.err


def test_global_options_count_on_either_side_of_the_command(backed_up: str, cli: Cli) -> None:
    before, after = cli("--json", "list", "p.yaml"), cli("list", "p.yaml", "--json")
    assert json.loads(before.out) == json.loads(after.out)


def test_every_command_has_help_and_the_common_options() -> None:
    group = command(Plugins())
    names = (
        "init backup status notify schedule list show cat find diff verify drill restore copy prune pin unpin report unlock link key"
        " profile doctor plugins"
    )
    assert " ".join(group.commands) == names
    for one in group.commands.values():
        assert one.help
        assert {"json", "quiet", "verbose", "no_color"} <= {parameter.name for parameter in one.params}


def test_the_examples_are_profiles(cli: Cli) -> None:
    found = (Path(__file__).parents[2] / "examples").glob("*.yaml")
    examples = sorted(path for path in found if path.name != "compose.yaml")
    assert len(examples) >= 2
    ran = cli("profile", "check", *map(str, examples))
    assert (ran.code, ran.out.count("in order")) == (0, len(examples)), ran.err


def _outcome(**facts: Any) -> Outcome:
    given = {
        "profile": "p", "account": Account("IEAAAEDY", "Acme"), "backup_uid": "20261123T153000Z-7f3a9c", "complete": True,
        "counts": {"tasks": 1}, "attachments_total": 1, "attachments_new": 1, "attachments_bytes": 1, "bytes_new": 1,
        "gaps": (), "sinks": {"a": None}, "seconds": 1.0,
    }  # fmt: skip
    return Outcome(**{**given, **facts})


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({}, "complete"),
        ({"sinks": {"a": None, "b": "full"}}, "complete; stored in 1 of 2 sinks only"),
        ({"sinks": {"a": "full", "b": "full"}}, "failed: stored in none of the sinks"),
        ({"complete": False, "gaps": (Gap("audit_log", None, "no"),)}, "incomplete: 1 whole kind missing"),
        (
            {
                "complete": False,
                "gaps": (Gap("attachments", "A", "x"), Gap("attachments", "B", "x"), Gap("tasks", "C", "x")),
            },
            "incomplete: 2 files, 1 record missing",
        ),
        ({"complete": False}, "incomplete"),
    ],
)
def test_the_verdict_never_says_more_than_is_true(facts: dict[str, Any], words: str) -> None:
    assert verdict(_outcome(**facts)) == words


def test_thousands_of_reasons_do_not_flood_the_summary(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "p.yaml").write_text("source: awkward\nsinks: [memory]\n")
    profile: Profile = load(place / "p.yaml", Plugins.load())
    gaps = tuple(Gap("attachments", f"id-{number}", f"reason {number}") for number in range(5000))
    gaps += tuple(Gap("comments", f"id-{number}", "one and the same") for number in range(5000))
    Terminal().show(outcome(_outcome(complete=False, gaps=gaps), profile))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < 40
    assert "10,000 gaps: what this backup lacks" in lines
    assert "  and 4,981 more reasons; `wrikebackup show` has them all" in lines
