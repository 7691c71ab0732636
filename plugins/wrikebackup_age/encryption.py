"""The transform `encrypt`: each file that is stored is an age file of its own."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Sequence
from typing import IO, NoReturn, Self

from wrikebackup_age import key_files
from wrikebackup_age.age import files, keys
from wrikebackup_age.age.header import Header, Identity, Recipient, Stanza
from wrikebackup_age.age.scrypt import ScryptIdentity, ScryptRecipient
from wrikebackup_age.options import EncryptOptions
from wrikebackup_core import Check, Context, KeyMissing, KeyRefused, Keys, Reader, Transform, UsageError, Writer

__all__ = ["Encryption", "decryption", "encryption"]

_BUFFER = 256 * 1024
_IDENTITY = "identity"
_SHOWN = 32  # characters of a recipient
_HINT = "give a key file with --identity, or in WRIKEBACKUP_IDENTITY"


class Encryption(Transform):
    """To recipients, and from identities; either may be lacking. Safe from any thread."""

    kind = "encrypt"
    suffix = ".age"

    def __init__(
        self,
        recipients: Sequence[Recipient] = (),
        identities: Sequence[Identity] = (),
        *,
        names: Sequence[str] = (),
        files: Sequence[str] = (),
    ) -> None:
        """`names` are the recipients as they were written, for the manifest.

        `files` are key files of a profile: looked at when something is to be decoded, for who only encodes may lack them.
        """
        self._recipients, self._identities, self._names, self._files = recipients, identities, names, files
        self._lock = threading.Lock()

    @property
    def has_keys(self) -> bool:  # type: ignore[override] # a class variable there
        return bool(self._identities or self._files)

    def encode(self, target: Writer) -> Writer:
        return _Sealing(target, self._recipients)

    def decode(self, stored: Reader) -> Reader:
        return _Opening(stored, self._needed())

    def decode_file(self, stored: IO[bytes]) -> IO[bytes]:
        size = stored.seek(0, io.SEEK_END)
        return io.BufferedReader(files.Decrypted(stored, size, self._needed()), _BUFFER)

    def describe(self) -> dict[str, object]:
        return {"format": "age-encryption.org/v1", "recipients": [_short(name) for name in self._names]}

    def checks(self) -> Iterator[Check]:
        yield from map(_check, self._files)

    def _needed(self) -> Sequence[Identity]:
        """Raises KeyMissing, KeyRefused, and UsageError for a key file that cannot be used."""
        with self._lock:
            if not self._identities:
                self._identities = [one for file in self._files for one in _of_profile(file)]
        if not self._identities:
            raise KeyMissing("the backup is encrypted, and there is no key to open it with", hint=_HINT)
        return self._identities


def encryption(options: EncryptOptions, context: Context) -> Encryption:
    """From a profile. Raises UsageError for a recipient that cannot be used, SecretError."""
    if options.passphrase is not None:
        passphrase = context.secret(options.passphrase)
        made = Encryption([ScryptRecipient(passphrase)], [ScryptIdentity(passphrase)], names=["passphrase"])
    else:
        given = [(name, _recipient(name)) for name in options.recipients]
        given += [pair for file in options.recipient_files for pair in _recipients(file)]
        recipients = [recipient for _, recipient in given]
        try:
            Header.write(bytes(16), recipients)  # whether they may stand together
        except ValueError as error:
            raise UsageError(
                f"encrypt: {error}", hint="make keys of one kind: wrikebackup keygen, with or without --classic"
            ) from None
        made = Encryption(recipients, names=[name for name, _ in given], files=options.identity)
    made.hides_names = options.hide_names
    return made


def decryption(given: Keys) -> Encryption:
    """For a backup without its profile. Raises KeyRefused where there is no key, UsageError for one that cannot be used."""
    identities = [one for file in given.files for one in _identities(file, given)]
    return Encryption(identities=identities or [_Asked(given)])


class _Asked:
    """For a file that a passphrase opens: asked for once, and only when such a file is met."""

    def __init__(self, given: Keys) -> None:
        self._given = given
        self._lock = threading.Lock()
        self._identity: ScryptIdentity | None = None

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """Raises KeyMissing where there is no passphrase, or the file is one that a key opens."""
        if not any(stanza.kind == "scrypt" for stanza in stanzas):
            raise KeyMissing("the backup is encrypted, and there is no key to open it with", hint=_HINT)
        with self._lock:
            if self._identity is None:
                passphrase = self._given.ask("passphrase of the backup")
                if passphrase is None:
                    raise KeyMissing(
                        "the backup is encrypted with a passphrase, and nobody is there to give it",
                        hint="give the profile that names it, or run this in a terminal",
                    )
                self._identity = ScryptIdentity(passphrase)
        return self._identity.unwrap(stanzas)


def _recipient(text: str) -> Recipient:
    try:
        return keys.recipient(text)
    except keys.KeyProblem as error:
        shown = "" if "SECRET" in text.upper() else f" {_short(text)}"
        raise UsageError(f"encrypt: the recipient{shown}: {error}") from None


def _recipients(name: str) -> list[tuple[str, Recipient]]:
    path, data, _ = key_files.read(name, "encrypt: cannot read the recipients in")
    try:
        found = keys.recipients(data.decode())
    except UnicodeDecodeError:
        raise UsageError(f"encrypt: cannot read the recipients in {path}: it is no text") from None
    except keys.KeyProblem as error:
        raise UsageError(f"encrypt: {path}: {error}") from None
    return [(str(recipient), recipient) for recipient in found]


def _of_profile(name: str) -> list[Identity]:
    def refused(_question: str) -> NoReturn:
        raise UsageError(
            f"the key file {name} has a passphrase, which a profile does not ask for",
            hint=f"give it with --identity {name}",
        )

    return _identities(name, Keys(ask=refused))


def _identities(name: str, given: Keys) -> list[Identity]:
    path, data, mode = key_files.read(name, "cannot read the key file")
    if (warning := key_files.others_read(path, mode)) is not None:
        given.warn(warning)
    unanswered: list[str] = []

    def passphrase() -> str | None:
        answer = given.ask(f"passphrase of {path}")
        if answer is None:
            unanswered.append("run this in a terminal, which asks for it")
        return answer

    try:
        return keys.identities(data, passphrase)
    except keys.KeyProblem as error:
        raise UsageError(f"the key file {path}: {error}", hint=unanswered[0] if unanswered else None) from None
    except KeyRefused as error:
        raise KeyRefused(f"the key file {path}: {error.message}", hint=error.hint) from None


def _check(name: str) -> Check:
    """Whether a key file of the profile is of use. A host that only takes backups has no use for it."""
    warned: list[str] = []
    asked: list[str] = []
    try:
        if not key_files.located(name, "cannot read the key file").exists():
            hint = "a machine that only takes backups needs none; to restore, give it with --identity"
            return Check(_IDENTITY, None, f"{name} is not there", hint)
        _identities(name, Keys(ask=asked.append, warn=warned.append))
    except (UsageError, KeyRefused, OSError, ValueError) as error:
        if asked:
            hint = f"what reads backups does not ask for it: give the file with --identity {name}"
            return Check(_IDENTITY, None, f"{name} has a passphrase", hint)
        return Check(_IDENTITY, False, str(error), getattr(error, "hint", None))
    return Check(_IDENTITY, None if warned else True, warned[0] if warned else f"{name} can be used")


def _short(name: str) -> str:
    """Enough of a recipient to know it by."""
    words = name.split()
    text = " ".join(words[:2]) if name.startswith(("ssh-", "ecdsa-", "sk-")) else name
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 9]}…{text[-8:]}"


class _Sealing:
    """A Writer: what is written to it comes out encrypted."""

    def __init__(self, target: Writer, recipients: Sequence[Recipient]) -> None:
        self._target = target
        self._start, self._sealer = files.begin(recipients)

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        self._begin()
        for piece in self._sealer.feed(data):
            self._target.write(piece)
        return memoryview(data).nbytes

    def commit(self) -> None:
        try:
            self._begin()
            self._target.write(self._sealer.finish())
        except BaseException:
            self._target.discard()
            raise
        self._target.commit()

    def discard(self) -> None:
        self._target.discard()

    def _begin(self) -> None:
        if self._start:
            self._target.write(self._start)
            self._start = b""


class _Opening:
    """A Reader of what was encrypted. Its length is not known before the end."""

    size, start = None, 0

    def __init__(self, stored: Reader, identities: Sequence[Identity]) -> None:
        self._stored = stored
        self._pieces = files.decrypt(stored.read, identities)
        self._held = b""

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return b"".join([self._taken(len(self._held)), *self._pieces])
        while not self._held and size:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._held = piece
        return self._taken(size)

    def _taken(self, size: int) -> bytes:
        taken, self._held = self._held[:size], self._held[size:]
        return taken

    def close(self) -> None:
        self._stored.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
