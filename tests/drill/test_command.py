"""What the command line of `drill` promises."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import cli, place  # noqa: F401 - fixtures

Cli = Callable[..., Any]
SOURCE = "source: {mock: {tasks: 20, attachments: 12, attachment_size: 5}}\n"


@pytest.fixture
def profile(place: Path, cli: Cli) -> Path:  # noqa: F811
    """Of an account with a backup in two sinks."""
    path = place / "p.yaml"
    path.write_text(f"{SOURCE}sinks: [local: {{path: one}}, local: {{path: two}}]\nstate: mine\n")
    assert cli("backup", "-q", "p.yaml").code == 0
    return path


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_each_sink_is_told_of_noted_and_left_as_it_was(profile: Path, cli: Cli) -> None:  # noqa: F811
    before = [tree(Path("one")), tree(Path("two"))]
    ran = cli("drill", "p.yaml")
    assert (ran.code, ran.out.count("all files came back")) == (0, 2)
    assert [tree(Path("one")), tree(Path("two"))] == before
    notes = [json.loads(line) for line in Path("mine/drills.jsonl").read_text().splitlines()]
    assert len(notes) == 2
    assert len({one["at"] for one in notes}) == 1  # what one run found is told apart from what the next one finds
    assert cli("drill", "-q", "p.yaml").out == ""


def test_json_is_one_document_at_the_end_and_a_seed_draws_the_same_again(profile: Path, cli: Cli) -> None:  # noqa: F811
    words = ("--json", "p.yaml", "--files", "3", "--bytes", "1kB", "--pages", "2")
    first, second = (
        json.loads(cli("drill", *words, *seed).out.splitlines()[-1])["drills"][0] for seed in ((), ("--seed", "9"))
    )
    assert (first["verdict"], first["files"], first["pages"], first["exit_code"]) == ("whole", 3, 2, 0)
    again = json.loads(cli("drill", *words, "--seed", "9").out.splitlines()[-1])["drills"][0]
    assert again["bytes"] == second["bytes"]
    assert again["seed"] == 9


def test_damage_is_shown_and_ends_with_4(profile: Path, cli: Cli) -> None:  # noqa: F811
    victim = min(Path("two").rglob("attachments/*"))
    victim.write_bytes(victim.read_bytes() + b"x")
    ran = cli("drill", "-q", "p.yaml", "--files", "all", "--bytes", "all")
    assert (ran.code, ran.out[:1]) == (4, "2")  # nothing stands above it
    assert f"damaged  {victim.relative_to('two').as_posix()}" in ran.out


def test_a_profile_that_cannot_be_used_keeps_none_of_the_others_from_being_drilled(profile: Path, cli: Cli) -> None:  # noqa: F811
    Path("broken.yaml").write_text("source: [mock\n")
    ran = cli("drill", "broken.yaml", "p.yaml")
    assert (ran.code, ran.out.count("all files came back")) == (2, 2)
    assert ran.err.count("broken.yaml") == 1


def test_a_sink_without_backups_is_3_and_nothing_but_such_is_1(profile: Path, cli: Cli) -> None:  # noqa: F811
    profile.write_text(f"{SOURCE}sinks: [local: {{path: one}}, local: {{path: empty}}]\n")
    ran = cli("drill", "p.yaml")
    assert (ran.code, "there are no backups in local:" in ran.err) == (3, True)
    profile.write_text(f"{SOURCE}sinks: [local: {{path: empty}}]\n")
    assert cli("drill", "p.yaml").code == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--files", "many"), "'many' is no number, and not 'all'"),
        (("--bytes", "2 stones"), "'2 stones' is no size such as 200MB or 2GB, and not 'all'"),
        (("--to", "one"), "one is not empty"),
        (("--to", "p.yaml"), "p.yaml: not a directory"),
        (("--to", "one/account-IEAGVQ2I/new"), "is in the folder of one account in a sink"),
        (("--to", "one/new"), "one/new is where the backups are"),
    ],
)
def test_mistakes_are_told_in_a_line(profile: Path, cli: Cli, words: tuple[str, ...], said: str) -> None:  # noqa: F811
    before = tree(Path("one"))
    ran = cli("drill", "p.yaml", *words)
    assert ran.code == 2
    assert said in ran.err
    assert tree(Path("one")) == before
    assert not Path("one/new").exists()


def test_what_is_restored_stays_where_that_is_asked_for(profile: Path, cli: Cli) -> None:  # noqa: F811
    ran = cli("drill", "p.yaml", "--to", "kept")
    assert (ran.code, ran.out.count("kept in")) == (0, 2)
    assert len(list(Path("kept").rglob("layout/account-*/backup-*/backup-*.zip"))) == 2
    assert list(Path("kept").rglob("tree/**/task.md"))


def test_several_profiles_and_folders_are_drilled_one_after_the_other(profile: Path, cli: Cli) -> None:  # noqa: F811
    ran = cli("drill", "p.yaml", "one", "absent.yaml")
    assert ran.out.count("all files came back") == 3
    assert (ran.code, "absent.yaml: there is no such profile or folder" in ran.err) == (2, True)


def test_notes_that_cannot_be_written_end_no_drill(profile: Path, cli: Cli) -> None:  # noqa: F811
    Path("mine/drills.jsonl").mkdir()
    ran = cli("drill", "p.yaml")
    assert (ran.code, "cannot be noted" in ran.err) == (0, True)


@pytest.fixture
def encrypted(place: Path, cli: Cli) -> Path:  # noqa: F811
    """A profile of an account with an encrypted backup in two sinks; its key is in key.txt."""
    recipient = cli("keygen", "--classic", "key.txt").out.strip()
    encrypt = f"transforms: [encrypt: {{recipients: [{recipient}], identity: [key.txt]}}]\n"
    path = place / "p.yaml"
    path.write_text(f"{SOURCE}{encrypt}sinks: [local: {{path: one}}, local: {{path: two}}]\nstate: mine\n")
    assert cli("backup", "-q", "p.yaml").code == 0
    return path


def _told_everywhere(cli: Cli, reason: str, hint: str) -> None:  # noqa: F811
    """Status, its troubles, which notifications tell of, and the report say what was missing, and not that something did not come back."""
    status = json.loads(cli("status", "--json", "p.yaml").out)
    assert len(status["troubles"]) == 2
    for trouble in status["troubles"]:
        assert trouble["text"].endswith(f": in the last drill, nothing could be tried: {reason}")
        assert trouble["hint"] == hint
    shown = cli("status", "p.yaml").out
    assert shown.count(f" nothing could be tried: {reason}\n") == 4
    assert "came back" not in shown


@pytest.mark.parametrize("readable", [None, False])
def test_a_key_file_that_is_given_and_cannot_be_read_is_told_once_and_nothing_was_tried(
    encrypted: Path,
    cli: Cli,  # noqa: F811
    *,
    readable: bool | None,
) -> None:
    if readable is False:
        Path("given.txt").mkdir()
    reason = f"cannot read the key file given.txt: {'no such file or' if readable is None else 'is a'} directory"
    ran = cli("drill", "p.yaml", "-i", "given.txt")
    assert (ran.code, ran.err) == (2, f"wrikebackup: error: {reason}\n")
    assert ran.out.count(": not tried\n") == 2
    notes = [json.loads(line) for line in Path("mine/drills.jsonl").read_text().splitlines()]
    assert {(one["verdict"], one["error"], one["decoded"]) for one in notes} == {("not tried", reason, False)}
    _told_everywhere(cli, reason, "`wrikebackup drill` tries it again, and says what is wrong")
    told = json.loads(cli("report", "--json", "p.yaml").out)["profiles"][0]
    remarks = [one["text"] for one in told["remarks"]]
    assert (told["level"], sum(f": the last drill could not be done: {reason}." in one for one in remarks)) == (
        "look",
        2,
    )


def test_a_library_that_is_missing_is_told_once_with_the_extra_and_nothing_was_tried(
    encrypted: Path,
    cli: Cli,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as without:
        for name in list(sys.modules):
            if name.startswith(("wrikebackup_age.", "cryptography")):
                without.delitem(sys.modules, name)
        without.setitem(sys.modules, "cryptography", None)
        ran = cli("drill", "p.yaml")
    reason, hint = "encrypt needs a library that is not installed", 'pip install "wrikebackup[age]"'
    assert (ran.code, ran.err) == (1, f"wrikebackup: error: {reason}\nhint: {hint}\n")
    _told_everywhere(cli, reason, hint)


def test_a_drill_without_a_key_says_why_there_is_none_and_status_does_not_say_that_all_came_back(
    encrypted: Path,
    cli: Cli,  # noqa: F811
) -> None:
    Path("key.txt").unlink()
    ran = cli("drill", "p.yaml")
    assert (ran.code, ran.out.count("a key opens it: cannot read the key file key.txt: no such file or directory")) == (
        0,
        2,
    )
    shown = cli("status", "p.yaml")
    assert (shown.code, shown.out.count("what is stored was whole; there was no key to restore it with")) == (0, 2)
    assert "came back" not in shown.out
