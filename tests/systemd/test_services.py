"""Services of `schedule install` under their fences: what they can do, and what is told where they cannot."""

from __future__ import annotations

from tests.systemd.machine import Machine
from tests.systemd.test_timers import INSTALL

ONE = """\
schedule: daily
sinks:
  - local: {path: /srv/backups}
monitors:
  - healthchecks: {url: "credential:ping"}
"""
TWO = ONE.replace("monitors:", "  - local: {path: /srv/other}\nmonitors:")
UNIT = "wrikebackup-acme.service"
SLOW = """
systemctl stop account
systemd-run -q --unit=slow wrikebackup mock-server --latency 0.5 --tasks 2000
until python3 -c 'import socket; socket.create_connection(("127.0.0.1", 8750))' 2> /dev/null; do sleep 0.2; done
"""
AT_WORK = "[ -n \"$(find /srv/backups -path '*/.lease/*' -type f)\" ]"


def test_all_that_a_profile_can_name_works(machine: Machine) -> None:
    """Arrow's allocators, cryptography, SSH, DNS of the C library, SQLite, uvloop: whatever the fences might be in the way of."""
    machine.sh("""
        wrikebackup keygen /root/key.txt > /etc/wrikebackup/to.txt
        chmod 644 /etc/wrikebackup/to.txt
        ssh-keygen -q -t ed25519 -N '' -f /etc/wrikebackup/sign
        chown wrikebackup /etc/wrikebackup/sign
        mkdir -p /run/sshd; ssh-keygen -A; useradd --create-home store
        install -d -m 0700 -o wrikebackup /var/lib/wrikebackup /var/lib/wrikebackup/.ssh
        sudo -u wrikebackup ssh-keygen -q -t ed25519 -N '' -f /var/lib/wrikebackup/.ssh/id_ed25519
        install -D -m 0600 -o store /var/lib/wrikebackup/.ssh/id_ed25519.pub /home/store/.ssh/authorized_keys
        chown store /home/store/.ssh; chmod 700 /home/store/.ssh
        systemctl start ssh
        echo "localhost $(cat /etc/ssh/ssh_host_ed25519_key.pub)" > /var/lib/wrikebackup/.ssh/known_hosts
        echo 'CHAT=json://127.0.0.1:9000/chat' > /etc/wrikebackup/acme.env
        chmod 600 /etc/wrikebackup/acme.env
    """)
    profile = machine.profile("acme", """\
schedule: {cron: daily, time_zone: Europe/Berlin, random_delay: 20m}
transforms:
  - bi-export: {format: both}
  - encrypt: {recipient_files: [/etc/wrikebackup/to.txt], hide_names: true}
  - sign: {key: /etc/wrikebackup/sign}
  - retain: {last: 1, prune: true}
sinks:
  - local: {path: /srv/backups}
  - sftp: {host: localhost, user: store, path: backups}
monitors:
  - apprise: {url: "env:CHAT", on: [trouble, over, success]}
""")  # fmt: skip
    assert "warning" not in machine.sh(INSTALL + profile).out
    machine.start(UNIT)
    assert "1 backup and 0 attachments deleted" in machine.start(UNIT)
    assert "nothing new" in machine.start("wrikebackup-acme-check.service")
    assert machine.pings().count("/chat ") == 2
    stored = machine.sh("ls /srv/backups/*/backup-* /home/store/backups/*/backup-*").out
    assert stored.count("SHA256SUMS.sig\n") == 2
    assert (
        "opens, and holds users.json" in machine.sh(f"wrikebackup key check -i /root/key.txt {profile}", code=None).out
    )


def test_a_run_that_fails_is_a_failed_unit_that_says_why_and_is_told(machine: Machine) -> None:
    machine.sh("install -d -o wrikebackup /srv/small\nmount -t tmpfs -o size=1m,mode=0777 tmpfs /srv/small")
    machine.sh("install -d -o wrikebackup /srv/elsewhere")
    machine.sh(INSTALL + machine.profile("full", ONE.replace("/srv/backups", "/srv/small")))
    profile = machine.profile("acme", ONE)
    machine.sh(INSTALL + profile)
    for spoil, unit, said in (
        ("true", "wrikebackup-full.service", "no space left on device"),
        ("echo wrong > /etc/credstore/wrike-token", UNIT, "Wrike does not accept the permanent token"),
        ("rm /etc/credstore/wrike-token", UNIT, "put it into /etc/credstore/wrike-token"),
        ("install -m 0600 /root/token /etc/credstore/wrike-token; chmod 0500 /srv/backups", UNIT, "permission denied"),
        (f"sed -i 's|/srv/backups|/srv/elsewhere|' {profile}", UNIT, "read-only file system"),
    ):
        machine.sh(spoil)
        before = machine.pings().count("backup failed")
        journal = machine.start(unit, code=1)
        assert said in journal
        assert "Traceback" not in journal
        assert machine.result(unit) == "exit-code"
        assert machine.pings().count("backup failed") == before + 1
    machine.sh(f"chmod 0700 /srv/backups\n{INSTALL}{profile}")
    machine.start(UNIT)
    assert machine.result(UNIT) == "success"


