"""`wrikebackup schedule install`, `show` and `remove`. systemctl and crontab are stand-ins that write down what they are told: the real
ones would change the machine that the tests run on.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from wrikebackup_core.cli.program import run

SYSTEMCTL = '#!/bin/sh\necho "$@" >> "$TOLD"\n[ ! -e "$TOLD.fail" ] || { echo "no bus" >&2; exit 1; }\n'
CRONTAB = """#!/bin/sh
case "$1" in
  -l) [ -e "$TOLD.crontab" ] || { echo "no crontab for me" >&2; exit 1; }; cat "$TOLD.crontab" ;;
  -r) rm "$TOLD.crontab" ;;
  -) cat > "$TOLD.crontab" ;;
esac
"""
PROFILE = 'name: acme\nsource: mock\nschedule: "30 2 13 * 5"\nsinks:\n  - local: {path: DIR/back ups}\n'


@dataclass
class Machine:
    """A user's machine, with a folder for everything that would be changed."""

    folder: Path
    told: Path
    profile: Path
    call: Callable[..., tuple[int, str, str]]

    @property
    def units(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in (self.folder / "config/systemd/user").glob("*")}

    @property
    def crontab(self) -> bytes | None:
        path = Path(f"{self.told}.crontab")
        return path.read_bytes() if path.exists() else None


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Machine:
    programs, told = tmp_path / "bin", tmp_path / "told"
    programs.mkdir()
    for name, text in (("systemctl", SYSTEMCTL), ("crontab", CRONTAB)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("TOLD", str(told))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    profile = tmp_path / "at 100%" / "it's $HOME 日本.yaml"
    profile.parent.mkdir()
    profile.write_text(PROFILE.replace("DIR", str(tmp_path)), encoding="utf-8")

    def call(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["schedule", *words, str(profile)])
        out, err = capsys.readouterr()
        return code, out, err

    return Machine(tmp_path, told, profile, call)


def test_units_are_written_started_and_taken_away_again(machine: Machine) -> None:
    foreign = machine.folder / "config/systemd/user/wrikebackup-mine.timer"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("[Timer]\n")
    code, out, err = machine.call("install", "--as", "systemd")
    assert (code, err) == (0, "")
    assert sorted(machine.units) == ["wrikebackup-acme.service", "wrikebackup-acme.timer", "wrikebackup-mine.timer"]
    assert machine.told.read_text() == "--user daemon-reload\n--user enable --now wrikebackup-acme.timer\n"
    assert "$ systemctl --user daemon-reload" in out
    assert f"written: {foreign.parent}/wrikebackup-acme.service" in out
    before = machine.units
    code, out, _ = machine.call("install", "--as", "systemd")
    assert (code, machine.units) == (0, before)
    assert out.count("unchanged: ") == 2
    machine.profile.unlink()  # the profile need not be there any more
    code, out, err = machine.call("remove", "--as", "systemd")
    assert (code, err, list(machine.units)) == (0, "", ["wrikebackup-mine.timer"])
    assert machine.told.read_text().endswith(
        "--user disable --now wrikebackup-acme.timer\n--user clean --what=state wrikebackup-acme.timer\n"
        "--user reset-failed wrikebackup-acme.timer\n--user reset-failed wrikebackup-acme.service\n--user daemon-reload\n"
    )
    assert "nothing to remove" in machine.call("remove", "--as", "systemd")[1]


def test_what_systemctl_edit_made_is_in_nobodys_way(machine: Machine) -> None:
    machine.call("install", "--as", "systemd")
    mine = machine.folder / "config/systemd/user/wrikebackup-acme.service.d/override.conf"
    mine.parent.mkdir()
    mine.write_text("[Service]\nSuccessExitStatus=3\n")
    code, _, err = machine.call("remove", "--as", "systemd")
    assert (code, err) == (0, "")
    assert [path.name for path in mine.parent.parent.iterdir()] == ["wrikebackup-acme.service.d"]
    assert mine.exists()


@pytest.mark.parametrize("kind", ["systemd", "crontab"])
def test_a_profile_is_itself_however_its_path_is_spelled(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    (machine.folder / "below").mkdir()
    monkeypatch.chdir(machine.folder / "below")
    other = f"../below/../{machine.profile.parent.name}/{machine.profile.name}"
    assert run(["schedule", "install", "--as", kind, other]) == 0
    assert "unchanged" in machine.call("install", "--as", kind)[1]
    assert run(["schedule", "remove", "--as", kind, other]) == 0
    assert (machine.units, machine.crontab or None) == ({}, None)


def test_what_a_profile_was_called_before_or_has_no_more_is_taken_away(machine: Machine) -> None:
    text = machine.profile.read_text()
    machine.profile.write_text(text + 'monitors:\n  - healthchecks: {url: "env:PING"}\n')
    assert machine.call("install", "--as", "systemd")[0] == 0
    assert machine.call("install", "--as", "crontab")[0] == 0
    edited = machine.folder / "config/systemd/user/wrikebackup-acme-check.service"
    edited.write_text(edited.read_text() + "# mine\n")
    machine.profile.write_text(text.replace("acme", "other"))
    code, out, _ = machine.call("install", "--as", "systemd")
    assert code == 0
    assert sorted(machine.units) == [edited.name, "wrikebackup-other.service", "wrikebackup-other.timer"]
    assert out.count("deleted: ") == 3
    assert f"left as it is, since it was edited: {edited}" in out
    assert "--user disable --now wrikebackup-acme-check.timer\n" in machine.told.read_text()
    code, out, _ = machine.call("install", "--as", "crontab")
    assert (code, "deleted: the block wrikebackup acme of the crontab" in out) == (0, True)
    assert machine.crontab is not None
    assert machine.crontab.count(b"# BEGIN wrikebackup ") == 1


def test_what_show_prints_is_what_install_writes(machine: Machine) -> None:
    code, out, _ = machine.call("show", "--as", "systemd", "--json")
    shown = {Path(one["path"]).name: one["text"] for one in json.loads(out)["files"]}
    assert (code, machine.units, machine.told.exists()) == (0, {}, False)
    machine.call("install", "--as", "systemd")
    assert machine.units == shown
    text = machine.call("show", "--as", "systemd")[1]
    assert all(line in text for body in shown.values() for line in body.splitlines())
    assert text.count(" 02:30 ") == 5


@pytest.mark.parametrize("name", ["wrikebackup-acme.timer", "wrikebackup-acme.service"])
def test_an_edited_unit_stays_unless_forced(machine: Machine, name: str) -> None:
    machine.call("install", "--as", "systemd")
    path = machine.folder / "config/systemd/user" / name
    path.write_text(path.read_text() + "# mine\n")
    edited = machine.units
    code, _, err = machine.call("install", "--as", "systemd")
    assert (code, machine.units) == (2, edited)
    assert "was edited" in err
    assert "--force" in err
    code, out, _ = machine.call("remove", "--as", "systemd")
    assert (code, list(machine.units)) == (3, [name])
    assert f"left as it is, since it was edited: {path}" in out
    assert machine.call("install", "--as", "systemd", "--force")[0] == 0
    assert machine.call("remove", "--as", "systemd")[0] == 0
    assert machine.units == {}


def test_a_foreign_unit_of_that_name_and_another_profiles_are_never_touched(machine: Machine) -> None:
    path = machine.folder / "config/systemd/user/wrikebackup-acme.timer"
    path.parent.mkdir(parents=True)
    path.write_text("[Timer]\n")
    code, _, err = machine.call("install", "--as", "systemd", "--force")
    assert (code, machine.units, machine.told.exists()) == (2, {path.name: "[Timer]\n"}, False)
    assert "was not written by wrikebackup" in err
    path.unlink()
    machine.call("install", "--as", "systemd")
    before, other = machine.units, machine.folder / "other.yaml"
    other.write_text(machine.profile.read_text())
    assert run(["schedule", "install", "--as", "systemd", str(other)]) == 2
    assert run(["schedule", "remove", "--as", "systemd", str(other)]) == 0
    assert machine.units == before


def test_a_systemd_that_refuses_is_told_of(machine: Machine) -> None:
    Path(f"{machine.told}.fail").touch()
    code, _, err = machine.call("install", "--as", "systemd")
    assert code == 1
    assert "`systemctl --user daemon-reload` ended with exit code 1: no bus" in err
    assert "hint: units of a user need a session of theirs" in err


@pytest.mark.parametrize(("runs", "code"), [(False, 0), (True, 1)])
def test_where_no_systemd_runs_there_is_nothing_to_stop_and_units_are_deleted(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, runs: bool, code: int
) -> None:
    assert machine.call("install", "--as", "systemd")[0] == 0
    Path(f"{machine.told}.fail").touch()
    monkeypatch.setattr("wrikebackup_core.schedule.installing.runs_systemd", lambda: runs)
    found, out, err = machine.call("remove", "--as", "systemd")
    assert (found, bool(machine.units), bool(err)) == (code, runs, runs)
    assert ("systemd does not run here" in out) is not runs


@pytest.mark.parametrize("before", [None, b"0 5 * * * mine\n", b"MAILTO=\xff\n# no end of line", b""])
def test_the_crontab_has_its_block_and_is_as_before_without_it(machine: Machine, before: bytes | None) -> None:
    if before is not None:
        Path(f"{machine.told}.crontab").write_bytes(before)
    code, out, err = machine.call("install", "--as", "crontab")
    assert (code, err) == (0, "")
    assert "written: the block wrikebackup acme of the crontab" in out
    first = machine.crontab
    assert first is not None
    assert first.startswith(before or b"")
    assert b"30 2 13 * 5 " in first
    assert "unchanged" in machine.call("install", "--as", "crontab")[1]
    assert machine.crontab == first
    assert machine.call("remove", "--as", "crontab")[0] == 0
    whole = before and before + (
        b"" if before.endswith(b"\n") else b"\n"
    )  # cron itself asks for the end of the last line
    assert machine.crontab == (whole or None)


def test_an_edited_block_stays_unless_forced(machine: Machine) -> None:
    machine.call("install", "--as", "crontab")
    path = Path(f"{machine.told}.crontab")
    path.write_bytes(path.read_bytes().replace(b"30 2 13", b"45 2 13"))
    edited = path.read_bytes()
    assert machine.call("install", "--as", "crontab")[0] == 2
    assert machine.call("remove", "--as", "crontab")[0] == 3
    assert path.read_bytes() == edited
    assert machine.call("remove", "--as", "crontab", "--force")[0] == 0
    assert not path.exists()


def test_a_crontab_is_not_given_a_schedule_of_another_time_zone(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wrikebackup_core.zones.machine_zone", lambda: __import__("zoneinfo").ZoneInfo("Europe/Paris"))
    text = machine.profile.read_text()
    for zone, code in (("Asia/Tokyo", 2), ("Europe/Berlin", 0)):  # Berlin's clocks are those of Paris
        machine.profile.write_text(text.replace('"30 2 13 * 5"', f"{{cron: daily, time_zone: {zone}}}"))
        assert machine.call("install", "--as", "crontab")[0] == code


def test_a_profile_without_a_schedule_is_told_how_to_have_one(machine: Machine) -> None:
    machine.profile.write_text(machine.profile.read_text().replace("schedule:", "# schedule:"))
    code, _, err = machine.call("install", "--as", "systemd")
    assert code == 2
    assert "has no `schedule`" in err
    assert "hint: " in err


def test_a_service_of_the_machine_is_not_given_a_folder_that_it_cannot_make(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wrikebackup_core.schedule.installing.unit_folder", lambda *, system: machine.folder / "units")
    code, _, err = machine.call("install", "--as", "systemd", "--system", "--run-as", "daemon")
    assert (code, (machine.folder / "units").exists()) == (2, False)
    assert "there is no folder" in err
    (machine.folder / "back ups").mkdir()
    assert machine.call("install", "--as", "systemd", "--system", "--run-as", "daemon")[0] == 0
    assert "User=daemon\n" in (machine.folder / "units/wrikebackup-acme.service").read_text()


def test_a_service_is_not_given_to_a_user_that_is_not_there(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wrikebackup_core.schedule.installing.unit_folder", lambda *, system: machine.folder / "units")
    (machine.folder / "back ups").mkdir()
    words = ("--as", "systemd", "--system", "--run-as", "nobody-of-this-name")
    code, _, err = machine.call("install", *words)
    assert (code, (machine.folder / "units").exists()) == (2, False)
    assert "there is no user nobody-of-this-name" in err
    assert machine.call("show", *words)[0] == 0  # it may be for another machine


def test_the_service_may_write_where_metrics_go(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wrikebackup_core.schedule.installing.unit_folder", lambda *, system: machine.folder / "units")
    text = machine.profile.read_text().replace("back ups", "backups")
    machine.profile.write_text(f"{text}monitors:\n  - prometheus: {{textfile: {machine.folder}/metrics/a.prom}}\n")
    for name in ("backups", "metrics"):
        (machine.folder / name).mkdir()
    assert machine.call("install", "--as", "systemd", "--system", "--run-as", "daemon")[0] == 0
    for unit in ("wrikebackup-acme.service", "wrikebackup-acme-check.service"):
        written = (machine.folder / "units" / unit).read_text()
        assert f"ReadWritePaths=-{machine.folder}/backups -{machine.folder}/metrics\n" in written


def test_secrets_of_the_environment_are_warned_of(machine: Machine) -> None:
    text = machine.profile.read_text().replace("source: mock", 'source: {wrike: {token: "env:WRIKE_TOKEN"}}')
    machine.profile.write_text(text)
    code, _, err = machine.call("install", "--as", "systemd")
    assert code == 0
    assert "takes WRIKE_TOKEN from the environment" in err
    assert "EnvironmentFile=-%h/.config/wrikebackup/acme.env\n" in machine.units["wrikebackup-acme.service"]


def test_a_profile_with_monitors_has_an_hourly_look_as_well(machine: Machine) -> None:
    text = machine.profile.read_text() + 'monitors:\n  - healthchecks: {url: "env:PING"}\n'
    machine.profile.write_text(text)
    assert machine.call("install", "--as", "systemd")[0] == 0
    assert sorted(machine.units) == [
        f"wrikebackup-acme{end}" for end in ("-check.service", "-check.timer", ".service", ".timer")
    ]
    assert " notify check " in machine.units["wrikebackup-acme-check.service"]
    assert "OnCalendar=*-*-* *:17:00\n" in machine.units["wrikebackup-acme-check.timer"]
    for unit in ("wrikebackup-acme.service", "wrikebackup-acme-check.service"):  # one file for both
        assert "EnvironmentFile=-%h/.config/wrikebackup/acme.env\n" in machine.units[unit]
    assert machine.call("remove", "--as", "systemd")[0] == 0
    assert machine.units == {}


def test_a_cluster_is_told_by_kubectl(machine: Machine) -> None:
    code, _, err = machine.call("install", "--as", "kubernetes")
    assert code == 2
    assert "kubectl apply -f -" in err


@pytest.mark.parametrize("name", ["a" * 100, "a" * 27, "a" * 28, "ä b" * 30])
def test_a_cluster_takes_the_names_of_profiles_of_any_length(machine: Machine, name: str) -> None:
    text = machine.profile.read_text().replace("acme", name) + 'monitors:\n  - healthchecks: {url: "env:PING"}\n'
    machine.profile.write_text(text)
    jobs = [
        one
        for one in YAML(typ="safe", pure=True).load_all(machine.call("show", "--as", "kubernetes")[1])
        if one["kind"] == "CronJob"
    ]
    assert [len(one["metadata"]["name"]) <= 52 for one in jobs] == [True, True]


def test_the_cron_job_is_one_by_the_types_of_kubernetes(machine: Machine) -> None:
    models = pytest.importorskip("lightkube.models.batch_v1", reason="lightkube-models")
    core = pytest.importorskip("lightkube.models.core_v1", reason="lightkube-models")
    text = machine.profile.read_text().replace("source: mock", 'source: {wrike: {token: "credential:wrike-token"}}')
    machine.profile.write_text(
        text.replace('"30 2 13 * 5"', '{cron: "30 2 * * 1-5", time_zone: Europe/Berlin, random_delay: 20m}')
    )
    code, out, _ = machine.call("show", "--as", "kubernetes", "--image", "registry.example/wrikebackup:1")
    assert code == 0
    claim, job = YAML(typ="safe", pure=True).load_all(io.StringIO(out))
    assert core.PersistentVolumeClaim.from_dict(claim, lazy=False).to_dict() == claim
    assert models.CronJob.from_dict(job, lazy=False).to_dict() == job  # a key that the types lack would be gone
    spec = job["spec"]
    assert (spec["schedule"], spec["timeZone"], spec["concurrencyPolicy"]) == (
        "30 2 * * 1-5",
        "Europe/Berlin",
        "Forbid",
    )
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert (container["image"], pod["securityContext"]["runAsNonRoot"]) == ("registry.example/wrikebackup:1", True)
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in pod["volumes"]}
    assert {"name": "CREDENTIALS_DIRECTORY", "value": "/run/secrets/wrikebackup"} in container["env"]


@pytest.mark.parametrize("kind", ["systemd", "crontab"])
def test_what_was_done_is_one_json_document_a_profile(machine: Machine, kind: str) -> None:
    installed = json.loads(machine.call("install", "--json", "--as", kind)[1])
    assert (installed["event"], installed["profile"], installed["as"]) == ("schedule_installed", "acme", kind)
    assert any(line.startswith("written: ") for line in installed["did"])
    assert len(installed["next"]) == 5
    again = json.loads(machine.call("install", "--json", "--as", kind)[1])
    assert not any(line.startswith("written: ") for line in again["did"])
    removed = json.loads(machine.call("remove", "--json", "--as", kind)[1])
    assert (removed["event"], removed["left"]) == ("schedule_removed", 0)
    assert any(line.startswith("deleted: ") for line in removed["did"])
    assert json.loads(machine.call("remove", "--json", "--as", kind)[1])["did"][0].startswith("nothing to remove")
