"""What can be wrong with an age file, in the classes of the public test vectors (C2SP/CCTV `age`), and with a key."""

from __future__ import annotations

from wrikebackup_core import FormatError, KeyRefused

__all__ = ["ArmorError", "HeaderError", "KeyProblem", "MacError", "NoMatch", "PayloadError"]


class ArmorError(FormatError):
    """The lines of text around the file are not as they must be."""


class HeaderError(FormatError):
    """The header is not as it must be: it was cut off, altered, or written by something else."""


class MacError(FormatError):
    """The header was altered after it had been written."""


class NoMatch(KeyRefused):
    """None of the identities opens the file."""


class PayloadError(FormatError):
    """The content was cut off or altered."""


class KeyProblem(ValueError):
    """What is wrong with a key, in words that never hold any of it, and the line that it is on, from 1."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(f"line {line}: {reason}" if line is not None else reason)
        self.reason, self.line = reason, line
