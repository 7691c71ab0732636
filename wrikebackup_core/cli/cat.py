"""`wrikebackup cat`: one member of a backup, as it was, on stdout."""

from __future__ import annotations

import codecs
import contextlib
import re
import sys
from collections.abc import Iterator, Sequence

import click

from wrikebackup_core.cli.reading import open_reading, with_keys
from wrikebackup_core.cli.session import Session, options
from wrikebackup_core.errors import UsageError

__all__ = ["cat"]

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


@click.command(short_help="Write a member of a backup to stdout.")
@click.argument("place")
@click.argument("words", nargs=-1, required=True, metavar="[BACKUP] NAME")
@click.option(
    "--id",
    "id_",
    metavar="ID",
    help="Of a member with records only the one with this id: no more than needed is fetched.",
)
@click.option("--force", is_flag=True, help="Write binary content to a terminal too.")
@with_keys
@options
@click.pass_obj
def cat(
    session: Session, place: str, words: Sequence[str], identity: Sequence[str], *, id_: str | None, force: bool
) -> None:
    """Write one thing out of a backup to stdout, byte for byte as it was, decrypted where it is encrypted.

    PLACE is a profile, a folder with backups, or the address of a store: s3://bucket/prefix. BACKUP is the beginning of a backup's
    name; without it, the newest one.

    NAME is tasks.json or another of the four files; tasks.jsonl or the records of another kind; manifest.json, SHA256SUMS, or another
    file of the backup; or an attachment, by its id or its name.
    """
    from wrikebackup_core.engine.lookup.members import content
    from wrikebackup_core.engine.lookup.records import record

    if len(words) > 2:
        raise UsageError("give one BACKUP and one NAME at the most", hint="a name with blanks goes between quotes")
    backup, name = (None, words[0]) if len(words) == 1 else words
    with open_reading(session, place) as reading, contextlib.ExitStack() as stack:
        opened, out = reading.open(backup, identity), sys.stdout.buffer
        if id_ is None:
            pieces: Iterator[bytes] = stack.enter_context(contextlib.closing(content(opened, name)))
        else:
            pieces = iter([record(opened, name, id_) + b"\n"])
        for piece in pieces if force or not sys.stdout.isatty() else _harmless(pieces, name):
            out.write(piece)
        out.flush()


def _harmless(pieces: Iterator[bytes], name: str) -> Iterator[bytes]:
    """The same pieces. Raises UsageError before one that would do more to a terminal than write text."""
    decode = codecs.getincrementaldecoder("utf-8")().decode
    for piece in pieces:
        try:
            found = _CONTROLS.search(decode(piece))
        except UnicodeDecodeError:
            found = _CONTROLS.search("\0")
        if found:
            raise UsageError(
                f"{name} is not plain text, and stdout is a terminal", hint="send it to a file, or give --force"
            )
        yield piece
