"""Backups of a user who is not root: units of their own, and Debian's cron."""

from __future__ import annotations

from tests.systemd.machine import Machine
from tests.systemd.test_timers import FIRES

PROFILE = """\
name: mine
source:
  wrike: {base_url: "http://127.0.0.1:8750/api/v4", token: "TOKEN", rate: "off"}
schedule: {cron: "* * * * *"}
sinks:
  - local: {path: ~/backups}
"""


def test_units_of_a_user_fire_without_a_session_and_have_their_credentials(machine: Machine) -> None:
    machine.sh("loginctl enable-linger ada")
    machine.until(lambda: machine.sh("test -S /run/user/$(id -u ada)/bus", code=None).code == 0, 30)
    machine.write("/home/ada/mine.yaml", PROFILE.replace("TOKEN", "credential:wrike-token"))
    warned = machine.sh("wrikebackup schedule install mine.yaml", user="ada").out
    assert "there is no /home/ada/.config/credstore/wrike-token" in warned
    said = machine.sh(
        "umask 077; mkdir -p .config/credstore; echo mock-token > .config/credstore/wrike-token; wrikebackup schedule install mine.yaml", user="ada"
    ).out  # fmt: skip
    assert "warning" not in said
    journal = "journalctl --sync; journalctl --no-pager -o cat _UID=$(id -u ada)"
    machine.until(lambda: "mine: complete" in machine.sh(journal).out, FIRES)
    machine.sh(
        "wrikebackup schedule remove mine.yaml; systemctl --user list-timers --all | grep -c wrikebackup && exit 1 || true",
        user="ada",
    )


def test_debians_cron_fires_and_is_left_as_it_was(machine: Machine) -> None:
    machine.write("/home/ada/mine.yaml", PROFILE.replace("TOKEN", "file:~/token"))
    machine.sh("systemctl start cron")
    machine.sh(
        "umask 077; echo mock-token > token; echo '# mine' | crontab -; wrikebackup schedule install --as crontab mine.yaml",
        user="ada",
    )
    machine.until(lambda: machine.sh("ls -d backups/*/backup-*", user="ada", code=None).code == 0, FIRES)
    machine.sh("wrikebackup schedule remove --as crontab mine.yaml", user="ada")
    assert machine.sh("crontab -l", user="ada").out == "# mine\n"
