"""Every kind of secret is planted, used, refused and repeated by servers; then each byte that was written is looked through."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import pytest

pytest.importorskip("apprise", reason="needs the extra notify")
pytest.importorskip("asyncssh", reason="needs the extra sftp")
pytest.importorskip("botocore", reason="needs the extra s3")
pytest.importorskip("cryptography", reason="needs the extra age")
pytest.importorskip("google.auth", reason="needs the extra gcs")
pytest.importorskip("jinja2", reason="needs the extra report")
pytest.importorskip("prometheus_client", reason="needs the extra metrics")

import asyncssh  # noqa: TID253 - the server of these tests

from tests.fsspec.gcs.keys import ServiceAccount
from tests.fsspec.sftp.servers import AsyncServer, ByPassword, Identity, serving
from tests.secrets.parrots import parrot
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.server import MockServer

KINDS = (
    "api-token",
    "refused-token",
    "client-secret",
    "refresh-token",
    "s3-access-key",
    "s3-secret-key",
    "s3-session-token",
    "sftp-password",
    "ftp-password",
    "passphrase",
    "signing-passphrase",
    "sftp-passphrase",
    "wrong-passphrase",
    "apprise-password",
    "apprise-path",
    "ping-uuid",
    "gcs-access-token",
    "gcs-private-key",
)
_MOCK = "mock: {tasks: 20}"
_LOGGED = "-vv --log-format json --json"
_RUNS = ("-vv backup", f"{_LOGGED} backup", "-vv doctor", f"{_LOGGED} doctor")
_FEW = ("-vv backup", f"{_LOGGED} doctor")
_KEYRING = """
import os
from keyring.backend import KeyringBackend
class Planted(KeyringBackend):
    priority = 1
    def get_password(self, service, username):
        with open(os.environ["PLANTED"] + "/" + username, encoding="utf-8") as file:
            return file.read()
    def set_password(self, service, username, password): raise NotImplementedError
