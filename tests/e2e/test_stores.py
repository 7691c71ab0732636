"""The program itself with each kind of store that is not a folder of this machine, over a real connection."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest

pytest.importorskip("obstore", reason="the extra s3 is not installed")
pytest.importorskip("google_crc32c", reason="the extra gcs is not installed")
pytest.importorskip("asyncssh", reason="the extra sftp is not installed")

from tests.e2e.conftest import TOKEN, Place, Run, environment, killed_after, program
from tests.e2e.test_account import compare
from tests.fsspec.gcs import stores as gcs
from tests.fsspec.s3 import stores as s3
from tests.fsspec.sftp.servers import SSHD, Identity, OpenSsh, sink_of
from wrikebackup_core import Sink
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.server import MockServer

KILLS = 8
SEED = 20261125


@dataclass
class Remote:
    """A store: its line in a profile, and a sink on it to look into it."""

    line: str
    sink: Sink


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3.Store]:
    with s3.moto(tmp_path_factory.mktemp("moto")) as store:
        yield store


@pytest.fixture(scope="module")
def fake_gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[gcs.Store]:
    with gcs.fake_gcs_server(tmp_path_factory.mktemp("gcs")) as store:
        yield store


@pytest.fixture(params=["s3", "gcs", "sftp"])
def remote(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Remote]:
    kind = request.param
    if kind == "s3":
        store: s3.Store = request.getfixturevalue("moto")
        bucket = store.bucket()
        monkeypatch.setenv("S3_ACCESS", s3.SECRETS["test:access"])
        monkeypatch.setenv("S3_SECRET", s3.SECRETS["test:secret"])
        keys = 'access_key: "env:S3_ACCESS", secret_key: "env:S3_SECRET"'
        line = f's3: {{bucket: {bucket}, prefix: backups/wrike, endpoint_url: "{store.url}", {keys}}}'
        yield Remote(line, store.sink(bucket))
    elif kind == "gcs":
        fake: gcs.Store = request.getfixturevalue("fake_gcs")
        bucket = fake.bucket()
        line = f'gcs: {{bucket: {bucket}, prefix: backups/wrike, endpoint_url: "{fake.url}", anonymous: true}}'
        yield Remote(line, fake.sink(bucket))
    else:
        yield from _over_ssh(tmp_path_factory.mktemp("ssh"))


def _over_ssh(folder: Path) -> Iterator[Remote]:
    if shutil.which(SSHD) is None:
        pytest.skip("needs sshd, from the package openssh-server")
    (folder / "server").mkdir()
    identity = Identity(folder)
    server = OpenSsh(folder / "server", identity)
    identity.trust(server.port, server.host_key)
    server.start()
    try:
        access = f"user: root, key: {identity.key}, known_hosts: {identity.known_hosts}, agent: false"
        line = f"sftp: {{host: 127.0.0.1, port: {server.port}, path: {folder / 'backups'}, {access}}}"
        sink = sink_of(identity, server.port, folder / "backups")
        yield Remote(line, sink)
        sink.close()
    finally:
        server.stop()


def write(place: Place, base_url: str, *sinks: str) -> None:
    place.profile.write_text(
        f'source:\n  wrike: {{base_url: "{base_url}", token: "env:E2E_TOKEN", rate: "off"}}\n'
        f"state: {place.root / 'state'}\ntransfers: 4\nsinks:\n" + "".join(f"  - {sink}\n" for sink in sinks)
    )


def test_kills_at_random_moments_end_with_the_same_backup(place: Place, run: Run, remote: Remote) -> None:
    """No file that the store holds is downloaded again, and no half of one is ever in it."""
    account = MockAccount(tasks=60, attachments=150, attachment_size=30_000)
    attachments = f"account-{account.account.id}/attachments"
    chance = random.Random(SEED)
    with MockServer(account, token=TOKEN, latency=0.01) as server:
        write(place, server.base_url, remote.line)
        for _ in range(KILLS):
            stored = {entry.key.rpartition("/")[2][:16] for entry in remote.sink.list(attachments)}
            server.requests.clear()
            killed_after(place, chance.uniform(0.6, 2.0))
            asked = {entry.path.split("/")[-2] for entry in server.requests.entries("GET /attachments/{id}/download")}
            assert not asked & stored, "a stored file was downloaded again"
        done = run("backup", place.profile)
        assert done.returncode == 0, done.stderr
        server.requests.clear()
        assert run("verify", "--all", place.profile).returncode == 0
        # To a folder of this machine, to look at it there.
        write(place, server.base_url, remote.line, f"local: {{path: {place.sink}}}")
        copied = run("copy", place.profile, "--to", "local")
        assert copied.returncode == 0, copied.stderr
        assert not server.requests.count("GET /attachments/{id}/download")
        compare(place, account)


def test_every_command_works_on_every_store(place: Place, run: Run, remote: Remote) -> None:
    with MockServer(MockAccount(tasks=20, attachments=30, attachment_size=5_000), token=TOKEN) as server:
        write(place, server.base_url, remote.line)
        doctor = run("--json", "doctor", place.profile)
        assert doctor.returncode == 0, doctor.stdout
        assert list(remote.sink.list("")) == []
        assert run("backup", "--dry-run", place.profile).returncode == 0
        assert list(remote.sink.list("")) == []
        assert run("backup", place.profile).returncode == 0
        again = run("backup", place.profile)
        assert again.returncode == 0
        assert "none new" in again.stdout
    shown = run("show", place.profile)
    assert shown.returncode == 0
    assert "complete" in shown.stdout
    assert run("list", place.profile).stdout.count("complete") == 2
    verified = run("verify", "--json", "--all", place.profile)
    assert verified.returncode == 0
    assert [one["findings"] for one in json.loads(verified.stdout)] == [[], []]
    sampled = run("verify", "--sample", "20%", place.profile)
    assert sampled.returncode == 0
    assert "sample of 6 of 30" in sampled.stdout


def test_an_encrypted_backup_in_a_store_is_taken_without_the_key_and_comes_back_with_it(
    place: Place, run: Run, remote: Remote
) -> None:
    encrypted_and_back(place, run, remote.line)


def test_an_encrypted_backup_in_a_folder_is_taken_without_the_key_and_comes_back_with_it(
    place: Place, run: Run
) -> None:
    encrypted_and_back(place, run, f"local: {{path: {place.root / 'encrypted'}}}")


def encrypted_and_back(place: Place, run: Run, sink: str) -> None:
    pytest.importorskip("cryptography", reason="the extra age is not installed")
    account, key = MockAccount(tasks=60, attachments=60, attachment_size=30_000), place.root / "elsewhere" / "key.txt"
    recipient = run("keygen", key).stdout.strip()
    with MockServer(account, token=TOKEN, latency=0.01) as server:
        write(place, server.base_url, sink)
        with place.profile.open("a") as profile:
            profile.write(f"transforms:\n  - encrypt: {{recipients: [{recipient}], hide_names: true}}\n")
        killed_after(place, 1.5)
        done = run("backup", place.profile)
        assert done.returncode == 0, done.stderr
        server.requests.clear()
        assert "none new" in run("backup", place.profile).stdout
        assert not server.requests.count("GET /attachments/{id}/download")
    assert run("verify", "--all", place.profile).returncode == 0
    assert run("key", "check", place.profile).returncode == 6
    assert run("key", "check", "-i", key, place.profile).returncode == 0
    looked = run("verify", "-i", key, place.profile)
    assert looked.returncode == 0, looked.stdout + looked.stderr
    assert "2 zips looked into" in looked.stderr
    refused = run("restore", place.profile, "--to", place.sink)
    assert refused.returncode == 6
    assert not place.sink.exists()
    restored = run("restore", place.profile, "-i", key, "--to", place.sink)
    assert restored.returncode == 0, restored.stderr
    compare(place, account)


def test_what_is_damaged_in_a_store_is_found(place: Place, run: Run, remote: Remote) -> None:
    with MockServer(MockAccount(tasks=20, attachments=6, attachment_size=5_000), token=TOKEN) as server:
        write(place, server.base_url, remote.line)
        assert run("backup", place.profile).returncode == 0
    key = next(entry.key for entry in remote.sink.list("") if "/attachments/" in entry.key and entry.size)
    remote.sink.delete([key])
    writer = remote.sink.create(key)
    writer.write(b"something else")
    writer.commit()
    verified = run("verify", place.profile)
    assert verified.returncode == 4
    assert key in verified.stdout.replace("\n", "")


def test_two_runs_at_once_from_two_machines_spoil_nothing(place: Place, run: Run, remote: Remote) -> None:
    """Each has a state folder of its own, so neither knows of the other. At worst one of them has to be run again."""
    with MockServer(MockAccount(tasks=30, attachments=60, attachment_size=20_000), token=TOKEN, latency=0.01) as server:
        runs = []
        for name in ("one", "two"):
            write(place, server.base_url, remote.line)
            profile = place.profile.rename(place.root / f"{name}.yaml")
            profile.write_text(profile.read_text().replace(str(place.root / "state"), str(place.root / name)))
            command = [program(), "-q", "backup", profile]
            runs.append(subprocess.Popen(command, env=environment(place), cwd=place.root, stderr=subprocess.DEVNULL))
        assert {process.wait(120) for process in runs} <= {0, 1, 5}  # 5: the other one holds the lease
        for name in ("one", "two"):
            assert run("backup", place.root / f"{name}.yaml").returncode == 0
        verified = run("verify", "--json", "--all", place.root / "one.yaml")
    assert verified.returncode == 0
    assert len(json.loads(verified.stdout)) >= 2


def test_an_address_of_the_archive_can_be_given_away(
    place: Place, run: Run, moto: s3.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = moto.bucket()
    monkeypatch.setenv("S3_ACCESS", s3.SECRETS["test:access"])
    monkeypatch.setenv("S3_SECRET", s3.SECRETS["test:secret"])
    keys = 'access_key: "env:S3_ACCESS", secret_key: "env:S3_SECRET"'
    with MockServer(MockAccount(tasks=20, attachments=2), token=TOKEN) as server:
        write(place, server.base_url, f's3: {{bucket: {bucket}, endpoint_url: "{moto.url}", {keys}}}')
        assert run("backup", place.profile).returncode == 0
    address = run("link", place.profile).stdout.strip()
    with build_opener(ProxyHandler({})).open(address, timeout=30) as answer:
        assert answer.read(4) == b"PK\x03\x04"
