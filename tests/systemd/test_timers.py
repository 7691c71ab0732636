"""Timers of `schedule install`, on a machine that systemd has started: they fire by themselves, make up for what was missed, and go."""

from __future__ import annotations

import re
from pathlib import Path

from tests.systemd.machine import Machine

MINUTELY = """\
schedule: {cron: "* * * * *"}
transforms:
  - retain: {last: 3, prune: true}
sinks:
  - local: {path: /srv/backups}
monitors:
  - prometheus: {textfile: /var/lib/node_exporter/wrikebackup.prom}
  - healthchecks: {url: "credential:ping"}
"""
NIGHTLY = MINUTELY.replace("* * * * *", "30 2 * * *")
INSTALL = "wrikebackup schedule install --run-as wrikebackup "
UNIT = "wrikebackup-acme.service"
# Two minutes: systemd may be a minute late, so that machines do not wake up for each timer.
FIRES = 180
AS_SERVICE = (
    "systemd-run --quiet --pipe --wait --uid=wrikebackup -p LoadCredential=wrike-token -p LoadCredential=ping -p StateDirectory=wrikebackup"
    " -E XDG_STATE_HOME=/var/lib "
)


def test_the_timer_fires_by_itself_and_the_backup_is_whole_and_told(machine: Machine) -> None:
    profile = machine.profile("acme", MINUTELY)
    said = machine.sh(INSTALL + profile).out
    assert "warning" not in said
    machine.until(lambda: "Finished " in machine.journal(UNIT), FIRES)
    journal = machine.journal(UNIT)
    assert "acme: complete" in journal
    assert "transfer: 40 of 40 new files stored" in journal
    assert machine.result(UNIT) == "success"
    assert "wrikebackup-acme.timer" in machine.sh("systemctl list-timers --no-pager 'wrikebackup-*'").out
    machine.sh("systemctl stop wrikebackup-acme.timer")
    assert "/start?rid=" in machine.pings()
    assert "wrikebackup_last_run_complete" in machine.sh("cat /var/lib/node_exporter/wrikebackup.prom", user="ada").out
    # By hand, as the page says.
    assert ": whole; " in machine.sh(f"{AS_SERVICE} wrikebackup verify {profile}").out
    machine.sh(f"{AS_SERVICE} wrikebackup doctor {profile}")
    status = machine.sh(f"sudo -u wrikebackup XDG_STATE_HOME=/var/lib wrikebackup status {profile}").out
    assert re.search(r"last run +\d{4}-.*: complete", status)


def test_a_time_that_was_missed_is_made_up_for(machine: Machine) -> None:
    profile = machine.profile("acme", NIGHTLY)
    machine.sh(INSTALL + profile)
    assert "Starting" not in machine.journal(UNIT)
    machine.sh("systemctl stop wrikebackup-acme.timer")
    machine.sh("touch --date='3 days ago' /var/lib/systemd/timers/stamp-wrikebackup-acme.timer")
    machine.sh("systemctl start wrikebackup-acme.timer")
    machine.until(lambda: "Finished " in machine.journal(UNIT), FIRES)
    assert machine.journal(UNIT).count("Starting ") == 1


def test_a_changed_schedule_counts_once_it_is_installed(machine: Machine) -> None:
    profile = machine.profile("acme", NIGHTLY)
    machine.sh(INSTALL + profile)
    machine.sh(f"sed -i 's/30 2/45 3/' {profile}\n{INSTALL}{profile}")
    found = machine.sh("systemctl show --property=NextElapseUSecRealtime wrikebackup-acme.timer").out
    assert " 03:45:00 " in found


def test_remove_leaves_nothing_behind(machine: Machine) -> None:
    look = "find /etc/systemd /run/systemd/system /var/lib/systemd/timers -name '*wrikebackup*'; systemctl list-units --all --plain --no-legend 'wrikebackup*'"
    profile = machine.profile("acme", NIGHTLY)
    machine.sh(INSTALL + profile)
    machine.sh("echo wrong > /etc/credstore/wrike-token")
    machine.start(UNIT, code=1)
    assert machine.sh(look).out.count("wrikebackup-acme") > 6
    machine.sh(f"wrikebackup schedule remove {profile}")
    assert machine.sh(look).out == ""


def test_the_drill_of_the_documentation_goes_well_and_status_knows(machine: Machine) -> None:
    page = (Path(__file__).parents[2] / "docs/how-to/drill.md").read_text(encoding="utf-8")
    for path, text in re.findall(r'```ini title="(/etc/systemd/system/\S+)"\n(.*?)```', page, re.DOTALL):
        machine.write(path, text)
    profile = machine.profile(
        "acme", NIGHTLY.replace("transforms:", "transforms:\n  - encrypt: {recipient_files: [/etc/wrikebackup/to.txt]}")
    )
    machine.sh(
        "wrikebackup keygen /etc/wrikebackup/key.txt > /etc/wrikebackup/to.txt; chmod 644 /etc/wrikebackup/to.txt"
    )
    machine.sh(f"{INSTALL}{profile}\nsystemctl daemon-reload\nsystemctl enable --now wrikebackup-drill.timer")
    machine.start(UNIT)
    assert "the sample came back whole" in machine.start("wrikebackup-drill.service")
    machine.sh("rm /etc/wrikebackup/key.txt")
    assert "Failed to set up credentials" in machine.start("wrikebackup-drill.service", code=1)