"""
_UNMASKED = """
import wrikebackup_core.masking
wrikebackup_core.masking._written = lambda part: iter(())
"""


class Repeating(ByPassword):
    """Lets nobody in, and says with which password they came."""

    def validate_password(self, username: str, password: str) -> bool:
        raise asyncssh.DisconnectError(2, f"who says {password}?")


class Plant:
    """Secrets outside of the folder `here`, in which the program runs and whose every byte is looked at."""

    def __init__(self, root: Path, *, masked: bool) -> None:
        self.here, self.away = root / "here", root / "away"
        for folder in (self.here, self.away, self.here / "tmp", self.here / "home", self.here / "logs"):
            folder.mkdir(mode=0o700)
        self.values = {kind: f"{secrets.token_urlsafe(9)}/+ä{secrets.token_hex(6)}" for kind in KINDS}
        for kind in (
            "api-token",
            "refused-token",
            "client-secret",
            "refresh-token",
            "s3-access-key",
            "s3-session-token",
            "apprise-path",
            "gcs-access-token",
        ):
            self.values[kind] = secrets.token_hex(12)
        self.values["ping-uuid"] = str(uuid.uuid4())
        for kind, value in self.values.items():
            (self.away / kind).write_text(value)
        (self.away / "planted_keyring.py").write_text(_KEYRING)
        if not masked:
            (self.away / "sitecustomize.py").write_text(_UNMASKED)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
            "HOME": str(self.here / "home"),
            "TMPDIR": str(self.here / "tmp"),
            "PYTHONPATH": str(self.away),
            "PYTHON_KEYRING_BACKEND": "planted_keyring.Planted",
            "CREDENTIALS_DIRECTORY": str(self.away),
            "PLANTED": str(self.away),
            "API_TOKEN": self.values["api-token"],
        }
        for folder in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
            self.environment.pop(folder, None)
        self.local = f"local: {{path: {self.here}/backups}}"

    def command(self, kind: str) -> str:
        return json.dumps(f"command:{shlex.join(['cat', str(self.away / kind)])}")

    def run(
        self, name: str, source: str, sink: str, *more: str, runs: Sequence[str] = _RUNS, also: Sequence[str] = ()
    ) -> list[int]:
        """The exit codes of the runs, and of what else is to be done with the profile."""
        profile = self.here / f"{name}.yaml"
        profile.write_text(f"source:\n  {source}\nsinks:\n  - {sink}\nstate: {self.here}/state\n" + "\n".join(more))
        codes = []
        for words in (*runs, *(f"-vv {words}" for words in also)):
            done = subprocess.run(
                [Path(sys.executable).with_name("wrikebackup"), *words.split(), profile],
                env=self.environment,
                cwd=self.here,
                capture_output=True,
                timeout=120,
                check=False,
            )
            log = self.here / "logs" / f"{name}-{len(codes)}"
            log.with_suffix(".out").write_bytes(done.stdout)
            log.with_suffix(".err").write_bytes(done.stderr)
            codes.append(done.returncode)
        return codes

    def found(self) -> set[str]:
        """The kinds of secrets that are anywhere in what was written, as they are or as libraries write them."""
        written = [path for path in self.here.rglob("*") if path.is_file()]
        login = self.here / "login.json"  # where the refresh token is meant to be
        content = b"\n".join(path.read_bytes() for path in written if path != login)
        content += "\n".join(map(str, written)).encode()
        return {kind for kind, value in self.values.items() if any(form in content for form in _forms(value))}


def _forms(value: str) -> Iterator[bytes]:
    yield value.encode()
    yield quote(value, safe="").encode()
    yield json.dumps(value)[1:-1].encode()
    for before in range(3):
        inner = base64.b64encode(b"x" * before + value.encode())[4 if before else 0 : -4]
        yield inner
    yield value[:10].encode()  # the beginning tells as much
    yield value[-10:].encode()


@contextlib.contextmanager
def sftp(folder: Path) -> Iterator[tuple[int, Path]]:
    identity = Identity(folder)
    with serving(AsyncServer(folder, identity, login=Repeating)) as server:
        yield server.port, identity.known_hosts


def planted(root: Path, *, masked: bool) -> Plant:
    """After runs with every kind of secret, of which some are right and some are refused."""
    plant = Plant(root, masked=masked)
    (plant.away / "ssh").mkdir()
    with (
        MockServer(MockAccount(tasks=20), token=plant.values["api-token"]) as wrike,
        parrot("http", plant.values["gcs-access-token"]) as http,
        parrot("ftp") as ftp,
        sftp(plant.away / "ssh") as (ssh, known_hosts),
    ):
        if masked:  # else nothing that is repeated is to be seen here
            _all_well(plant, wrike.base_url, http)
        _sources(plant, http)
        _object_stores(plant, http)
        _servers(
            plant, ftp, f"host: 127.0.0.1, port: {ssh}, user: u, path: b, agent: false, known_hosts: {known_hosts}"
        )
    return plant


def _all_well(plant: Plant, base_url: str, http: int) -> None:
    key = _key(plant, "signing")
    more = (
        "attachments: none",
        "transforms:",
        f"  - encrypt: {{passphrase: {plant.command('passphrase')}}}",
        f'  - sign: {{key: {key}, passphrase: "credential:signing-passphrase"}}',
        *_monitors(plant, http, "taken"),
    )
    also = ("notify test", "notify check", "--json status", f"report -o {plant.here}/report.html", "profile show")
    source = f'wrike: {{base_url: "{base_url}", token: "env:API_TOKEN", rate: "off"}}'
    assert plant.run("good", source, plant.local, *more, also=also) == [0] * 9
    assert (plant.here / "taken.prom").exists()
    assert (plant.here / "report.html").exists()


def _sources(plant: Plant, http: int) -> None:
    refused = f'wrike: {{base_url: "http://127.0.0.1:{http}/api/v4", token: "file:{plant.away}/refused-token"}}'
    monitors = _monitors(plant, http, "refused")
    assert plant.run("refused", refused, plant.local, *monitors, runs=_FEW, also=["notify test"]) == [1] * 3
    (plant.here / "login.json").write_text(json.dumps({"refresh_token": plant.values["refresh-token"]}))
    (plant.here / "login.json").chmod(0o600)
    oauth = f'client_id: x, client_secret: "keyring:planted/client-secret", login_url: "http://127.0.0.1:{http}/login"'
    oauth += f", store: file, path: {plant.here}/login.json"
    login = f'wrike: {{base_url: "http://127.0.0.1:{http}/api/v4", oauth: {{{oauth}}}}}'
    assert plant.run("login", login, plant.local) == [1, 1, 1, 1]


def _object_stores(plant: Plant, http: int) -> None:
    s3 = f'endpoint_url: "http://127.0.0.1:{http}", region: r, access_key: "credential:s3-access-key"'
    s3 += f', secret_key: "file:{plant.away}/s3-secret-key", session_token: {plant.command("s3-session-token")}'
    assert plant.run("s3", _MOCK, f"s3: {{bucket: b, {s3}}}") == [1, 1, 1, 1]
    account, file = ServiceAccount(), plant.away / "service-account.json"
    for name, path in (("gcs", "token"), ("gcs-refused", "login")):
        file.write_text(text := account.json(f"http://127.0.0.1:{http}/{path}"))
        plant.values["gcs-private-key"] = json.loads(text)["private_key"].splitlines()[5]
        gcs = f'endpoint_url: "http://127.0.0.1:{http}", credentials: "file:{file}"'
        assert plant.run(name, _MOCK, f"gcs: {{bucket: b, {gcs}}}", runs=_FEW) == [1, 1]


def _servers(plant: Plant, ftp: int, ssh: str) -> None:
    assert plant.run("sftp", _MOCK, f'sftp: {{{ssh}, password: "file:{plant.away}/sftp-password"}}') == [1, 1, 1, 1]
    key = _key(plant, "sftp")
    for name, passphrase in (("sftp-key", "sftp-passphrase"), ("sftp-wrong", "wrong-passphrase")):
        with_key = f'{ssh}, key: {key}, key_passphrase: "file:{plant.away}/{passphrase}"'
        assert plant.run(name, _MOCK, f"sftp: {{{with_key}}}", runs=_FEW) == [1, 1]
    access = 'options: {username: u}, secrets: {password: "keyring:planted/ftp-password"}'
    assert plant.run("url", _MOCK, f'url: {{url: "ftp://127.0.0.1:{ftp}/b", {access}}}') == [1, 1, 1, 1]


def _key(plant: Plant, name: str) -> Path:
    """A key file that a planted passphrase opens."""
    path = plant.away / f"{name}_key"
    passphrase = plant.values[f"{name}-passphrase"]
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", path], check=True)
    return path


def _monitors(plant: Plant, port: int, path: str) -> tuple[str, ...]:
    password, end = quote(plant.values["apprise-password"], safe=""), plant.values["apprise-path"]
    (plant.away / f"apprise-{path}").write_text(f"json://me:{password}@127.0.0.1:{port}/{path}/{end}")
    (plant.away / f"ping-{path}").write_text(f"http://127.0.0.1:{port}/{path}/{plant.values['ping-uuid']}")
    return (
        "monitors:",
        f'  - apprise: {{url: "file:{plant.away}/apprise-{path}", on: [trouble, over, success]}}',
        f"  - healthchecks: {{url: {plant.command(f'ping-{path}')}}}",
        f"  - prometheus: {{textfile: {plant.here}/{path}.prom}}",
    )


pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="secrets by `cat`"),
    pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen, of the package openssh-client"),
    pytest.mark.slow,
]


def test_no_secret_is_in_anything_that_is_written(tmp_path: Path) -> None:
    assert planted(tmp_path, masked=True).found() == set()


def test_this_test_finds_those_that_are_repeated_where_nothing_is_masked(tmp_path: Path) -> None:
    found = planted(tmp_path, masked=False).found()
    assert {"refused-token", "client-secret", "refresh-token", "ftp-password", "gcs-access-token"} <= found
