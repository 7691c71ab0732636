"""Whom the sink trusts, how it is let in, and what it says when it is not."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncssh  # noqa: TID253 - the server of these tests
import pytest

from tests.fsspec.asking import put
from tests.fsspec.servers import free_port
from tests.fsspec.sftp.servers import AsyncServer, ByPassword, Identity, OpenSsh, serving
from wrikebackup_core import SinkError
from wrikebackup_fsspec.options import SftpOptions
from wrikebackup_fsspec.sftp.sink import SftpSink

MakeSink = Callable[..., SftpSink]
PASSWORD = "correct horse"


def refusal(sink: SftpSink) -> SinkError:
    with pytest.raises(SinkError) as caught:
        sink.create("a/b")
    assert "\n" not in str(caught.value)
    assert PASSWORD not in f"{caught.value} {caught.value.hint}"
    assert {check.name: check.ok for check in sink.checks()} == {"server": False}
    return caught.value


# Host keys


def test_an_unknown_host_key_is_refused_and_not_remembered(
    make_sink: MakeSink, openssh: OpenSsh, tmp_path: Path
) -> None:
    known = tmp_path / "known_hosts"
    known.touch()
    error = refusal(make_sink(openssh.port, known_hosts=str(known)))
    fingerprint = asyncssh.read_public_key(_public(openssh.host_key)).get_fingerprint()
    assert f"its host key (ssh-ed25519 {fingerprint}) is not in {known}" in str(error)
    assert f"ssh-keyscan -p {openssh.port} 127.0.0.1" in str(error.hint)
    assert str(known) in str(error.hint)
    assert known.read_text() == ""
    assert not (tmp_path / "root").exists()


def test_without_a_file_of_known_hosts_nobody_is_trusted(make_sink: MakeSink, openssh: OpenSsh, tmp_path: Path) -> None:
    assert "is not in" in str(refusal(make_sink(openssh.port, known_hosts=str(tmp_path / "none"))))


@pytest.mark.parametrize("algorithm", ["ssh-ed25519", "ecdsa-sha2-nistp256"])
def test_a_changed_host_key_is_refused(make_sink: MakeSink, openssh: OpenSsh, tmp_path: Path, algorithm: str) -> None:
    other = asyncssh.generate_private_key(algorithm).export_public_key().decode()
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{openssh.port} {other}")
    error = refusal(make_sink(openssh.port, known_hosts=str(known)))
    assert f"is not the one in {known}" in str(error)
    assert f"ssh-keygen -F '[127.0.0.1]:{openssh.port}' -f {known}" in str(error.hint)


def test_known_hosts_may_be_hashed(make_sink: MakeSink, openssh: OpenSsh, tmp_path: Path) -> None:
    keygen = shutil.which("ssh-keygen")
    if keygen is None:
        pytest.skip("needs ssh-keygen")
    known = tmp_path / "known_hosts"
    shutil.copy(openssh.identity.known_hosts, known)
    subprocess.run([keygen, "-H", "-f", known], check=True, capture_output=True)
    assert "127.0.0.1" not in known.read_text()
    put(make_sink(openssh.port, known_hosts=str(known)), "a")


def _public(private: Path) -> Path:
    public = private.with_suffix(".pub")
    asyncssh.read_private_key(private).write_public_key(public)
    return public


# Keys


def test_a_key_that_the_server_does_not_know_is_told(make_sink: MakeSink, openssh: OpenSsh, tmp_path: Path) -> None:
    key = tmp_path / "other"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(key)
    error = refusal(make_sink(openssh.port, key=str(key)))
    assert str(error) == f"cannot connect to root@127.0.0.1:{openssh.port}: it does not let us in"
    assert f"add the public key of {key} to ~/.ssh/authorized_keys of root" in str(error.hint)


def test_a_key_with_a_passphrase_opens_with_it_and_only_with_it(
    make_sink: MakeSink, openssh: OpenSsh, identity: Identity, tmp_path: Path
) -> None:
    pytest.importorskip("bcrypt", reason="needs bcrypt, for keys with a passphrase")
    key = tmp_path / "locked"
    asyncssh.read_private_key(identity.key).write_private_key(key, passphrase=PASSWORD, rounds=50)
    reference = {"key": str(key), "key_passphrase": "env:PHRASE"}
    put(make_sink(openssh.port, secret=lambda _: PASSWORD, **reference), "a")
    assert "the passphrase does not fit" in str(refusal(make_sink(openssh.port, secret=lambda _: "other", **reference)))
    assert "it needs a passphrase" in str(refusal(make_sink(openssh.port, key=str(key))))


@pytest.mark.parametrize("content", [None, "not a key\n", ""])
def test_a_key_file_that_is_none_is_told(
    make_sink: MakeSink, openssh: OpenSsh, tmp_path: Path, content: str | None
) -> None:
    key = tmp_path / "key"
    if content is not None:
        key.write_text(content)
    assert f"the key {key}" in str(refusal(make_sink(openssh.port, key=str(key))))


@pytest.fixture
def agent(identity: Identity, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an ssh-agent that holds the user's key."""
    program, add = shutil.which("ssh-agent"), shutil.which("ssh-add")
    if program is None or add is None:
        pytest.skip("needs ssh-agent and ssh-add")
    address = str(tmp_path_factory.mktemp("agent") / "s")
    process = subprocess.Popen([program, "-D", "-a", address], stdout=subprocess.DEVNULL)
    try:
        while not Path(address).exists():
            assert process.poll() is None
        subprocess.run(
            [add, identity.key], env=os.environ | {"SSH_AUTH_SOCK": address}, check=True, capture_output=True
        )
        yield address
    finally:
        process.terminate()
        process.wait()


