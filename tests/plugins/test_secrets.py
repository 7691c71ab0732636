"""Secrets come by reference, and their values are in no message."""

from __future__ import annotations

import os
import shlex
import stat
import sys
import threading
import traceback
from pathlib import Path

import pytest
from keyring.backend import KeyringBackend  # noqa: TID253 - nothing here needs to start quickly
from pydantic import BaseModel, ValidationError

from wrikebackup_core import MissingExtra, Secret, SecretError, WrikeBackupError, read_keyring, secrets, write_keyring
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.secrets import resolve

VALUE = "hunter2-Ünïcode"


def refused(reference: str) -> WrikeBackupError:
    """The error, after looking that nothing of it holds the secret."""
    with pytest.raises(WrikeBackupError) as caught:
        Plugins().secret(reference)
    told = "".join(traceback.format_exception(caught.value)) + str(caught.value.hint)
    assert VALUE not in told
    return caught.value


class Options(BaseModel):
    token: Secret


@pytest.mark.parametrize(
    "reference", ["env:TOKEN", "file:~/token", "keyring:wrike/me", "command:pass wrike", "vault:a#b"]
)
def test_a_reference_is_taken_as_it_is(reference: str) -> None:
    assert Options(token=reference).token == reference


@pytest.mark.parametrize("value", [VALUE, "", "eyJ0dCI6InAi.abc-def", "env:", ":x", "Env:X", "1:2"])
def test_what_is_no_reference_is_refused_and_not_repeated(value: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Options(token=value)
    (error,) = caught.value.errors(include_input=False)
    assert "not the secret itself" in error["msg"]
    assert value == "" or value not in error["msg"].replace("env:NAME", "")


def test_the_schema_tells_editors_what_a_reference_looks_like() -> None:
    schema = Options.model_json_schema()["properties"]["token"]
    assert schema["secret"] is True
    assert schema["pattern"] == "^[a-z][a-z0-9+.-]*:.+"


def test_env_is_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WRIKE_TOKEN", f" {VALUE}\n")
    assert resolve("env:WRIKE_TOKEN") == VALUE
    monkeypatch.setenv("WRIKE_TOKEN", " ")
    assert str(refused("env:WRIKE_TOKEN")) == "the secret env:WRIKE_TOKEN is empty"
    monkeypatch.delenv("WRIKE_TOKEN")
    assert str(refused("env:WRIKE_TOKEN")) == "the environment variable WRIKE_TOKEN is not set"


@pytest.mark.parametrize(
    "content", [f"{VALUE}\n", f"{VALUE}\r\nsecond line\n", VALUE, f"\ufeff{VALUE}\n", f"  {VALUE}  \n"]
)
def test_file_is_the_first_line_of_a_file(tmp_path: Path, content: str) -> None:
    path = tmp_path / "token"
    path.write_bytes(content.encode())
    assert resolve(f"file:{path}") == VALUE


def test_a_file_under_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "token").write_text("abc")
    assert resolve("file:~/token") == "abc"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")
def test_a_pipe_is_read_while_somebody_writes_and_given_up_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    writer = threading.Thread(target=pipe.write_text, args=(f"{VALUE}\n",), kwargs={"encoding": "utf-8"})
    writer.start()
    assert resolve(f"file:{pipe}") == VALUE
    writer.join()
    monkeypatch.setattr(secrets, "_PIPE_SECONDS", 0.05)
    assert "nothing comes out of it" in refused(f"file:{pipe}").message
    pipe.write_text("the reader that was given up ends", encoding="utf-8")


def test_a_file_that_yields_nothing_is_named_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "token"
    assert str(refused(f"file:{path}")) == f"cannot read the secret file {path}: no such file or directory"
    path.write_bytes(b"\n" + VALUE.encode())
    assert str(refused(f"file:{path}")) == f"the secret file:{path} is empty"
    path.write_bytes(b"")
    assert str(refused(f"file:{path}")) == f"the secret file:{path} is empty"
    path.write_bytes(VALUE.encode("latin-1"))
    assert str(refused(f"file:{path}")) == f"cannot read the secret file {path}: it is not UTF-8 text"
    assert "is a directory" in str(refused(f"file:{tmp_path}")) or sys.platform == "win32"
    assert "it names no file" in str(refused("file:nul\0byte"))
    assert isinstance(refused("file:~nobody-of-this-name/token"), SecretError)


