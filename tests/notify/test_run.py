"""The program itself, with all three monitors, over real connections."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("apprise", reason="needs the extra notify")
pytest.importorskip("prometheus_client", reason="needs the extra metrics")

from tests.house import House
from tests.listener import Listener

TOKEN, CHECK = "tk-5f1c2d3e4b", "5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278"
PROFILE = """\
source: mock
sinks:
  - local: {path: first}
  - local: {path: second}
state: state
monitors:
  - apprise: {url: "env:APPRISE_URL", on: [trouble, over, success]}
  - healthchecks: {url: "env:PING_URL"}
  - prometheus: {textfile: acme.prom}
"""


class SecretHouse(House):
    """With monitors whose addresses are secrets."""

    def __init__(self, root: Path, listener: Listener) -> None:
        apprise = f"json://me:{TOKEN}@{listener.address}/{TOKEN}?rto=5"
        super().__init__(root, APPRISE_URL=apprise, PING_URL=f"http://{listener.address}/ping/{CHECK}")
        self.profile.write_text(PROFILE, encoding="utf-8")

    def assert_no_secret_was_told(self) -> None:
        for secret in (TOKEN, CHECK):
            assert secret not in self.said
            holding = [path for path in self.root.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
            assert holding == []


@pytest.fixture
def house(tmp_path: Path, listener: Listener) -> SecretHouse:
    return SecretHouse(tmp_path, listener)


def test_a_good_run_a_bad_one_and_a_good_one_are_told_to_all(house: SecretHouse, listener: Listener) -> None:
    assert house.run("backup", "-v", "acme.yaml").returncode == 0
    (house.root / "second").rename(house.root / "away")
    (house.root / "second").touch()
    assert house.run("backup", "-v", "acme.yaml").returncode == 1
    assert 'wrikebackup_last_run_exit_code{profile="acme"} 1.0' in (house.root / "acme.prom").read_text()
    (house.root / "second").unlink()
    (house.root / "away").rename(house.root / "second")
    assert house.run("backup", "-v", "acme.yaml").returncode == 0

    pings = [one.path.removeprefix(f"/ping/{CHECK}") for one in listener.requests if one.path.startswith("/ping")]
    assert [ping for ping in pings if ping != "/start"] == ["", "/1", ""]
    mails = [one.json for one in listener.requests if not one.path.startswith("/ping")]
    assert [one["type"] for one in mails] == ["success", "failure", "success"]
    assert mails[0]["title"] == "acme: backup complete"
    assert "second is not a folder, since 2" in mails[1]["message"].splitlines()[0]
    assert "over after" in mails[2]["message"]
    metrics = (house.root / "acme.prom").read_text()
    assert 'wrikebackup_last_run_exit_code{profile="acme"} 0.0' in metrics
    assert 'wrikebackup_troubles{profile="acme"} 0.0' in metrics
    house.assert_no_secret_was_told()


def test_a_run_that_finds_another_at_work_does_not_say_that_it_begins(house: SecretHouse, listener: Listener) -> None:
    assert house.run("backup", "acme.yaml").returncode == 0
    for account in house.root.glob("*/account-*"):
        (account / ".lease").mkdir(exist_ok=True)
        (account / ".lease" / "7").write_bytes(b"somebody's")
    listener.requests.clear()
    assert house.run("backup", "acme.yaml").returncode == 5
    assert [one.path for one in listener.requests if one.path.startswith("/ping")] == [f"/ping/{CHECK}/log"]


def test_monitors_that_cannot_be_told_fail_no_run_and_each_is_one_line(house: SecretHouse, listener: Listener) -> None:
    listener.behaviour = lambda _number: 404
    house.profile.write_text(PROFILE.replace("acme.prom", "not-there/acme.prom"), encoding="utf-8")
    done = house.run("backup", "acme.yaml")
    assert done.returncode == 0
    for words in ("apprise", "127.0.0.1 knows no such check", "not-there is no folder"):
        assert words in done.stderr
    house.assert_no_secret_was_told()


def test_doctor_and_a_test_say_what_is_wrong_with_each(house: SecretHouse) -> None:
    house.profile.write_text(PROFILE.replace("acme.prom", "not-there/acme.prom"), encoding="utf-8")
    wrong = {"APPRISE_URL": f"nosuch://{TOKEN}", "PING_URL": f"ftp://{CHECK}"}
    lines = (
        "env:APPRISE_URL is not the URL of a service that Apprise knows: nosuch://",
        "env:PING_URL is not the address of a check",
        "not-there is no folder, for the file of metrics acme.prom",
    )
    for command in ("doctor", "notify test"):
        done = house.run(*command.split(), "acme.yaml", **wrong)
        assert done.returncode != 0
        said = " ".join((done.stdout + done.stderr).split())
        assert [line for line in lines if line not in said] == [], command
    house.assert_no_secret_was_told()
