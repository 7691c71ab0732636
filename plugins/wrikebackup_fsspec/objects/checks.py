"""What `wrikebackup doctor` asks of an object store."""

from __future__ import annotations

from collections.abc import Generator

from wrikebackup_core import Check, Sink
from wrikebackup_fsspec import keys
from wrikebackup_fsspec.checks import Promised
from wrikebackup_fsspec.checks import checks as asked_of_any
from wrikebackup_fsspec.objects.bucket import PIECE, Bucket

__all__ = ["checks", "probe_name"]


def probe_name(root: str) -> str:
    """A name that no listing of the sink shows, and that nobody else uses."""
    return root + keys.probe_name()


def checks(sink: Sink, probe: Sink, bucket: Bucket) -> Generator[Check, None, bool]:
    """What every one of them is asked: `sink` as the profile has it, then `probe`, an empty one on `bucket`, which locks nothing.
    Returns whether it can be written to.
    """

    def by_store(in_pieces: bool) -> bool:
        return bucket.conditional_in_pieces if in_pieces else bucket.conditional

    return asked_of_any(sink, probe, Promised(by_store, PIECE))
