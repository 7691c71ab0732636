"""The program drills encrypted backups on S3, GCS, SFTP and in a folder at once, and changes nothing there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

pytest.importorskip("cryptography", reason="the extra age")

from tests.drill.backups import held, leftovers, replaced
from tests.e2e.conftest import TOKEN, Place, Run, environment, place, program, run  # noqa: F401 - fixtures
from tests.e2e.test_stores import Remote, fake_gcs, moto, remote  # noqa: F401 - fixtures
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.server import MockServer


def backed_up(place: Place, run: Run, remote: Remote) -> Path:  # noqa: F811
    """Writes a profile with the store and a folder, and a backup of it. The file with the key."""
    key = place.root / "elsewhere.txt"
    recipient = run("keygen", key).stdout.strip()
    with MockServer(MockAccount(tasks=30, attachments=25, attachment_size=20_000), token=TOKEN) as server:
        place.profile.write_text(
            f'source:\n  wrike: {{base_url: "{server.base_url}", token: "env:E2E_TOKEN", rate: "off"}}\n'
            f"state: {place.root / 'state'}\ntransfers: 4\n"
            f"sinks:\n  - {remote.line}\n  - local: {{path: {place.sink}}}\n"
            f"transforms:\n  - encrypt: {{recipients: [{recipient}]}}\n"
        )
        done = run("backup", place.profile)
        assert done.returncode == 0, done.stderr
    return key


def test_encrypted_backups_are_drilled_on_every_store(place: Place, run: Run, remote: Remote) -> None:  # noqa: F811
    key = backed_up(place, run, remote)
    before, on_disk = held(remote.sink), {path: path.read_bytes() for path in place.sink.rglob("*") if path.is_file()}
    done = run("--json", "drill", "-i", key, "--files", "6", "--pages", "5", place.profile)
    assert done.returncode == 0, done.stderr
    drills = json.loads(done.stdout.splitlines()[-1])["drills"]
    assert [(one["verdict"], one["files"], one["pages"], one["decoded"]) for one in drills] == [
        ("whole", 6, 5, True)
    ] * 2
    without = run("drill", place.profile)
    assert without.returncode == 0, without.stderr
    assert without.stdout.count("stored bytes whole; no key, so not restored") == 2
    other = place.root / "other.txt"
    run("keygen", other)
    assert run("drill", "-i", other, place.profile).returncode == 6
    assert held(remote.sink) == before
    assert {path: path.read_bytes() for path in place.sink.rglob("*") if path.is_file()} == on_disk
    victim = next(key for key in sorted(before) if "/attachments/" in key and len(before[key]) > 1000)
    replaced(remote.sink, victim, before[victim][:500] + bytes([before[victim][500] ^ 1]) + before[victim][501:])
    for words in (("-i", key), ()):
        found = run("drill", *words, "--files", "all", "--bytes", "all", place.profile)
        assert found.returncode == 4, found.stderr
        assert f"damaged  {victim}" in found.stdout


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_drill_that_is_stopped_leaves_nothing_in_plain(place: Place, run: Run, number: int) -> None:  # noqa: F811
    temporary = place.root / "temporary"
    temporary.mkdir()
    profile = place.root / "p.yaml"
    profile.write_text(
        f"source: {{mock: {{tasks: 3000, attachments: 300, attachment_size: 100000}}}}\nstate: {place.root / 'state'}\n"
        f"sinks: [local: {{path: {place.sink}}}]\n"
    )
    assert run("-q", "backup", profile).returncode == 0
    words = ["drill", "-q", "--files", "all", "--bytes", "all", "--pages", "all"]
    process = subprocess.Popen(
        [program(), *words, profile], env=environment(place) | {"TMPDIR": str(temporary)}, cwd=place.root
    )
    while not list(temporary.rglob("attachments/*")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(number)
    assert process.wait(60) in (130, 0)
    assert leftovers(temporary) == []
