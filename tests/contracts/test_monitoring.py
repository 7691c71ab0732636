"""The contract of monitors is worth inheriting: one with a typical defect does not keep it, one that does nothing does."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from wrikebackup_core import Check, Monitor, Report, WrikeBackupError
from wrikebackup_core.testing import MonitorContract
from wrikebackup_core.testing.reports import NASTY, bad_report, good_report, look

TOKEN = "tk-5f1c2d3e4b"


class Unreachable(Monitor):
    def test(self, profile: str) -> str:
        raise WrikeBackupError("nobody listens")

    def told(self, report: Report) -> None:
        raise WrikeBackupError("nobody listens")


class TestTheBaseClassOfMonitors(MonitorContract):
    """A monitor that overrides nothing hears everything and says nothing."""

    @pytest.fixture
    def monitor(self) -> Monitor:
        return Monitor()

    @pytest.fixture
    def broken(self) -> Monitor:
        return Unreachable()


class NeedsARun(Monitor):
    def told(self, report: Report) -> None:
        if report.run is None:
            raise WrikeBackupError("there is no run")


class NeedsAnAccount(Monitor):
    def told(self, report: Report) -> None:
        if report.standing.account_id is None:
            raise WrikeBackupError("there is no account")


class NeedsPlainNames(Monitor):
    def told(self, report: Report) -> None:
        if not report.standing.profile.isprintable():
            raise WrikeBackupError("what a name")


class RaisesWhatItsLibraryRaises(Monitor):
    def told(self, report: Report) -> None:
        raise ConnectionError("nobody listens")


class Chatty(Monitor):
    def test(self, profile: str) -> str:
        return f"sent to https://example.com/{TOKEN}"


class SaysAllIsWell(Monitor):
    def test(self, profile: str) -> str:
        return "sent"


class ChecksRaise(Monitor):
    def checks(self) -> Iterator[Check]:
        raise WrikeBackupError("nobody listens")


@pytest.mark.parametrize(
    ("monitor", "test", "more"),
    [
        (NeedsARun, MonitorContract.test_it_takes_every_report, (look(),)),
        (NeedsAnAccount, MonitorContract.test_it_takes_every_report, (bad_report(),)),
        (NeedsPlainNames, MonitorContract.test_it_takes_every_report, (good_report(NASTY),)),
        (RaisesWhatItsLibraryRaises, MonitorContract.test_whatever_it_raises_is_an_error_of_ours, ()),
        (Chatty, MonitorContract.test_a_test_says_in_one_line_where_it_went, ((TOKEN,),)),
        (SaysAllIsWell, MonitorContract.test_a_test_that_does_not_arrive_is_an_error_of_one_line, ((),)),
        (ChecksRaise, MonitorContract.test_checks_never_raise_and_tell_no_secret, (Monitor(), ())),
    ],
)
def test_a_defect_of_a_monitor_is_caught(
    monitor: type[Monitor], test: Callable[..., None], more: tuple[object, ...]
) -> None:
    with pytest.raises((Exception, pytest.fail.Exception)) as caught:
        test(MonitorContract(), monitor(), *more)
    assert not isinstance(caught.value, TypeError | AttributeError), "broken in another way than meant"
