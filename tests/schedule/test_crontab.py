"""The block in a crontab, read by cron's own program and by a shell."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.schedule.errand import AWKWARD, errand
from tests.schedule.test_systemd import CRONS
from wrikebackup_core.errors import UsageError
from wrikebackup_core.schedule import Schedule
from wrikebackup_core.schedule.calendars import cron_fields
from wrikebackup_core.schedule.crontab import block, found, replaced
from wrikebackup_core.schedule.errands import inspect, mark, slug


def as_cron_runs(line: str) -> str:
    """What cron hands to the shell: the command up to the first percent sign that has no backslash ahead."""
    command, escaped, out = line.split(maxsplit=5)[5], False, ""
    for char in command:
        if escaped:
            out, escaped = (out[:-1] if char in "%\\" else out) + char, False
            continue
        if char == "%":
            return out
        escaped, out = char == "\\", out + char
    return out


@pytest.mark.parametrize("path", AWKWARD)
def test_any_path_reaches_the_program_as_it_is(tmp_path: Path, path: str) -> None:
    folder = tmp_path / path.lstrip("/")
    folder.mkdir(parents=True)
    text = block([errand(path, words=("/usr/bin/printf", "%s", path), folder=str(folder), delay=0)])
    line = next(line for line in text.splitlines() if not line.startswith("#"))
    ran = subprocess.run(["/bin/sh", "-c", as_cron_runs(line)], capture_output=True, text=True, check=True, timeout=30)
    assert ran.stdout == path
    ran = subprocess.run(
        ["/bin/sh", "-c", as_cron_runs(line) + " && pwd"], capture_output=True, text=True, check=True, timeout=30
    )
    assert ran.stdout == path + str(Path.cwd()) or ran.stdout.startswith(path)


def _reads_crontabs() -> bool:
    """Debian's and its heirs' `-n`, which looks at a file and leaves the crontab alone."""
    if shutil.which("crontab") is None:
        return False
    done = subprocess.run(["crontab", "-h"], capture_output=True, text=True, check=False, timeout=30)
    return "dry run" in done.stdout + done.stderr


@pytest.mark.skipif(not _reads_crontabs(), reason="needs Debian's cron")
@pytest.mark.parametrize("path", AWKWARD)
def test_cron_finds_nothing_wrong_with_the_block(tmp_path: Path, path: str) -> None:
    lines = "".join(block([errand(path, Schedule(cron), name=f"n{number}")]) for number, cron in enumerate(CRONS))
    (tmp_path / "crontab").write_text(lines, encoding="utf-8")
    done = subprocess.run(
        ["crontab", "-n", "crontab"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stderr
    (tmp_path / "crontab").write_text(lines + "61 * * * * true\n", encoding="utf-8")
    bad = subprocess.run(
        ["crontab", "-n", "crontab"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30
    )
    assert bad.returncode != 0  # or the look would say nothing


@pytest.mark.parametrize("cron", CRONS)
def test_the_fields_written_mean_the_same(cron: str) -> None:
    assert Schedule(cron_fields(Schedule(cron))).fields == Schedule(cron).fields


@pytest.mark.parametrize("path", ["/etc/back\\slash.yaml", "/etc/two\nlines.yaml", "/" + "long/" * 250])
def test_what_a_crontab_cannot_hold_is_refused(path: str) -> None:
    with pytest.raises(UsageError):
        block([errand(path)])


OTHERS = st.lists(
    st.sampled_from(["0 5 * * * other", "# note", "", "MAILTO=me", "ü=\udcff", "# BEGIN wrikebackup zoo"])
).map("\n".join)


@given(OTHERS, OTHERS)
def test_what_else_is_there_stays_byte_for_byte(before: str, after: str) -> None:
    before += "\n" if before else ""
    mine, other = block([errand()]), block([errand(schedule=Schedule("hourly"))])
    text = before + mine + after
    there = found(text, "acme")
    assert there is not None
    assert there.marked is not None
    assert there.marked.intact
    assert replaced(text, there, "") == before + after
    assert replaced(text, there, other) == before + other + after


def test_a_block_that_was_edited_is_known() -> None:
    text = block([errand()]).replace("30 2 * * *", "30 3 * * *")
    there = found(text, "acme")
    assert there is not None
    assert there.marked is not None
    assert not there.marked.intact


def test_a_block_without_its_end_is_refused() -> None:
    with pytest.raises(UsageError, match="no END"):
        found(block([errand()]).replace("# END", "# end"), "acme")


@given(st.text(), st.text())
def test_a_mark_says_whose_it_is_and_whether_it_was_edited(body: str, profile: str) -> None:
    one = inspect(mark(body, profile))
    assert one is not None
    assert (one.profile, one.intact) == (profile, True)
    edited = inspect(mark(body, profile) + "x")
    assert edited is not None
    assert not edited.intact


def test_names_are_made_fit_for_units_and_clusters_and_stay_apart() -> None:
    assert slug("acme") == "acme"
    names = ["ACME", "ac me", "日本", "中国", "a" * 100, "a" * 101, "-", "../x"]
    assert len({slug(name) for name in names}) == len(names)
    assert all(
        slug(name).strip("abcdefghijklmnopqrstuvwxyz0123456789-") == "" and len(slug(name)) <= 47 for name in names
    )
    assert all(slug(name)[0].isalnum() for name in names)
