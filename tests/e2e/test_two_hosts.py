"""Two hosts, each with a state folder of its own, and one sink between them. Where files are encrypted, each makes other bytes of the same
file: whatever is killed and gone on with, and in which order, a backup that is committed is what its checksums say.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wrikebackup_core.engine.verify import verify
from wrikebackup_core.errors import ExitCode
from wrikebackup_core.store import AccountStore, accounts
from wrikebackup_fsspec.local.sink import LocalSink

# A host's run. It is killed, or stopped, when it has stored so many attachments, or right before its manifest.
RUN = """
import os, signal, sys
from wrikebackup_core.cli import main
from wrikebackup_fsspec.local.publish import Publisher

profile, left, end = sys.argv[1], int(sys.argv[2]), signal.Signals(int(sys.argv[3]))
publish = Publisher.__call__


def counted(self, temporary, target):
    global left
    if left >= 0 and target.endswith("manifest.json"):
        os.kill(os.getpid(), end)
    publish(self, temporary, target)
    if "/attachments/" in target:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), end)


Publisher.__call__ = counted
sys.argv = ["wrikebackup", "--quiet", "backup", profile]
main()
"""
PROFILE = """
source:
  mock: {{tasks: 20, attachments: 40}}
transforms:
  - encrypt: {{recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]}}
sinks:
  - local: {{path: {sink}}}
state: {state}
"""
posix = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills and stops processes as only POSIX can")
TO_THE_END, TO_THE_COMMIT = -1, 1_000_000


def begun(profile: Path, left: int, end: signal.Signals) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", RUN, str(profile), str(left), str(int(end))]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def run(profile: Path, left: int) -> int:
    return begun(profile, left, signal.SIGKILL).wait(timeout=120)


@pytest.fixture
def hosts(tmp_path: Path) -> dict[str, Path]:
    profiles = {}
    for host in "AB":
        profiles[host] = tmp_path / f"{host}.yaml"
        profiles[host].write_text(PROFILE.format(sink=tmp_path / "sink", state=tmp_path / f"state-{host}"))
    return profiles


def assert_sound(folder: Path, backups: int) -> None:
    """So many are committed, all of them are whole, and nothing is in the account's folder that does not belong there."""
    sink = LocalSink(str(folder))
    (account,) = accounts(sink)
    found = AccountStore(sink, account).backups()
    assert len(found) == backups
    for one in found:
        assert one.complete
        assert not verify(sink, account, one.uid, lambda _: None).findings
    assert {path.name.partition("-")[0] for path in (folder / f"account-{account}").iterdir()} == {
        "attachments",
        "backup",
    }


@posix
@pytest.mark.parametrize(
    "kills",
    [
        [("A", TO_THE_COMMIT), ("B", TO_THE_COMMIT)],
        pytest.param([("A", 12), ("B", 20)], marks=pytest.mark.slow),
        pytest.param([("A", 12), ("B", TO_THE_COMMIT), ("A", 5), ("B", 30)], marks=pytest.mark.slow),
        pytest.param([(host, TO_THE_COMMIT) for host in "ABAB"], marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("ends", ["AB", "BA"])
def test_runs_of_two_hosts_that_were_killed_in_turn_and_gone_on_with_commit_whole_backups(
    hosts: dict[str, Path], tmp_path: Path, kills: list[tuple[str, int]], ends: str
) -> None:
    for host, left in kills:
        assert run(hosts[host], left) == -signal.SIGKILL
    for host in ends:
        assert run(hosts[host], TO_THE_END) == 0
    assert_sound(tmp_path / "sink", 2)


@posix
def test_of_two_at_the_same_time_the_second_is_refused_and_both_end_with_whole_backups(
    hosts: dict[str, Path], tmp_path: Path
) -> None:
    assert run(hosts["B"], 10) == -signal.SIGKILL
    first = begun(hosts["A"], 20, signal.SIGSTOP)
    try:
        os.waitid(os.P_PID, first.pid, os.WSTOPPED | os.WNOWAIT)
        assert run(hosts["B"], TO_THE_END) == ExitCode.LOCKED
    finally:
        first.send_signal(signal.SIGCONT)
    while first.poll() is None:  # it stops once more, at its manifest
        first.send_signal(signal.SIGCONT)
        time.sleep(0.05)
    assert first.returncode == 0
    assert run(hosts["B"], TO_THE_END) == 0
    assert_sound(tmp_path / "sink", 2)
