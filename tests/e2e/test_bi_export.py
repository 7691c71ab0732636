"""The BI export through the program: encrypted, killed and gone on with, verified, restored, copied and written out."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from tests.e2e.conftest import TOKEN, Place, Run, started
from wrikebackup_age.age.x25519 import X25519Identity
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.bi_export import Repeated
from wrikebackup_mock.bi_tables import SCHEMA, csv_of
from wrikebackup_mock.server import MockServer

SKIP = "skip: [comments, attachments, timelogs, audit_log, dependencies, approvals]"


def truth(server: MockServer, edition: int = 1) -> dict[str, bytes]:
    return {f"{name}.csv": csv_of(server.account, name, edition) for name in SCHEMA}


def test_an_encrypted_export_is_verified_written_out_restored_and_copied(place: Place, run: Run) -> None:
    identity = X25519Identity.generate()
    key = place.root / "key.txt"
    key.write_text(identity.secret())
    with MockServer(MockAccount(tasks=20, hidden_spaces=2), token=TOKEN) as server:
        transforms = f"transforms: [bi-export, encrypt: {{recipients: [{identity.recipient()}]}}]"
        place.write(server.base_url, transforms, SKIP, "attachments: none")
        done = run("backup", place.profile)
        assert done.returncode == 0, done.stderr
        (backup,) = place.backups()
        assert {path.name for path in (backup / "bi-export").iterdir()} == {
            f"{name}.age" for name in (*truth(server), "schema.json")
        }
        assert subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=backup, check=False).returncode == 0
        assert run("verify", "-i", key, place.profile).returncode == 0
        written = run("cat", "-i", key, place.profile, "bi-export/work_item.csv")
        assert written.returncode == 0, written.stderr
        assert written.stdout.encode() == truth(server)["work_item.csv"]
        assert run("restore", "-i", key, place.profile, "--to", place.root / "restored").returncode == 0
        assert restored(place.root / "restored") >= set(truth(server).items())
        other = place.root / "other"
        other.mkdir()
        copied = run("copy", place.profile, "--to", other)
        assert copied.returncode == 0, copied.stderr
        assert {path.read_bytes() for path in other.rglob("bi-export/*")} == {
            path.read_bytes() for path in (backup / "bi-export").iterdir()
        }


def restored(folder: Path) -> set[tuple[str, bytes]]:
    return {(path.name, path.read_bytes()) for path in folder.rglob("bi-export/*")}


def test_a_gap_in_the_export_is_exit_3_and_is_told(place: Place, run: Run) -> None:
    with MockServer(MockAccount(tasks=20), token=TOKEN, faults=["export-torn:path=/user$"]) as server:
        place.write(server.base_url, "transforms: [bi-export]", SKIP, "attachments: none")
        done = run("backup", place.profile)
        assert done.returncode == 3
        assert "bi-export/user.csv" in done.stdout + done.stderr
        assert "breaks off" in done.stdout + done.stderr
        assert run("verify", place.profile).returncode == 0


def test_a_run_that_is_killed_in_the_middle_of_a_table_fetches_that_one_and_the_rest(place: Place, run: Run) -> None:
    with MockServer(MockAccount(tasks=20), token=TOKEN) as server:
        big = Repeated(b"a,b\n", b'1,"two\nlines"\n' * 10_000, 100)
        server.exports.extra = {"zz_big": big}
        server.exports.renew()
        server.faults.add("slow:path=/data_export/resource/1012,seconds=0.05")
        place.write(server.base_url, "transforms: [bi-export]", SKIP, "attachments: none")
        process = started(place, "backup")
        while server.requests.count("GET /data_export/resource/{id}") <= len(SCHEMA) and process.poll() is None:
            time.sleep(0.01)
        process.kill()
        process.wait()
        assert not place.backups()
        server.faults.clear()
        server.requests.clear()
        done = run("backup", place.profile)
        assert done.returncode == 0, done.stderr
        assert server.requests.count("GET /data_export/resource/{id}") == 1, "a stored table was fetched again"
        (backup,) = place.backups()
        found = {path.name: path.read_bytes() for path in (backup / "bi-export").iterdir()}
        assert found["zz_big.csv"] == b"".join(big.pieces(0, big.size))
        assert found.items() >= truth(server).items()
        assert run("verify", place.profile).returncode == 0


def test_a_run_that_is_killed_begins_anew_with_an_export_that_took_the_place_of_its_own(place: Place, run: Run) -> None:
    with MockServer(MockAccount(tasks=20), token=TOKEN) as server:
        server.exports.renew()
        server.faults.add("stall:path=/data_export/resource/1011,seconds=60")
        place.write(server.base_url, "transforms: [bi-export]", SKIP, "attachments: none")
        process = started(place, "backup")
        while server.requests.count("GET /data_export/resource/{id}") < len(SCHEMA) and process.poll() is None:
            time.sleep(0.01)
        process.kill()
        process.wait()
        server.faults.clear()
        server.exports.renew()
        done = run("backup", place.profile)
        assert done.returncode == 0, done.stderr
        (backup,) = place.backups()
        found = {path.name: path.read_bytes() for path in (backup / "bi-export").iterdir()}
        assert found.items() >= truth(server, 2).items()
        assert b"EX000002" in found["schema.json"]
