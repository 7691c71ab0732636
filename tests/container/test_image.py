"""The image of examples/Dockerfile, run as examples/compose.yaml says: backups are taken, and nothing is written that should not be."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.container.service import PROFILE, TOKEN, USER, Service, eventually
from wrikebackup_mock.account import MockAccount


@pytest.fixture(scope="module")
def running(service: Service) -> Iterator[Service]:
    """Up, and with a first backup."""
    service.compose("up", "-d")
    eventually(lambda: "acme: complete" in service.said())
    yield service
    service.compose("down")


def _below(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for path in [folder, *folder.rglob("*")]:
        yield path, path.lstat()


@pytest.mark.parametrize(
    "words",
    [
        ["status", "-q", PROFILE],
        ["verify", PROFILE],
        ["drill", PROFILE],
        ["prune", PROFILE],
        ["prune", "--yes", PROFILE],
        ["doctor", PROFILE],
        ["notify", "test", PROFILE],
        ["report", PROFILE, "-o", "/tmp/report.html"],
        ["restore", PROFILE, "--to", "/tmp/restored"],
        ["restore", PROFILE, "--as", "tree", "--to", "/tmp/tree"],
    ],
    ids=lambda words: "-".join(word for word in words if not word.startswith("/")),
)
def test_a_command_can_be_given_inside(running: Service, words: list[str]) -> None:
    done = running.wrikebackup(*words)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_process_has_no_rights_and_its_system_cannot_be_written(running: Service) -> None:
    status = dict(line.split(":\t", 1) for line in running.inside("cat", "/proc/1/status").stdout.splitlines())
    assert status["Uid"].split() == [str(USER)] * 4
    assert {int(status[f"Cap{kind}"], 16) for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {0}
    assert status["NoNewPrivs"] == "1"
    for folder in ("/", "/etc", "/opt/wrikebackup", "/etc/wrikebackup", "/run/secrets", "/usr/local"):
        assert running.inside("touch", f"{folder}/new", check=False).returncode != 0, folder


def test_what_is_written_is_the_user_s_alone_and_on_the_volumes(running: Service) -> None:
    state, backups = running.volume("state"), running.volume("backups")
    for volume in (state, backups):
        assert stat.S_IMODE(volume.stat().st_mode) == 0o700  # so nobody else gets to what is below
        assert {(found.st_uid, found.st_gid) for _, found in _below(volume)} == {(USER, USER)}
    modes = {(stat.S_ISDIR(found.st_mode), stat.S_IMODE(found.st_mode)) for _, found in _below(backups)}
    assert modes == {(True, 0o700), (False, 0o600)}
    changed = {line.split(" ", 1)[1] for line in running.podman("diff", running.name).stdout.splitlines()}
    assert changed <= {"/etc", "/run", "/run/secrets"}  # where something is mounted


def test_the_token_is_in_no_log_no_setting_and_no_file(running: Service) -> None:
    assert TOKEN not in running.said()
    assert TOKEN not in running.podman("inspect", running.name).stdout
    assert TOKEN not in running.inside("cat", "/proc/1/environ").stdout
    holding = [
        path
        for volume in (running.volume("state"), running.volume("backups"))
        for path, found in _below(volume)
        if stat.S_ISREG(found.st_mode) and TOKEN.encode() in path.read_bytes()
    ]
    assert holding == []


def test_a_stop_while_a_backup_is_at_work_ends_it_in_time_and_the_next_start_goes_on(running: Service) -> None:
    running.server.faults.set(["stall:path=/download,seconds=600"])
    running.server.requests.clear()
    running.server.account = MockAccount(tasks=40, attachments=30, attachment_size=5_000)
    eventually(lambda: running.server.faults.fired("stall") > 0)
    began = time.monotonic()
    running.podman("stop", running.name)  # which kills after ten seconds, where the compose file has two minutes
    took = time.monotonic() - began
    said = running.said()
    assert running.exit_code() == 0, said
    assert took < 10
    assert said.endswith("stopped\n")
    running.server.faults.clear()
    running.podman("start", running.name)
    eventually(lambda: "going on with a run that was stopped" in running.said())
    assert running.wrikebackup("verify", PROFILE).returncode == 0


def test_a_container_that_was_killed_and_made_anew_goes_on_with_the_same_volumes(running: Service) -> None:
    running.server.faults.set(["stall:path=/download,seconds=600"])
    running.server.account = MockAccount(tasks=40, attachments=40, attachment_size=5_000)
    eventually(lambda: running.server.faults.fired("stall") > 0)
    running.podman("kill", "-s", "KILL", running.name)
    running.podman("rm", "-f", running.name)
    running.server.faults.clear()
    running.compose("up", "-d")
    eventually(lambda: "going on with a run that was stopped" in running.said())
    assert running.wrikebackup("status", "-q", PROFILE).returncode == 0


def test_a_token_that_the_user_may_not_read_is_told_with_who_has_to(running: Service) -> None:
    token = running.folder / "token-of-root"
    token.write_text(f"{TOKEN}\n", encoding="ascii")
    token.chmod(0o400)
    mounts = ("-v", f"{running.folder}/profiles:/etc/wrikebackup:ro", "-v", f"{token}:/run/secrets/wrike-token:ro")
    done = running.podman("run", "--rm", "--read-only", *mounts, running.image, "backup", PROFILE, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[:2] == [
        "wrikebackup: error: cannot read the secret file /run/secrets/wrike-token: permission denied",
        f"hint: the user wrikebackup ({USER}) has to be able to read it, and to enter the folders above it",
    ]
