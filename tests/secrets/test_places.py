"""Where secrets lie: files that others can read are refused, systemd's credentials are found, commands end in time."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from wrikebackup_core import SecretError
from wrikebackup_core import secrets as secrets_
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.secrets import resolve

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
VALUE = "hunter2-of-the-file"


@pytest.fixture
def open_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that everybody can enter, as all above it: those of tests are shut to others."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="wrikebackup-", dir="/tmp") as name:  # which everybody can enter
        Path(name).chmod(0o755)
        yield Path(name)


def written(folder: Path, mode: int, text: str = VALUE) -> Path:
    path = folder / "token"
    path.write_text(text)
    path.chmod(mode)
    return path


@POSIX
@pytest.mark.parametrize("mode", [0o604, 0o640, 0o644, 0o660, 0o602, 0o620, 0o666])
def test_a_file_that_others_can_read_or_change_is_refused(open_folder: Path, mode: int) -> None:
    path = written(open_folder, mode)
    with pytest.raises(SecretError) as caught:
        resolve(f"file:{path}")
    assert str(caught.value) == (f"others on this machine can read or change the secret file {path} (mode {mode:04o})")
    assert caught.value.hint == f"chmod 600 {path}"


@POSIX
@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700, 0o711])
def test_a_file_of_its_owner_alone_is_read(open_folder: Path, mode: int) -> None:
    assert resolve(f"file:{written(open_folder, mode)}") == VALUE


@POSIX
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root, to give files away")
@pytest.mark.parametrize(("mode", "read"), [(0o640, True), (0o660, True), (0o644, False), (0o642, False)])
def test_a_file_of_somebody_else_may_be_open_to_its_group(open_folder: Path, mode: int, *, read: bool) -> None:
    path = written(open_folder, mode)
    os.chown(path, 12345, 12345)
    if read:
        assert resolve(f"file:{path}") == VALUE
    else:
        with pytest.raises(SecretError) as caught:
            resolve(f"file:{path}")
        assert caught.value.hint == f"its owner has to chmod o= {path}"


@POSIX
def test_a_file_below_a_folder_that_is_shut_to_others_is_read(open_folder: Path) -> None:
    shut = open_folder / "shut" / "open"
    shut.mkdir(parents=True)
    path = written(shut, 0o644)
    with pytest.raises(SecretError):
        resolve(f"file:{path}")
    shut.parent.chmod(0o700)
    assert resolve(f"file:{path}") == VALUE
    shut.parent.chmod(0o710)  # the group can enter
    with pytest.raises(SecretError):
        resolve(f"file:{path}")


@POSIX
def test_a_link_is_judged_by_where_it_leads(open_folder: Path) -> None:
    path = written(open_folder, 0o644)
    shut = open_folder / "shut"
    shut.mkdir(mode=0o700)
    (shut / "link").symlink_to(path)
    with pytest.raises(SecretError):
        resolve(f"file:{shut / 'link'}")


@POSIX
def test_a_volume_of_kubernetes_is_read_as_it_is_mounted(open_folder: Path) -> None:
    version = open_folder / "..2026_11_27"
    version.mkdir()
    written(version, 0o644)
    (open_folder / "..data").symlink_to(version.name)
    (open_folder / "token").symlink_to("..data/token")
    assert resolve(f"file:{open_folder / 'token'}") == VALUE


@POSIX
def test_a_secret_of_docker_is_read_as_it_is_mounted(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(open_folder, 0o444)
    monkeypatch.setattr(secrets_, "_CONTAINERS", (open_folder,))
    assert resolve(f"file:{path}") == VALUE


@POSIX
def test_what_is_no_file_has_no_mode_to_look_at() -> None:
    read, write = os.pipe()
    os.write(write, VALUE.encode())
    os.close(write)
    try:
        assert resolve(f"file:/dev/fd/{read}") == VALUE
    finally:
        os.close(read)


def test_a_key_of_many_lines_is_read_whole(tmp_path: Path) -> None:
    for text in ('{\n  "type": "service_account"\n}\n', "-----BEGIN KEY-----\nabc\n-----END KEY-----\n"):
        assert resolve(f"file:{written(tmp_path, 0o600, text)}") == text.strip()
    assert resolve(f"file:{written(tmp_path, 0o600, '{secret' + chr(10) + 'notes')}") == "{secret"


def test_a_credential_of_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    written(tmp_path, 0o400, f"{VALUE}\n")
    assert resolve("credential:token") == VALUE
    with pytest.raises(SecretError) as caught:
        resolve("credential:other")
    assert str(caught.value) == "systemd has handed over no credential other"
    assert "/etc/credstore/other" in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["../token", "/etc/passwd", "..", ".", " ", "a\\b"])
def test_a_credential_is_a_name_and_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(SecretError, match="names no credential"):
        resolve(f"credential:{name}")


def test_without_systemd_there_are_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(SecretError) as caught:
        resolve("credential:token")
    assert str(caught.value) == "there is no credential token: systemd has handed over none"
    assert "systemd-run --pipe --wait -p LoadCredential=token " in (caught.value.hint or "")


def python(source: str) -> str:
    return f"command:{shlex.quote(sys.executable)} -c {shlex.quote(source)}"


@pytest.mark.parametrize(
    "printed", [f"{VALUE}", f"{VALUE}\\n", f"{VALUE}\\n\\n", f"\\n{VALUE}\\r\\nuser: me\\nurl: x\\n"]
)
def test_of_what_a_command_prints_the_first_line_is_the_secret(printed: str) -> None:
    assert resolve(python(f"print('{printed}', end='')")) == VALUE


def test_a_command_that_does_not_end_is_given_up_with_what_it_has_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets_, "_COMMAND_SECONDS", 0.5)
    start = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(20)'])"
    began = time.monotonic()
    with pytest.raises(SecretError, match="does not end within"):
        resolve(python(start))
    assert time.monotonic() - began < 15


def test_a_secret_is_asked_for_once(tmp_path: Path) -> None:
    counted = tmp_path / "counted"
    reference = python(f"open({str(counted)!r}, 'a').write('x'); print('{VALUE}')")
    plugins = Plugins()
    assert [plugins.secret(reference) for _ in range(3)] == [VALUE] * 3
    assert counted.read_text() == "x"
    assert VALUE not in repr(plugins)