def test_a_disk_that_is_away_leaves_the_other_sink_its_backup(machine: Machine) -> None:
    machine.sh("install -d -o wrikebackup /srv/other")
    machine.sh(INSTALL + machine.profile("acme", TWO))
    machine.sh("rmdir /srv/other")
    journal = machine.start(UNIT, code=1)
    assert "status=3" in journal
    assert "/srv/other" in journal
    assert "backup-" in machine.sh("ls /srv/backups/*").out
    assert "/3?rid=" in machine.pings()


def test_the_only_sink_that_is_away_is_told_of(machine: Machine) -> None:
    machine.sh(INSTALL + machine.profile("acme", ONE))
    machine.sh("rmdir /srv/backups")
    assert "read-only file system" in machine.start(UNIT, code=1)
    assert "backup failed" in machine.pings()


def test_a_run_that_is_told_to_stop_has_not_failed_and_is_gone_on_with(machine: Machine) -> None:
    machine.sh(INSTALL + machine.profile("acme", ONE) + SLOW)
    machine.sh(f"systemctl start --no-block {UNIT}")
    machine.until(lambda: machine.sh(AT_WORK, code=None).code == 0, 30)
    machine.sh(f"systemctl stop {UNIT}")
    assert machine.result(UNIT) == "success"
    assert machine.sh("systemctl list-units --failed --plain --no-legend 'wrikebackup*'").out == ""
    assert "/130?rid=" in machine.pings()
    machine.sh(SLOW.replace(" --latency 0.5", "").replace("stop account", "stop slow"))
    assert "going on with the unfinished backup" in machine.start(UNIT)


def test_a_run_that_was_killed_is_in_nobodys_way(machine: Machine) -> None:
    """Its lease names the process and the start of this machine, whoever looks. systemd-nspawn lays a boot id of its own over the host's,
    which a /proc mounted anew, as for ProtectProc, does not have: so whoever looks has that, too.
    """
    profile = machine.profile("acme", ONE)
    machine.sh(INSTALL + profile + SLOW)
    machine.sh(f"systemctl start --no-block {UNIT}")
    machine.until(lambda: machine.sh(AT_WORK, code=None).code == 0, 30)
    machine.sh(f"systemctl kill --signal=KILL {UNIT}")
    assert machine.sh(f"systemctl is-active {UNIT}", code=None).out == "failed\n"
    machine.sh(f"""
        sed -i 's|credential:wrike-token|file:/root/token|; /^monitors/,$d' {profile}; chmod 600 /root/token
        systemctl stop slow; systemd-run -q --unit=account wrikebackup mock-server
        until python3 -c 'import socket; socket.create_connection(("127.0.0.1", 8750))' 2> /dev/null; do sleep 0.2; done
        systemd-run --quiet --pipe --wait -p ProtectProc=invisible -E HOME=/root wrikebackup backup {profile}
    """)


def test_a_login_in_a_file_is_renewed_wherever_it_is(machine: Machine) -> None:
    browser = "python3 -c 'import sys, urllib.request as u; u.urlopen(sys.argv[1])' %s"
    oauth = """\
source:
  wrike:
    base_url: http://127.0.0.1:8750/api/v4
    rate: "off"
    oauth: {client_id: mock-client, client_secret: "file:~/secret", store: file, login_url: "http://127.0.0.1:8750/oauth2"}
schedule: daily
sinks:
  - local: {path: ~/backups}
"""
    machine.write("/home/ada/acme.yaml", oauth)
    machine.sh(
        f'echo mock-secret > secret; chmod 600 secret; mkdir backups; BROWSER="{browser}" wrikebackup login acme.yaml',
        user="ada",
    )
    machine.sh("wrikebackup schedule install --run-as ada /home/ada/acme.yaml")
    assert "acme: complete" in machine.start(UNIT)
