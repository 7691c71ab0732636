"""The age program opens what we write, and we open what it writes, for every kind of recipient that both know."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("cryptography", "48", reason="the extra age is not installed")

from tests.age.opening import WAYS, encrypted
from wrikebackup_age.age import armor, keys
from wrikebackup_age.age.errors import KeyProblem, NoMatch
from wrikebackup_age.age.scrypt import ScryptIdentity, ScryptRecipient
from wrikebackup_age.age.x25519 import X25519Identity

pytestmark = [
    pytest.mark.skipif(not shutil.which("age"), reason="no age program here"),
    pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="no ssh-keygen here"),
]
PASSPHRASE = "correct horse battery staple"
PLAIN = bytes(range(256)) * 800  # more than three chunks
KINDS = ("x25519", "ssh-ed25519", "ssh-rsa")


def run(*command: str | Path, data: bytes = b"") -> bytes:
    done = subprocess.run([str(part) for part in command], input=data, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_in_terminal(*command: str | Path) -> None:
    run(sys.executable, Path(__file__).with_name("terminal.py"), PASSPHRASE, *command)


def nobody() -> str | None:
    raise AssertionError("a passphrase is asked for where there is none")


class Pair:
    """A key file that a program made, the line of its recipient, and what we read of both."""

    def __init__(self, file: Path, line: str) -> None:
        self.file, self.line = file, line
        (self.identity,) = keys.identities(file.read_bytes(), nobody)
        self.recipient = keys.recipient(line)


Make = Callable[[str], Pair]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def pair(kind: str) -> Pair:
        file = tmp_path / f"{kind}-{len(list(tmp_path.iterdir()))}"
        if kind == "x25519":
            run("age-keygen", "-o", file)
            return Pair(file, run("age-keygen", "-y", file).decode().strip())
        ssh_key(file, kind)
        return Pair(file, file.with_name(f"{file.name}.pub").read_text())

    return pair


def ssh_key(file: Path, kind: str, passphrase: str = "", *more: str) -> None:
    size = ("-b", "2048") if kind == "ssh-rsa" else ()
    kind = kind.removeprefix("ssh-")
    run("ssh-keygen", "-q", "-t", kind, *size, "-a", "1", "-N", passphrase, "-C", "a comment", "-f", file, *more)


# Both ways


@pytest.mark.parametrize("kind", KINDS)
def test_the_program_opens_what_we_write(kind: str, make: Make) -> None:
    pair = make(kind)
    assert run("age", "-d", "-i", pair.file, data=encrypted(PLAIN, [pair.recipient])) == PLAIN


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_we_open_what_the_program_writes(kind: str, way: str, make: Make) -> None:
    pair = make(kind)
    data = run("age", "-r", pair.line, data=PLAIN)
    assert WAYS[way](data, [make(kind).identity]) == (b"", NoMatch)
    assert WAYS[way](data, [make("x25519").identity, pair.identity]) == (PLAIN, None)


def test_the_program_opens_what_we_write_for_a_passphrase(tmp_path: Path) -> None:
    (tmp_path / "file.age").write_bytes(encrypted(PLAIN, [ScryptRecipient(PASSPHRASE, work=10)]))
    run_in_terminal("age", "-d", "-o", tmp_path / "file", tmp_path / "file.age")
    assert (tmp_path / "file").read_bytes() == PLAIN


def test_we_open_what_the_program_writes_for_a_passphrase(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(PLAIN)
    run_in_terminal("age", "-p", "-o", tmp_path / "file.age", tmp_path / "file")
    data = (tmp_path / "file.age").read_bytes()
    assert WAYS["streaming"](data, [ScryptIdentity(PASSPHRASE)]) == (PLAIN, None)


@pytest.mark.parametrize("size", [0, 1, 47, 48, 49, 5000])
def test_we_open_what_the_program_put_into_armor(size: int, make: Make) -> None:
    pair = make("x25519")
    data = run("age", "-a", "-r", pair.line, data=PLAIN[:size])
    for text in (data, data.replace(b"\n", b"\r\n"), b"\n \n" + data + b"\n\n"):
        assert WAYS["streaming"](armor.dearmored(text), [pair.identity]) == (PLAIN[:size], None)


def test_each_of_several_recipients_opens_the_file(make: Make) -> None:
    pairs = [make(kind) for kind in (*KINDS, "x25519", "ssh-ed25519")]
    ours = encrypted(PLAIN, [pair.recipient for pair in pairs])
    theirs = run("age", *(part for pair in pairs for part in ("-r", pair.line)), data=PLAIN)
    for pair in pairs:
        assert run("age", "-d", "-i", pair.file, data=ours) == PLAIN
        assert WAYS["streaming"](theirs, [pair.identity]) == (PLAIN, None)


def test_a_file_of_recipients_means_the_same_to_both(make: Make, tmp_path: Path) -> None:
    pairs = [make(kind) for kind in KINDS]
    text = "# who may read\n\n" + "".join(f"{pair.line.strip()}\n" for pair in pairs)
    (tmp_path / "recipients").write_text(text)
    theirs = run("age", "-R", tmp_path / "recipients", data=PLAIN)
    ours = encrypted(PLAIN, keys.recipients(text))
    for pair in pairs:
        assert run("age", "-d", "-i", pair.file, data=ours) == PLAIN
        assert WAYS["streaming"](theirs, [pair.identity]) == (PLAIN, None)


def test_a_recipient_is_written_as_the_programs_write_it(make: Make) -> None:
    for kind in KINDS:
        pair = make(kind)
        assert str(pair.recipient) == pair.line.strip().removesuffix(" a comment")


def test_the_program_reads_our_keys(make: Make, tmp_path: Path) -> None:
    key = X25519Identity.generate()
    (tmp_path / "ours").write_text(key.secret() + "\n")
    assert run("age-keygen", "-y", tmp_path / "ours").decode().strip() == str(key.recipient())


# Keys behind a passphrase


@pytest.mark.parametrize("options", [[], ["-a"]], ids=["binary", "armored"])
def test_a_key_file_that_the_program_encrypted_opens_with_its_passphrase(
    options: list[str], make: Make, tmp_path: Path
) -> None:
    pair, file = make("x25519"), tmp_path / "key.age"
    run_in_terminal("age", "-p", *options, "-o", file, pair.file)
    (identity,) = keys.identities(file.read_bytes(), lambda: PASSPHRASE)
    assert WAYS["streaming"](encrypted(PLAIN, [pair.recipient]), [identity]) == (PLAIN, None)


def test_the_program_opens_files_with_a_key_file_that_we_encrypted(make: Make, tmp_path: Path) -> None:
    pair = make("x25519")
    (tmp_path / "key.age").write_bytes(encrypted(pair.file.read_bytes(), [ScryptRecipient(PASSPHRASE, work=10)]))
    (tmp_path / "file.age").write_bytes(encrypted(PLAIN, [pair.recipient]))
    run_in_terminal("age", "-d", "-i", tmp_path / "key.age", "-o", tmp_path / "file", tmp_path / "file.age")
    assert (tmp_path / "file").read_bytes() == PLAIN


@pytest.mark.parametrize("cipher", ["aes256-ctr", "aes256-gcm@openssh.com"])
@pytest.mark.parametrize("kind", ["ssh-ed25519", "ssh-rsa"])
def test_an_ssh_key_with_a_passphrase_opens_what_is_for_it(kind: str, cipher: str, tmp_path: Path) -> None:
    pytest.importorskip("bcrypt", reason="the extra age is not installed")
    file = tmp_path / "key"
    ssh_key(file, kind, PASSPHRASE, "-Z", cipher)
    data = run("age", "-R", tmp_path / "key.pub", data=PLAIN)
    (identity,) = keys.identities(file.read_bytes(), lambda: PASSPHRASE)
    assert WAYS["streaming"](data, [identity]) == (PLAIN, None)
    for wrong in ("another", "", "x" * 100):
        with pytest.raises(NoMatch, match="passphrase"):
            keys.identities(file.read_bytes(), lambda wrong=wrong: wrong)  # type: ignore[misc] # bound in the loop
    with pytest.raises(KeyProblem, match="encrypted with a passphrase"):
        keys.identities(file.read_bytes(), lambda: None)


def test_without_bcrypt_an_ssh_key_with_a_passphrase_says_what_is_missing(tmp_path: Path) -> None:
    ssh_key(tmp_path / "key", "ssh-ed25519", PASSPHRASE)
    script = f"""
