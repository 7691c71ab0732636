"""What `schedule install` sees to before it writes a service: whether that could work, here and as that user."""

from __future__ import annotations

import os
import pwd
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.schedule.test_install import Machine, machine
from wrikebackup_core.cli.program import run

__all__ = ["machine"]

SYSTEM = ("install", "--as", "systemd", "--system", "--run-as", "daemon")
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")


@pytest.fixture
def open_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Unlike tmp_path, one that every user of the machine may enter; a profile, its sink and a program are in it."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)
        (place / "sink").mkdir()
        shutil.chown(place / "sink", "daemon")
        (place / "acme.yaml").write_text(
            f"source: mock\nschedule: daily\nsinks:\n  - local: {{path: {place}/sink}}\nstate: {place}/sink\n"
        )
        (place / "wrikebackup").write_text("#!/bin/sh\necho wrikebackup 1\n")
        (place / "systemctl").write_text("#!/bin/sh\n")
        for program in ("wrikebackup", "systemctl"):
            (place / program).chmod(0o755)
        monkeypatch.setenv("PATH", f"{place}:{os.environ['PATH']}")
        monkeypatch.setattr(sys, "argv", [str(place / "wrikebackup")])
        monkeypatch.setattr("wrikebackup_core.schedule.installing.unit_folder", lambda *, system: place / "units")
        yield place


@ROOT
def test_what_the_user_can_run_read_and_write_is_installed(open_place: Path) -> None:
    assert run(["schedule", *SYSTEM, str(open_place / "acme.yaml")]) == 0
    assert (open_place / "units/wrikebackup-acme.service").exists()


@ROOT
@pytest.mark.parametrize(
    ("name", "mode", "said"),
    [("wrikebackup", 0o700, "cannot run "), ("acme.yaml", 0o600, "cannot read "), ("sink", 0o555, "cannot write to the folder ")],
)  # fmt: skip
def test_what_the_user_may_not_do_is_refused_before_anything_is_written(
    open_place: Path, capsys: pytest.CaptureFixture[str], name: str, mode: int, said: str
) -> None:
    (open_place / name).chmod(mode)
    code = run(["schedule", *SYSTEM, str(open_place / "acme.yaml")])
    err = capsys.readouterr().err
    assert (code, (open_place / "units").exists()) == (2, False)
    assert f"the user daemon {said}{open_place / name}\nhint: " in err


def test_the_home_is_that_of_the_user_who_runs_it(machine: Machine) -> None:
    machine.profile.write_text(machine.profile.read_text().replace(f"{machine.folder}/back ups", "~/backups"))
    code, out, _ = machine.call("show", *SYSTEM[1:])
    home = pwd.getpwnam("daemon").pw_dir
    assert (code, f"ReadWritePaths=-{home}/backups\n" in out) == (0, True)


def test_the_only_sink_is_waited_for_and_of_several_none(machine: Machine) -> None:
    text = machine.profile.read_text().replace("back ups", "one")
    machine.profile.write_text(text + 'monitors:\n  - healthchecks: {url: "env:PING"}\n')
    out = machine.call("show", *SYSTEM[1:])[1]
    assert out.count(f"RequiresMountsFor={machine.folder}/one\n") == 1  # the hourly look tells of a disk that is away
    machine.profile.write_text(f"{text}  - local: {{path: {machine.folder}/two}}\n")
    assert "RequiresMountsFor" not in machine.call("show", *SYSTEM[1:])[1]


@pytest.mark.parametrize("path", ["", ", path: /srv/login/acme.json"])
def test_a_login_in_a_file_can_be_renewed_by_the_service(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    source = f'source: {{wrike: {{oauth: {{client_id: c, client_secret: "env:S", store: file{path}}}}}}}'
    machine.profile.write_text(machine.profile.read_text().replace("source: mock", source))
    monkeypatch.delenv("XDG_CONFIG_HOME")  # a service has none
    folder = "/srv/login" if path else f"{pwd.getpwnam('daemon').pw_dir}/.config/wrikebackup"
    out = machine.call("show", *SYSTEM[1:])[1]
    assert f" -{folder}\n" in out


def test_a_container_has_no_home_to_keep_anything_in(machine: Machine) -> None:
    machine.profile.write_text(machine.profile.read_text().replace(f"{machine.folder}/back ups", "~/backups"))
    code, _, err = machine.call("show", "--as", "kubernetes")
    assert (code, "in a container write paths absolute" in err) == (2, True)


def test_only_what_is_missing_is_warned_of(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(machine.folder))
    secrets = 'monitors:\n  - healthchecks: {url: "env:PING"}\n  - apprise: {url: "credential:chat"}\n'
    machine.profile.write_text(machine.profile.read_text() + secrets)
    err = machine.call("install", "--as", "systemd")[2]
    assert "takes PING from the environment" in err
    assert (
        f"takes the credential chat, and there is no {machine.folder}/.config/credstore/chat\nhint: install -D " in err
    )
    for name, text in (("wrikebackup/acme.env", "PING=https://example.com\n"), ("credstore/chat", "x")):
        path = machine.folder / ".config" / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    assert machine.call("install", "--as", "systemd")[2] == ""


def test_two_users_do_not_have_one_state_folder(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd gives all that is in it to the one that begins, under the hands of the other."""
    monkeypatch.setattr("wrikebackup_core.schedule.installing.unit_folder", lambda *, system: machine.folder / "units")
    (machine.folder / "back ups").mkdir()
    assert machine.call(*SYSTEM)[0] == 0
    assert machine.call(*SYSTEM[:-1], "nobody")[0] == 0  # the same profile's
    other = machine.folder / "other.yaml"
    other.write_text(machine.profile.read_text().replace("acme", "other"))
    assert run(["schedule", *SYSTEM[:-1], "nobody", str(other)]) == 0
    assert run(["schedule", *SYSTEM, str(other)]) == 2
    other.write_text(f"{other.read_text()}state: {machine.folder}/back ups\n")
    assert run(["schedule", *SYSTEM, str(other)]) == 0
