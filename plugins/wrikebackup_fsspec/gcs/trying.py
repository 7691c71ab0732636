"""What a server that is not Google's own promises, found out by trying."""

from __future__ import annotations

import contextlib

from wrikebackup_core import AlreadyExists
from wrikebackup_fsspec.gcs.faults import Errors, Refused
from wrikebackup_fsspec.gcs.upload import Session
from wrikebackup_fsspec.gcs.writing import Claim, Promises, Writing

__all__ = ["promises_of"]

_ENDED = {404, 410}  # by a request before, whose answer was lost


def promises_of(writing: Writing, first: str, second: str) -> Promises:
    """`first` and `second` are names of probes, which are gone afterwards. Raises SinkError, Lost, Refused, GoogleAuthError."""
    try:
        return Promises(small=_small(writing, first), large=_large(writing, first), stands=_stands(writing, second))
    finally:
        for name in (first, second):
            with contextlib.suppress(*Errors):
                writing.place.delete(name)


def _small(writing: Writing, name: str) -> bool:
    for _ in range(2):
        claim = Claim(name)
        try:
            writing.put(claim, b"", writing.resource(claim, locked=False))
        except AlreadyExists:
            return True
    return False


def _large(writing: Writing, name: str) -> bool:
    """Whether an upload in pieces cannot replace what is there."""
    try:
        session = Session(writing, Claim(name), locked=False)
        session.patiently(lambda: session.put(memoryview(b"x"), 0, 1))
    except Refused as error:
        if error.status not in _ENDED | {412}:
            raise
        return error.status == 412
    return False


def _stands(writing: Writing, name: str) -> bool:
    """Whether an upload can be asked how far it is; there are servers that take the question for its end."""
    session = Session(writing, Claim(name), locked=False)
    try:
        if session.patiently(lambda: session.stands(None)).status != 308:
            return False
    except Refused as error:
        if error.status not in _ENDED:
            raise
        return False
    with contextlib.suppress(*Errors):
        session.cancel()
    return True
