"""Crawl: every kind into the spool, an API answer at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from queue import SimpleQueue

from wrikebackup_core.engine.job import Job
from wrikebackup_core.engine.threads import each
from wrikebackup_core.errors import Forbidden, NotOffered
from wrikebackup_core.model import Event, Gap, GapFound, Kind, StageFinished, StageProgress, StageStarted
from wrikebackup_core.plurals import plural
from wrikebackup_core.ports import Page
from wrikebackup_core.spool import Spool

__all__ = ["crawl"]

STAGE = "crawl"


def crawl(job: Job, spool: Spool, notify: Callable[[Event], None], stop: threading.Event) -> None:
    """Reads what the spool does not have yet, until `stop`; what was read stays then.

    A kind that is forbidden is a gap of the run. Any other SourceError sets `stop` and is raised.
    """
    notify(StageStarted(STAGE))
    run = _Crawl(job, spool, notify, stop)
    for number, kinds in enumerate(job.source.waves()):
        run.wave(number, [kind for kind in kinds if kind not in job.skip])
        if stop.is_set():
            return
    spool.index()
    counts = spool.counts()
    notify(StageFinished(STAGE, f"{plural(sum(counts.values()), 'record')} of {plural(len(counts), 'kind')}"))


class _Crawl:
    def __init__(self, job: Job, spool: Spool, notify: Callable[[Event], None], stop: threading.Event) -> None:
        self._source, self._spool, self._notify = job.source, spool, notify
        self._count = sum(spool.counts().values())
        self._lock = threading.Lock()
        self._stop = stop

    def wave(self, number: int, kinds: list[Kind]) -> None:
        refused = {gap.kind for gap in self._spool.gaps() if gap.id is None}
        asked = [kind for kind in kinds if kind.value not in refused]
        if asked:
            each(asked, lambda kind: self._read(kind, number), threads=len(asked), name=STAGE)

    def _read(self, kind: Kind, wave: int) -> None:
        cursor, done = self._spool.cursor(kind, wave)
        if done:
            return
        try:
            self._store(kind, wave, cursor)
        except Forbidden as error:
            gap = Gap(kind.value, None, error.message, error.hint)
            self._spool.add_gap(gap)
            self._notify(GapFound(gap))
        except NotOffered:
            pass  # nobody could have it from this source: nothing is missing
        except BaseException:
            self._stop.set()
            raise
        if not self._stop.is_set():
            self._spool.finish(kind, wave)

    def _store(self, kind: Kind, wave: int, cursor: str | None) -> None:
        pages = self._source.pages(kind, wave, self._spool, cursor)
        # When the crawl is ended by somebody else, what is already asked for is still stored: it serves the next run.
        for page in _one_ahead(pages, self._stop):
            self._spool.add(kind, wave, page)
            for gap in page.gaps:
                self._notify(GapFound(gap))
            with self._lock:
                self._count += len(page.records)
                self._notify(StageProgress(STAGE, kind.value, self._count))


def _one_ahead(pages: Iterator[Page], stop: threading.Event) -> Iterator[Page]:
    """The same pages, until `stop`; the next one is asked for while the caller stores the last.

    The thread is a daemon, for a program that ends does not wait for a connection that hangs.
    """
    wanted: SimpleQueue[bool] = SimpleQueue()
    ready: SimpleQueue[Page | BaseException | None] = SimpleQueue()

    def ask() -> None:
        while wanted.get():
            try:
                ready.put(next(pages, None))
            except BaseException as error:  # noqa: BLE001 - raised where the pages are stored
                ready.put(error)
                return
        if isinstance(pages, Generator):  # it lets go of its connections
            pages.close()

    threading.Thread(target=ask, name=f"{STAGE}-ahead", daemon=True).start()
    wanted.put(True)
    asked = True
    try:
        while asked and (page := ready.get()) is not None:
            if isinstance(page, BaseException):
                raise page
            asked = not stop.is_set()
            if asked:
                wanted.put(True)
            yield page
    finally:
        wanted.put(False)
