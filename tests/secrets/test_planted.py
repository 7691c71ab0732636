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
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

pytest.importorskip("asyncssh", reason="needs the extra sftp")
pytest.importorskip("botocore", reason="needs the extra s3")
pytest.importorskip("cryptography", reason="needs the extra age")

import asyncssh  # noqa: TID253 - the server of these tests

from tests.fsspec.sftp.servers import AsyncServer, Identity
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
)
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


class Repeating(asyncssh.SSHServer):
    """Lets nobody in, and says with which password they came."""

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return False

    def password_auth_supported(self) -> bool:
        return True

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
        ):
            self.values[kind] = secrets.token_hex(12)
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

    def command(self, kind: str) -> str:
        return json.dumps(f"command:{shlex.join(['cat', str(self.away / kind)])}")

    def run(self, name: str, source: str, sink: str, *more: str) -> list[int]:
        """The exit codes of runs of all kinds."""
        profile = self.here / f"{name}.yaml"
        profile.write_text(f"source:\n  {source}\nsinks:\n  - {sink}\nstate: {self.here}/state\n" + "\n".join(more))
        codes = []
        for words in (
            ("-vv", "backup"),
            ("-vv", "--log-format", "json", "--json", "backup"),
            ("-vv", "doctor"),
            ("-vv", "--log-format", "json", "--json", "doctor"),
        ):
            done = subprocess.run(
                [Path(sys.executable).with_name("wrikebackup"), *words, profile],
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
    server = AsyncServer(folder, identity, login=Repeating)
    server.start()
    identity.trust(server.port, server.host_key)
    try:
        yield server.port, identity.known_hosts
    finally:
        server.stop()


def planted(root: Path, *, masked: bool) -> Plant:
    """After runs with every kind of secret, of which some are right and some are refused."""
    plant = Plant(root, masked=masked)
    mock, local = "mock: {tasks: 20}", f"local: {{path: {plant.here}/backups}}"
    key = plant.away / "signing_key"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", plant.values["signing-passphrase"], "-f", key], check=True
    )
    (plant.away / "ssh").mkdir()
    (plant.here / "login.json").write_text(json.dumps({"refresh_token": plant.values["refresh-token"]}))
    (plant.here / "login.json").chmod(0o600)
    with (
        MockServer(MockAccount(tasks=20), token=plant.values["api-token"]) as wrike,
        parrot("http") as http,
        parrot("ftp") as ftp,
        sftp(plant.away / "ssh") as (ssh, known_hosts),
    ):
        good = f'wrike: {{base_url: "{wrike.base_url}", token: "env:API_TOKEN", rate: "off"}}'
        transforms = (
            "transforms:",
            f"  - encrypt: {{passphrase: {plant.command('passphrase')}}}",
            f'  - sign: {{key: {key}, passphrase: "credential:signing-passphrase"}}',
        )
        assert plant.run("good", good, local, "attachments: none", *transforms) == [0, 0, 0, 0]
        refused = f'wrike: {{base_url: "http://127.0.0.1:{http}/api/v4", token: "file:{plant.away}/refused-token"}}'
        assert plant.run("refused", refused, local) == [1, 1, 1, 1]
        oauth = (
            f'client_id: x, client_secret: "keyring:planted/client-secret", login_url: "http://127.0.0.1:{http}/login"'
        )
        oauth += f", store: file, path: {plant.here}/login.json"
        login = f'wrike: {{base_url: "http://127.0.0.1:{http}/api/v4", oauth: {{{oauth}}}}}'
        assert plant.run("login", login, local) == [1, 1, 1, 1]
        s3 = f'endpoint_url: "http://127.0.0.1:{http}", region: r, access_key: "credential:s3-access-key"'
        s3 += f', secret_key: "file:{plant.away}/s3-secret-key", session_token: {plant.command("s3-session-token")}'
        assert plant.run("s3", mock, f"s3: {{bucket: b, {s3}}}") == [1, 1, 1, 1]
        ssh_ = f"host: 127.0.0.1, port: {ssh}, user: u, path: b, agent: false, known_hosts: {known_hosts}"
        assert plant.run("sftp", mock, f'sftp: {{{ssh_}, password: "file:{plant.away}/sftp-password"}}') == [1, 1, 1, 1]
        access = 'options: {username: u}, secrets: {password: "keyring:planted/ftp-password"}'
        assert plant.run("url", mock, f'url: {{url: "ftp://127.0.0.1:{ftp}/b", {access}}}') == [1, 1, 1, 1]
    return plant


pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="secrets by `cat`"),
    pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen, of the package openssh-client"),
    pytest.mark.slow,
]


def test_no_secret_is_in_anything_that_is_written(tmp_path: Path) -> None:
    assert planted(tmp_path, masked=True).found() == set()


def test_this_test_finds_those_that_are_repeated_where_nothing_is_masked(tmp_path: Path) -> None:
    found = planted(tmp_path, masked=False).found()
    assert {"refused-token", "client-secret", "refresh-token", "ftp-password"} <= found
