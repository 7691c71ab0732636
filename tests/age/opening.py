"""What the tests of the age library open files with, and what they make of it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from wrikebackup_age.age import files
from wrikebackup_age.age.header import Identity, Recipient
from wrikebackup_core import WrikeBackupError


class Trickle(io.BytesIO):
    """A file whose reads give at most `most` bytes, as those of sockets and stores may."""

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__(data)
        self.most = most

    def read(self, size: int | None = -1, /) -> bytes:
        asked = self.most if size is None or size < 0 else size
        return super().read(min(asked, self.most))


def encrypted(plain: bytes | Iterable[bytes], recipients: Sequence[Recipient]) -> bytes:
    pieces = [plain] if isinstance(plain, bytes) else plain
    return b"".join(bytes(piece) for piece in files.encrypt(pieces, recipients))


def streamed(
    data: bytes, identities: Sequence[Identity], most: int = 1 << 30
) -> tuple[bytes, type[WrikeBackupError] | None]:
    """What is released of a file that is read as a stream, and what it is refused with."""
    released = b""
    try:
        for piece in files.decrypt(Trickle(data, most).read, identities):
            released += piece
    except WrikeBackupError as error:
        return released, type(error)
    return released, None


def sought(
    data: bytes, identities: Sequence[Identity], most: int = 1 << 30
) -> tuple[bytes, type[WrikeBackupError] | None]:
    """The same for a file that is opened where the reader wants to."""
    released = b""
    try:
        with files.Decrypted(Trickle(data, most), len(data), identities) as file:
            while piece := file.read(100_000):
                released += piece
    except WrikeBackupError as error:
        return released, type(error)
    return released, None


WAYS = {"streaming": streamed, "seeking": sought}
