"""What people are written, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from wrikebackup_core import Report
from wrikebackup_core.testing.reports import NASTY, NOW, bad_report, good_report, look, over_report, trouble
from wrikebackup_notify.message import Message, message
from wrikebackup_notify.options import AppriseOptions, Occasion

DEFAULT = AppriseOptions.model_validate({"url": "env:APPRISE_URL"}).on


def sent(report: Report, *occasions: str) -> Message:
    found = message(report, [Occasion(one) for one in occasions] or DEFAULT)
    assert found is not None
    return found


def lasting() -> Report:
    """Of a run that failed like the one before."""
    return replace(bad_report(), begun=())


def test_by_default_a_trouble_is_told_when_it_begins_and_when_it_is_over_and_not_meanwhile() -> None:
    assert sent(bad_report()).good is False
    assert message(lasting(), DEFAULT) is None
    assert sent(over_report()).good is True
    assert message(good_report(), DEFAULT) is None
    assert message(look(), DEFAULT) is None


def test_a_failed_run_that_no_trouble_accounts_for_is_told_all_the_same() -> None:
    bad = bad_report()
    alone = replace(bad, begun=(), standing=replace(bad.standing, troubles=()))
    assert sent(alone).title == "example: backup failed: no space left"


def test_every_run_is_told_to_whoever_wants_it() -> None:
    assert sent(lasting(), "failure").title == "example: backup failed: no space left"
    assert message(good_report(), [Occasion.FAILURE]) is None
    assert sent(good_report(), "success").title == "example: backup complete"
    assert message(bad_report(), [Occasion.SUCCESS]) is None


def test_trouble_that_a_look_finds_is_told_without_a_run() -> None:
    late = trouble("late local:/backups", "local:/backups has no complete backup for 2 days")
    assert "no complete backup for 2 days" in sent(replace(look(), begun=(late,))).title


def test_the_first_line_says_what_and_since_when_and_hints_follow() -> None:
    lines = sent(bad_report("example", trouble())).body.splitlines()
    assert lines[:2] == [
        "the last run failed: no space left, since 2026-11-27 00:12 UTC",
        "hint: make room, or add a sink",
    ]
    assert "Sink local:/backups: it does not answer" in lines


def test_good_news_say_how_long_it_lasted_and_how_the_backups_stand_now() -> None:
    body = sent(over_report()).body
    assert body.startswith("over after 3 hours: the last run failed: no space left\n")
    assert "Sink local:/backups: last complete backup of 2026-11-27 03:00 UTC, 3 in all" in body
    assert "Records: 1,200 tasks, 3,400 comments" in body
    assert "Attachments: 56, 4 of them new (512.0 kB)" in body


def test_what_still_is_wrong_is_told_beside_what_began() -> None:
    bad = bad_report()
    some = replace(bad, begun=bad.begun[:1])
    assert (
        f"Still: the sink {' '.join(NASTY.split()).replace(chr(27), '')} is away".split(" with ")[0] in sent(some).body
    )


@pytest.mark.parametrize("report", [bad_report(NASTY), over_report(NASTY), good_report(NASTY)])
def test_strange_names_break_no_line_and_control_no_terminal(report: Report) -> None:
    found = sent(report, *Occasion)
    assert found.title.isprintable()
    assert all(line.isprintable() for line in found.body.split("\n"))


def test_a_thousand_long_troubles_are_cut_and_the_first_line_stays() -> None:
    troubles = [trouble(f"sink {number}", f"{number} " + "x" * 1000) for number in range(1000)]
    found = sent(bad_report("example", *troubles))
    assert len(found.title) <= 150
    assert len(found.body) <= 3500
    assert found.body.startswith("0 xxx")
    assert sent(bad_report("p" * 1000, trouble())).title.endswith("…")


def test_a_clock_that_went_back_makes_no_nonsense() -> None:
    assert (
        "over after 0 seconds" in sent(replace(look(), over=(replace(trouble(), since=NOW + timedelta(days=1)),))).body
    )


def test_one_record_of_a_kind_is_named_as_one() -> None:
    report = over_report()
    assert report.run is not None
    counted = replace(report, run=replace(report.run, counts={"tasks": 1, "dependencies": 1, "comments": 2}))
    assert "Records: 1 task, 1 dependency, 2 comments" in sent(counted).body
