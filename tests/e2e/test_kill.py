"""A run that is killed loses at most what was in flight."""

from __future__ import annotations

import random
import time

import pytest

from tests.e2e.conftest import TOKEN, Place, Run, killed_after, started
from tests.e2e.test_account import compare
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.server import MockServer

KILLS = 50
SEED = 20261123


@pytest.mark.slow
def test_fifty_kills_at_random_moments_end_with_the_same_backup(place: Place, run: Run) -> None:
    """No file that was stored is downloaded again, and every committed backup stays whole, whenever the kills come."""
    account = MockAccount(tasks=200, attachments=400, attachment_size=30_000)
    chance = random.Random(SEED)
    with MockServer(account, token=TOKEN, latency=0.01) as server:
        place.write(server.base_url, "transfers: 4", source=", concurrency: 2")
        downloaded: set[str] = set()
        for _ in range(KILLS):
            stored = (
                set(place.files()) if (place.sink / f"account-{account.account.id}/attachments").exists() else set()
            )
            server.requests.clear()
            killed_after(place, chance.uniform(0.3, 2.0))
            asked = {entry.path.split("/")[-2] for entry in server.requests.entries("GET /attachments/{id}/download")}
            assert not asked & stored, "a stored file was downloaded again"
            downloaded |= asked
        done = run("backup", place.profile)
        assert done.returncode == 0, done.stderr
        compare(place, account)
        for backup in place.backups():
            assert run("verify", place.profile, backup.name.removeprefix("backup-")).returncode == 0
        assert not list(place.sink.rglob(".*")), "a temporary file was left"


def test_a_killed_crawl_asks_for_no_page_twice(place: Place, run: Run) -> None:
    """Killed when the server has answered half of the windows; the run that follows asks for the others only."""
    account = MockAccount(tasks=60, attachments=5)
    with MockServer(account, token=TOKEN, latency=0.02) as server:
        place.write(server.base_url, source=", concurrency: 2")
        process = started(place, "backup")
        while server.requests.count("GET /comments") < 60 and process.poll() is None:
            time.sleep(0.01)
        process.kill()
        process.wait()
        first = server.requests.count("GET /comments")
        assert run("backup", place.profile).returncode == 0
        windows = len({tuple(sorted(entry.query.items())) for entry in server.requests.entries("GET /comments")})
        in_flight = 3  # two being asked for, one being stored
        assert first < windows
        assert server.requests.count("GET /comments") <= windows + in_flight
        compare(place, account)
