"""`wrikebackup keygen`: a key to encrypt backups to."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from wrikebackup_age import key_files
from wrikebackup_core import UsageError, answer, private_folder, say

__all__ = ["keygen"]


@click.command(short_help="Make a key to encrypt backups to.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--passphrase", "protected", is_flag=True, help="Ask for a passphrase, and encrypt the file with it.")
@click.option(
    "--classic",
    is_flag=True,
    help="A key that age programs older than 1.3 can read too; it does not hold against quantum computers.",
)
def keygen(file: Path, *, protected: bool, classic: bool) -> None:
    """Write a new secret key to FILE, which only you can read, and print its recipient: the public key that a profile names.

    Keep FILE away from the backups and from the machine that takes them, and keep a copy of it: without it nobody can open what was
    encrypted to it. The keys hold against quantum computers; age 1.3 or newer opens the backups without this program.
    """
    try:
        from wrikebackup_age.age.hybrid import HybridIdentity
        from wrikebackup_age.age.x25519 import X25519Identity
    except ImportError as error:
        raise UsageError(f"keygen needs the library {error.name}", hint='pip install "wrikebackup[age]"') from error

    file = key_files.located(str(file), "cannot write")
    if file.exists():
        raise UsageError(f"{file} is there already, and a key is never replaced", hint="choose another name")
    identity = X25519Identity.generate() if classic else HybridIdentity.generate()
    recipient = str(identity.recipient())
    created = datetime.now(UTC).replace(microsecond=0).isoformat()
    text = f"# created: {created}\n# public key: {recipient}\n{identity.secret()}\n".encode()
    if protected:
        text = _protected(text)
    _write(file, text)
    say(f"the secret key is in {file}: keep it off this machine, and keep a copy; the recipient is")
    answer(recipient, file=str(file), recipient=recipient)


def _protected(text: bytes) -> bytes:
    from wrikebackup_age.age import files
    from wrikebackup_age.age.scrypt import ScryptRecipient

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            "--passphrase asks for it at a terminal, and there is none",
            hint="run it in a terminal, or leave --passphrase out",
        )
    while (passphrase := _asked("passphrase")) != _asked("the same again"):
        say("these two differ: once more", needed=True)
    return b"".join(bytes(piece) for piece in files.encrypt([text], [ScryptRecipient(passphrase)]))


def _asked(question: str) -> str:
    answered: str = click.prompt(question, hide_input=True, err=True)
    return answered


def _write(file: Path, text: bytes) -> None:
    """For its owner's eyes only, from the first moment on; nothing where it cannot be written whole."""
    try:
        private_folder(file.parent)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(file, flags, 0o600), "wb") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
    except OSError as error:
        raise UsageError(f"cannot write {file}: {(error.strerror or str(error)).lower()}") from error