class Shelf(KeyringBackend):
    """A keyring that holds one password."""

    priority = 1

    def get_password(self, service: str, username: str) -> str | None:
        if service == "broken":
            raise RuntimeError(f"the password is {VALUE}")
        return VALUE if (service, username) == ("wrike/acme", "me") else None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError


@pytest.fixture
def shelf() -> object:
    import keyring

    before = keyring.get_keyring()
    keyring.set_keyring(Shelf())
    yield
    keyring.set_keyring(before)


@pytest.mark.usefixtures("shelf")
def test_keyring_is_a_service_and_a_user() -> None:
    assert resolve("keyring:wrike/acme/me") == VALUE
    missing = refused("keyring:wrike/acme/you")
    assert (str(missing), missing.hint) == (
        "the keyring has no password for wrike/acme/you",
        "keyring set wrike/acme you",
    )
    assert str(refused("keyring:broken/me")) == "the keyring does not answer for broken/me: RuntimeError"


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize("entry", ["wrike", "/me", "wrike/"])
def test_a_keyring_entry_without_both_parts_is_told_how_to_write_it(entry: str) -> None:
    assert refused(f"keyring:{entry}").hint == "write keyring:SERVICE/USER"


def test_without_a_keyring_the_other_ways_are_named() -> None:
    import keyring
    from keyring.backends.fail import Keyring

    before = keyring.get_keyring()
    keyring.set_keyring(Keyring())
    try:
        assert refused("keyring:wrike/me").hint == "use env:, file: or command: on a machine without a desktop"
    finally:
        keyring.set_keyring(before)


def test_a_keyring_that_waits_is_given_up_by_whoever_reads_or_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring

    over = threading.Event()

    class Waiting(Shelf):
        def get_password(self, service: str, username: str) -> str | None:
            over.wait()
            return None

        def set_password(self, service: str, username: str, password: str) -> None:
            over.wait()

    before = keyring.get_keyring()
    keyring.set_keyring(Waiting())
    monkeypatch.setattr(secrets, "_KEYRING_SECONDS", 0.05)
    try:
        with pytest.raises(SecretError, match="the keyring does not answer for wrike/me within 0 s") as read:
            read_keyring("wrike", "me", otherwise="use a file")
        with pytest.raises(SecretError, match="the keyring does not take wrike/me within 0 s") as written:
            write_keyring("wrike", "me", VALUE, otherwise="use a file")
    finally:
        over.set()
        keyring.set_keyring(before)
    assert VALUE not in str(written.value)
    assert read.value.hint == written.value.hint
    assert "unlock it" in str(read.value.hint)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    missing = refused("keyring:wrike/me")
    assert isinstance(missing, MissingExtra)
    assert missing.hint == 'pip install "wrikebackup[keyring]"'


def program(tmp_path: Path, source: str) -> str:
    path = tmp_path / "pass program.py"
    path.write_text(source, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return f"command:{shlex.quote(sys.executable)} -X utf8 {shlex.quote(str(path))}"


def test_command_is_what_a_program_prints(tmp_path: Path) -> None:
    assert resolve(program(tmp_path, f"import sys; sys.stdout.buffer.write({VALUE!r}.encode())")) == VALUE


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (f"import sys; print({VALUE!r}); print({VALUE!r}, file=sys.stderr); sys.exit(3)", "ended with exit code 3"),
        (f"import sys; sys.stdout.buffer.write({VALUE!r}.encode() + bytes([255, 254]))", "UnicodeDecodeError"),
        ("pass", "is empty"),
    ],
    ids=["fails", "no text", "prints nothing"],
)
def test_a_command_that_yields_nothing_is_told_without_its_output(tmp_path: Path, source: str, reason: str) -> None:
    assert reason in str(refused(program(tmp_path, source)))


@pytest.mark.parametrize("line", ["no-such-program-at-all x", "'unfinished quote", "  ", "nul\0byte"])
def test_a_command_that_cannot_be_run_is_told(line: str) -> None:
    assert "cannot be run" in str(refused(f"command:{line}"))


def test_a_command_is_no_shell(tmp_path: Path) -> None:
    assert resolve(f"{program(tmp_path, 'import sys; print(sys.argv[1:])')} $HOME ; '*'") == "['$HOME', ';', '*']"


def test_another_scheme_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve("vault:x") is None
    error = refused(f"vault:{VALUE}")
    assert str(error) == "no plugin resolves secrets of the scheme vault:"
    assert error.hint == "built in: env:, file:, credential:, keyring:, command:"
