"""Collected only by `nox -s systemd`, which makes the Debian that is started here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.systemd.machine import Machine

TREE = os.environ.get("WRIKEBACKUP_MACHINE")
collect_ignore_glob = [] if TREE else ["test_*.py"]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine of its own for each test, with an account on a mock server, a server that notes pings, and two users."""
    assert TREE
    one = Machine(Path(TREE), tmp_path)
    try:
        one.sh(READY)
        yield one
    finally:
        one.off()


# As docs/how-to/schedule.md has it, and what stands around it here. The user ada has units of her own.
READY = """
echo 127.0.0.1 localhost $(hostname) > /etc/hosts
systemd-run -q --unit=account wrikebackup mock-server
systemd-run -q --unit=pings python3 /tests/pings.py
useradd --system --home-dir /var/lib/wrikebackup wrikebackup
useradd --create-home --shell /bin/sh ada
install -d -m 0700 -o wrikebackup /srv/backups
install -d -m 0755 -o wrikebackup /var/lib/node_exporter
mkdir /etc/wrikebackup
echo mock-token > /root/token
echo http://127.0.0.1:9000/0d9bb66e-7ec2-4f39-9e75-3c2b2d5f0001 > /root/ping
install -D -m 0600 /root/token /etc/credstore/wrike-token
install -D -m 0600 /root/ping /etc/credstore/ping
until python3 -c 'import socket; [socket.create_connection(("127.0.0.1", port)) for port in (8750, 9000)]' 2> /dev/null; do sleep 0.2; done
"""