import sys
sys.path[:0], sys.modules["bcrypt"] = {sys.path!r}, None
from wrikebackup_age.age import keys
try:
    keys.identities(open({str(tmp_path / "key")!r}, "rb").read(), lambda: {PASSPHRASE!r})
except keys.KeyProblem as error:
    print(error)
"""
    assert run(sys.executable, "-c", script).decode().strip() == (
        'opening an SSH key with a passphrase needs the library bcrypt: pip install "wrikebackup[age]"'
    )


# Keys that cannot be used


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_an_ssh_key_that_cannot_be_used_is_refused_on_both_sides(kind: str, tmp_path: Path) -> None:
    """Another kind than the two, and one that is too short to be written to."""
    bits = {"ecdsa": "256", "rsa": "1024"}[kind]
    run("ssh-keygen", "-q", "-t", kind, "-b", bits, "-N", "", "-f", tmp_path / "key")
    with pytest.raises(KeyProblem, match=r"only ssh-ed25519 and ssh-rsa|1024 bits"):
        keys.recipient((tmp_path / "key.pub").read_text())
    if kind == "ecdsa":
        with pytest.raises(KeyProblem, match="only ssh-ed25519 and ssh-rsa"):
            keys.identities((tmp_path / "key").read_bytes(), nobody)


def test_a_certificate_is_no_recipient(tmp_path: Path) -> None:
    for name in ("authority", "key"):
        ssh_key(tmp_path / name, "ssh-ed25519")
    run("ssh-keygen", "-q", "-s", tmp_path / "authority", "-I", "someone", tmp_path / "key.pub")
    with pytest.raises(KeyProblem, match="only ssh-ed25519 and ssh-rsa"):
        keys.recipient((tmp_path / "key-cert.pub").read_text())


@pytest.mark.parametrize("passphrase", ["", PASSPHRASE], ids=["plain", "encrypted"])
def test_a_private_key_in_an_old_format_says_how_to_bring_it_up_to_date(passphrase: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    ssh_key(file, "ssh-rsa", passphrase, "-m", "PEM")
    assert file.read_text().startswith("-----BEGIN RSA PRIVATE KEY-----")
    with pytest.raises(KeyProblem, match="ssh-keygen -p -f FILE"):
        keys.identities(file.read_bytes(), nobody)
    run("ssh-keygen", "-q", "-p", "-P", passphrase, "-N", "", "-f", file)
    assert isinstance(keys.identities(file.read_bytes(), nobody), list)
