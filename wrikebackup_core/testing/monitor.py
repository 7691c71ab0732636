"""The promises of a monitor, as tests."""

from __future__ import annotations

import pytest

from wrikebackup_core.errors import WrikeBackupError
from wrikebackup_core.monitors import Monitor, Report
from wrikebackup_core.testing.reports import NASTY, NOW, bad_report, good_report, look, over_report

__all__ = ["MonitorContract"]

_REPORTS = [good_report(), bad_report(), over_report(), look(), good_report(NASTY), bad_report(NASTY)]


class MonitorContract:
    """Inherit it in a class called `Test…` and override the fixtures `monitor`, one whose messages arrive, and `broken`, one whose messages
    cannot; `secrets` too, if there are any: what neither of them may tell.
    """

    @pytest.fixture
    def monitor(self) -> Monitor:
        raise NotImplementedError("a contract needs the fixture `monitor`")

    @pytest.fixture
    def broken(self) -> Monitor:
        raise NotImplementedError("a contract needs the fixture `broken`")

    @pytest.fixture
    def secrets(self) -> tuple[str, ...]:
        return ()

    @pytest.mark.parametrize("report", _REPORTS, ids=["good", "bad", "over", "look", "good, nasty", "bad, nasty"])
    def test_it_takes_every_report(self, monitor: Monitor, report: Report) -> None:
        if report.run is not None:
            monitor.started(report.standing.profile, report.run.started)
        monitor.told(report)

    def test_it_is_told_of_run_after_run(self, monitor: Monitor) -> None:
        for report in (good_report(), bad_report(), bad_report(), over_report(), good_report()):
            monitor.started("example", NOW)
            monitor.told(report)

    def test_it_need_not_have_heard_of_the_start(self, monitor: Monitor) -> None:
        monitor.told(good_report())

    def test_a_test_says_in_one_line_where_it_went(self, monitor: Monitor, secrets: tuple[str, ...]) -> None:
        words = monitor.test("example")
        assert words
        assert "\n" not in words
        assert not any(secret in words for secret in secrets)

    def test_a_test_that_does_not_arrive_is_an_error_of_one_line(
        self, broken: Monitor, secrets: tuple[str, ...]
    ) -> None:
        with pytest.raises(WrikeBackupError) as caught:
            broken.test("example")
        assert "\n" not in str(caught.value)
        said = f"{caught.value} {caught.value.hint}"
        assert not any(secret in said for secret in secrets)

    def test_whatever_it_raises_is_an_error_of_ours(self, broken: Monitor) -> None:
        for report in _REPORTS:
            try:
                broken.started(report.standing.profile, NOW)
                broken.told(report)
            except WrikeBackupError as error:
                assert str(error)  # noqa: PT017 - it may have nothing to send, and then raises nothing

    def test_checks_never_raise_and_tell_no_secret(
        self, monitor: Monitor, broken: Monitor, secrets: tuple[str, ...]
    ) -> None:
        found = [*monitor.checks(), *broken.checks()]
        assert all(one.name and one.detail for one in found)
        said = " ".join(f"{one.name} {one.detail} {one.hint}" for one in found)
        assert not any(secret in said for secret in secrets)
        assert not any(one.ok is False for one in monitor.checks())

    def test_closing_is_the_end_of_it(self, monitor: Monitor) -> None:
        monitor.told(good_report())
        monitor.close()
