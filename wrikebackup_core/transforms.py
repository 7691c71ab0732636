"""The port of transforms: the steps between source and sinks, and what goes with them."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Protocol, Self

from wrikebackup_core.model import Backup, Gap
from wrikebackup_core.ports import Check, Reader, Run, Writer

__all__ = ["Artifact", "Keys", "Transform", "Verifier"]

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that a transform adds: `key` relative to the backup's folder, and its bytes in pieces.

    `chunks` is called once for all sinks, and again where it raised an error that says that trying again may help. The file is stored
    when it has given its last piece, so that what is checked behind that piece is checked right before. `edition` is opaque: a
    resumed run keeps what was stored of the same edition, and replaces it otherwise.
    """

    key: str
    chunks: Callable[[], Iterator[bytes]]
    edition: str = ""


class Transform:
    """A step between source and sinks. This base class changes nothing; override what the transform is for."""

    kind: str = ""
    """The name that the profile gives it; the manifest says it too."""

    suffix: str = ""
    """What `encode` adds to each key that it changes, such as `.age`. One that changes bytes has one."""

    has_keys: bool = False
    """Whether `decode` needs nothing that the profile does not name."""

    hides_names: bool = False
    """Whether attachments are to be stored under their ids alone, and neither titles nor names to stand in the manifest."""

    prunes: bool = False
    """Whether a run whose backup is complete is to delete the backups that nothing votes for."""

    def add(self, run: Run) -> Iterator[Artifact | Gap]:
        """Files that come with the backup, and what could not be had of them.

        A SourceError, raised here or by an artifact's `chunks`, is a gap: here it ends what is added, there it is that of one file.
        After Withdrawn nothing stays of what was added before; if it may help, `add` is called again.
        """
        yield from ()

    def encode(self, target: Writer) -> Writer:
        """Wraps the way in: what is written to the result comes out changed in `target`. Passes `commit` and `discard` on."""
        return target

    def decode(self, stored: Reader) -> Reader:
        """Wraps the way out. Raises KeyRefused, FormatError."""
        return stored

    def decode_file(self, stored: IO[bytes]) -> IO[bytes]:
        """The same for a file that can seek, such as a zip: `stored` and the result can. Raises KeyRefused, FormatError.

        This one decodes all of it into a temporary file; override it where parts can be decoded by themselves.
        """
        if not self.suffix:
            return stored
        with self.decode(_FileReader(stored)) as reader, contextlib.ExitStack() as stack:
            file = stack.enter_context(tempfile.TemporaryFile())
            while piece := reader.read(_PIECE):
                file.write(piece)
            stack.pop_all()
        file.seek(0)
        return file

    def keep(self, backups: Sequence[Backup], now: datetime) -> Mapping[str, str]:
        """backupUID -> reason for those it wants kept; only ever a vote to keep."""
        return {}

    def attest(self, name: str, content: Callable[[], Iterator[bytes]]) -> Iterator[Artifact]:
        """What is stored beside `SHA256SUMS` or `manifest.json`, as `name` says, to vouch for its content: such as a signature.

        Each key begins with `name` and a dot. It is stored as it is, before the manifest.
        """
        yield from ()

    def checks(self) -> Iterator[Check]:
        """What `wrikebackup doctor` tells of it, besides that it could be made: such as key files that others can read. Never raises."""
        yield from ()

    def describe(self) -> dict[str, object]:
        """What decoding needs to know, for the manifest; never a secret."""
        return {}


class Verifier(Protocol):
    """Tells whether what a transform stored to vouch for a file is of somebody who is trusted."""

    suffix: str
    """With it behind the file's name, the name of what vouches for it: `.sig`."""

    def signer(self, content: Callable[[], Iterator[bytes]], attestation: bytes, at: datetime) -> str:
        """Who vouches for the content of a backup that was begun `at` a time, which is aware, as a name for people. The content may be
        long, and is read in pieces, in any number of threads.

        Raises FormatError, with the reason alone, where nobody does who is trusted.
        """


@dataclass(frozen=True, slots=True)
class Keys:
    """With what a person wants to open a backup. `files` are key files as they were named; `ask` gives the answer to a question for
    a passphrase, None where there is nobody to ask; `warn` takes a line for that person.
    """

    files: Sequence[str] = ()
    ask: Callable[[str], str | None] = lambda _: None
    warn: Callable[[str], None] = lambda _: None


class _FileReader:
    """A file from its start as a Reader. Closing it leaves the file open."""

    start = 0

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = file.seek(0, io.SEEK_END)
        file.seek(0)

    def read(self, size: int = -1, /) -> bytes:
        return self._file.read(size)

    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None: ...