def test_keys_of_an_agent_are_used_unless_the_profile_forbids(
    make_sink: MakeSink, openssh: OpenSsh, agent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", agent)
    monkeypatch.setenv("HOME", str(tmp_path))
    put(make_sink(openssh.port, key=None, agent=True), "a")
    error = refusal(make_sink(openssh.port, key=None, agent=False))
    assert "it does not let us in" in str(error)
    assert "ssh-add -l" in str(error.hint)


def test_the_usual_keys_are_found_where_the_profile_names_none(
    make_sink: MakeSink, openssh: OpenSsh, identity: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    shutil.copy(identity.key, tmp_path / ".ssh" / "id_ed25519")
    shutil.copy(identity.known_hosts, tmp_path / ".ssh" / "known_hosts")
    put(make_sink(openssh.port, key=None, known_hosts="~/.ssh/known_hosts"), "a")


# Passwords


class Knowing(ByPassword):
    def validate_password(self, username: str, password: str) -> bool:
        return password == PASSWORD


class ByQuestion(Knowing):
    def password_auth_supported(self) -> bool:
        return False

    def kbdint_auth_supported(self) -> bool:
        return True

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:
        return "", "", "", [("Passwort: ", False)]

    def validate_kbdint_response(self, username: str, responses: Any) -> bool:
        return list(responses) == [PASSWORD]


@pytest.mark.parametrize("login", [Knowing, ByQuestion])
def test_a_password_lets_in_also_where_the_server_asks_for_it(
    make_sink: MakeSink, identity: Identity, tmp_path: Path, login: type[asyncssh.SSHServer]
) -> None:
    with serving(AsyncServer(tmp_path, identity, login=login)) as server:
        more = {"key": None, "password": "env:PASSWORD"}
        sink = make_sink(server.port, secret=lambda _: PASSWORD, **more)
        put(sink, "a")
        assert PASSWORD not in repr(sink._login)
        error = refusal(make_sink(server.port, secret=lambda _: "wrong", **more))
        assert "it does not let us in" in str(error)
        assert error.hint == "check the user and the password"


# Hosts


def test_a_port_where_nothing_listens_is_told(make_sink: MakeSink) -> None:
    error = refusal(make_sink(free_port()))
    assert str(error).endswith("nothing listens there")
    assert "port" in str(error.hint)


@pytest.mark.parametrize("host", ["no such host", "a..b"])
def test_a_host_name_that_is_none_is_told(make_sink: MakeSink, host: str) -> None:
    assert str(refusal(make_sink(22, host=host))).endswith("no such host name is known")


def test_a_server_that_says_nothing_is_given_up(make_sink: MakeSink) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = refusal(make_sink(silent.getsockname()[1], timeout=0.3))
    assert str(error).endswith("no answer within 0.3 seconds")


def test_a_server_without_sftp_is_told(
    identity: Identity, make_sink: MakeSink, openssh: OpenSsh, tmp_path: Path
) -> None:
    server = OpenSsh(tmp_path, identity, "Subsystem other /bin/false")
    identity.trust(server.port, server.host_key)
    server.start()
    try:
        error = refusal(make_sink(server.port))
    finally:
        server.stop()
    assert "it offers no SFTP" in str(error)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/srv//backups/", "sftp:me@host:22/srv/backups"),
        ("backups/wrike", "sftp:me@host:22/~/backups/wrike"),
        ("~/backups", "sftp:me@host:22/~/backups"),
        ("~", "sftp:me@host:22/~"),
        ("/", "sftp:me@host:22/"),
    ],
)
def test_the_name_says_where_the_folder_is(make_sink: MakeSink, path: str, name: str) -> None:
    assert make_sink(22, path, host="host", user="me").name == name


def test_an_address_of_version_6_stands_in_brackets(make_sink: MakeSink) -> None:
    assert make_sink(22, "/a", host="::1", user="me").name == "sftp:me@[::1]:22/a"


def test_the_options_say_what_they_are() -> None:
    assert all(field.description or name == "port" for name, field in SftpOptions.model_fields.items())
