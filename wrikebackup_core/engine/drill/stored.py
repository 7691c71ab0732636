"""A drill without a key: what is stored is read, and compared with SHA256SUMS. Nothing can be told of what is in it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from wrikebackup_core.decoding import Decoding
from wrikebackup_core.engine.drill.chosen import from_sums
from wrikebackup_core.engine.drill.job import Drilled, DrillJob
from wrikebackup_core.engine.findings import Finding
from wrikebackup_core.engine.restore.fetching import Flawed, pieces
from wrikebackup_core.engine.restore.holdings import list_original, read_sums
from wrikebackup_core.engine.restore.index import Index
from wrikebackup_core.engine.restore.original import Original
from wrikebackup_core.engine.restore.trusting import refuse_altered, refuse_untrusted
from wrikebackup_core.engine.threads import each
from wrikebackup_core.model import Event, Message, StageFinished, StageProgress, StageStarted
from wrikebackup_core.plurals import plural

__all__ = ["compare_stored"]

STAGE = "compare"
_NOT_SHOWN = (
    "that a key opens it: {lacking}, so stored bytes were compared with SHA256SUMS only; --identity gives one",
    "that the files in it are what their records say",
    "how long a restore takes",
)


def compare_stored(
    job: DrillJob, original: Original, result: Drilled, seed: str, notify: Callable[[Event], None], *, lacking: str
) -> None:
    """Fills in the result. `lacking` is why there is no key. Raises Damaged, SinkError."""
    plain, lock = replace(original, decoding=Decoding()), threading.Lock()
    findings = list[Finding]()
    result.decoded, result.not_shown = False, [text.format(lacking=lacking) for text in _NOT_SHOWN]
    began, done = time.monotonic(), 0
    with Index() as index:
        refuse_untrusted(original)
        list_original(index, original, lambda text: notify(Message(text, warning=True)))
        findings += refuse_altered(original, list(read_sums(index, original)))
        suffix = "".join(str(one.get("suffix") or "") for one in original.manifest.transforms)
        files, result.of_files = from_sums(index, original.account, job.extent, seed, suffix)
        zips = [key for key in (original.archive, original.records) if key is not None]
        notify(StageStarted(STAGE, len(files) + len(zips)))

        def compare(key: str) -> None:
            nonlocal done
            row = "SELECT (SELECT size FROM listed WHERE key=?1), (SELECT sha256 FROM sums WHERE key=?1)"
            size, sha256 = index.one(row, key)
            count, flaw = 0, None
            try:
                for piece in _stored(plain, key, size, sha256):
                    count += len(piece)
            except Flawed as error:
                flaw = error
            with lock:
                done += 1
                result.bytes += count
                if flaw is not None:
                    findings.append(flaw.finding)
                elif key not in zips:
                    result.whole += 1
                notify(StageProgress(STAGE, key, done, result.bytes))

        each([*zips, *files], compare, threads=job.transfers, name=STAGE)
    result.files, result.seconds = len(files), time.monotonic() - began
    result.findings = sorted(findings, key=lambda one: one.key)
    notify(StageFinished(STAGE, f"{plural(done, 'object')}, {result.bytes:,} bytes read"))


def _stored(plain: Original, key: str, size: int | None, sha256: str | None) -> Iterator[bytes]:
    """Raises Flawed."""
    if size is None:
        raise Flawed(key, "missing", "named in SHA256SUMS")
    if sha256 is None:
        raise Flawed(key, "unlisted", "SHA256SUMS does not name it")
    return pieces(plain, key, size, sha256)
