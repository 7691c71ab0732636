"""Both monitors keep the promises of the port, to a server that listens and to one that does not."""

from __future__ import annotations

import pytest

from tests.listener import Listener
from wrikebackup_core import Monitor
from wrikebackup_core.testing import MonitorContract
from wrikebackup_notify import AppriseOptions, HealthchecksOptions
from wrikebackup_notify.pings import Pings

TOKEN = "tk-5f1c2d3e4b"
ALL = ("trouble", "over", "failure", "success")


class TestApprise(MonitorContract):
    @pytest.fixture(autouse=True)
    def _library(self) -> None:
        pytest.importorskip("apprise", reason="needs the extra notify")

    @pytest.fixture
    def monitor(self, listener: Listener) -> Monitor:
        return _services(f"json://me:{TOKEN}@{listener.address}/{TOKEN}/")

    @pytest.fixture
    def broken(self) -> Monitor:
        return _services(f"jsn://me:{TOKEN}@127.0.0.1/{TOKEN}/")

    @pytest.fixture
    def secrets(self) -> tuple[str, ...]:
        return (TOKEN,)


class TestHealthchecks(MonitorContract):
    @pytest.fixture
    def monitor(self, listener: Listener) -> Monitor:
        return _pings(f"http://{listener.address}/ping/{TOKEN}")

    @pytest.fixture
    def broken(self, listener: Listener) -> Monitor:
        listener.behaviour = lambda _number: 404
        return _pings(f"http://{listener.address}/ping/{TOKEN}")

    @pytest.fixture
    def secrets(self) -> tuple[str, ...]:
        return (TOKEN,)

    def test_checks_never_raise_and_tell_no_secret(  # what is pinged is not known beforehand
        self, monitor: Monitor, broken: Monitor, secrets: tuple[str, ...]
    ) -> None:
        super().test_checks_never_raise_and_tell_no_secret(monitor, _pings(f"ftp://{TOKEN}"), secrets)


def _services(url: str) -> Monitor:
    from wrikebackup_notify.services import Services

    options = AppriseOptions.model_validate({"url": "env:APPRISE_URL", "on": ALL})
    return Services(options, lambda _reference: url, pause=0)


def _pings(url: str) -> Monitor:
    return Pings(HealthchecksOptions.model_validate({"url": "env:PING_URL"}), lambda _reference: url, pause=0)
