"""The sinks that are copied to: what one account has there, and which of them are still in the run."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence

from wrikebackup_core.engine.copying.catalog import Catalog
from wrikebackup_core.engine.copying.job import Flaw, Received
from wrikebackup_core.engine.copying.repeats import Repeats
from wrikebackup_core.engine.findings import Finding
from wrikebackup_core.engine.leases import Hold
from wrikebackup_core.errors import FormatError, KeyUnfit, LeaseLost, WrikeBackupError
from wrikebackup_core.format import layout
from wrikebackup_core.model import Event, Message, SinkDropped
from wrikebackup_core.plurals import plural
from wrikebackup_core.ports import Entry, Sink
from wrikebackup_core.store import AccountStore, entries

__all__ = ["Crew", "NothingLeft", "Target"]

Notify = Callable[[Event], None]


class NothingLeft(Exception):
    """Every target has failed; each says why."""


class Target:
    """One account in one sink. `committed` are uids; of those, `incomplete` lack something and `broken` says what is wrong with
    their SHA256SUMS. `spoiled` counts what keeps the backup at hand from being committed; of that, `unfit` are keys that the store
    cannot hold, and what it says to them."""

    def __init__(self, number: int, sink: Sink, account: str, received: Received) -> None:
        self.number, self.sink, self.received = number, sink, received
        self.committed: set[str] = set()
        self.incomplete: set[str] = set()
        self.vague: str | None = None  # a backup whose checksums cannot be read: nobody can tell which files it needs
        self.broken: dict[str, str] = {}
        self.there: list[str] = []  # manifests of what was found to be whole
        self.spoiled = 0
        self.unfit: list[tuple[str, str]] = []
        self.hold: Hold | None = None  # there is none where nothing is written
        self._account = account
        self.store = AccountStore(sink, account)

    @property
    def live(self) -> bool:
        return self.received.failed is None

    def demand(self) -> None:
        """Ahead of a commit, or of deleting. Raises LeaseLost where another run has the sink by now; SinkError."""
        if self.hold is not None:
            self.hold.check()

    def look(self, catalog: Catalog, notify: Notify, *, write: bool) -> None:
        """Takes down what is there, and what its backups say of it. Raises SinkError."""
        if write:
            self.sink.sweep(self.store.folder)
        found = entries(self.sink, self.store.folder, lambda text: notify(Message(text, warning=True)))
        catalog.list_target(self.number, self._noting(found))
        with Repeats() as repeats:
            for uid in sorted(self.committed):
                wrong: list[str] = []
                repeats.begin()
                if catalog.know(self.number, self._sums(uid, repeats, wrong)) and not wrong:
                    repeats.keep()
                else:
                    self.incomplete.add(uid)
                if wrong:
                    self._tell(uid, wrong, catalog, notify)

    def _sums(self, uid: str, repeats: Repeats, wrong: list[str]) -> Iterator[tuple[str, str]]:
        """What a backup's SHA256SUMS says and the last one that was whole does not, as far as it can be read; and what is wrong."""
        try:
            for found in self.store.lines(uid, repeats):
                if isinstance(found, str):
                    wrong.append(found)
                else:
                    yield found
        except FormatError:
            wrong.append("missing")

    def _tell(self, uid: str, wrong: list[str], catalog: Catalog, notify: Notify) -> None:
        key = layout.sums_key(self._account, uid)
        more = f", and {plural(len(wrong) - 1, 'damaged line')} more" if len(wrong) > 1 else ""
        notify(Message(f"{self.sink.name}: {key}: {wrong[0]}{more}", warning=True))
        if catalog.held(self.number, key) is not None:
            self.broken[uid] = wrong[0]
        self.vague = uid

    def _noting(self, found: Iterable[Entry]) -> Iterator[Entry]:
        """The same entries; committed backups are noted on the way."""
        start = f"{self.store.folder}/backup-"
        for entry in found:
            yield entry
            uid, _, name = entry.key.removeprefix(start).partition("/")
            if name == "manifest.json" and entry.key.startswith(start) and layout.started(uid) is not None:
                self.committed.add(uid)


class Crew:
    """All targets, and what is found to be wrong. Safe from any thread."""

    def __init__(self, targets: Sequence[Target], source: str, flaws: list[Flaw], notify: Notify) -> None:
        self._targets, self._source, self._flaws = targets, source, flaws
        self.notify = notify
        self._lock = threading.Lock()
        self.uid = ""
        self.lacking: list[Target] = []

    @property
    def live(self) -> list[Target]:
        return [target for target in self._targets if target.live]

    def begin(self, uid: str, lacking: Sequence[Target]) -> None:
        """The backup that is copied now, and the targets that lack something of it."""
        self.uid, self.lacking = uid, list(lacking)
        for target in lacking:
            target.spoiled = 0
            target.unfit.clear()

    def waiting(self) -> list[Target]:
        """The targets that lack something of the backup at hand, and are in the run. Raises NothingLeft where none is."""
        found = [target for target in self.lacking if target.live]
        if not found:
            self.demand()
        return found

    def demand(self) -> None:
        """Raises NothingLeft where no target is in the run."""
        if not self.live:
            raise NothingLeft

    @contextlib.contextmanager
    def guarded(self, target: Target) -> Iterator[None]:
        """A target that fails inside is dropped, and the others go on."""
        try:
            yield
        except (WrikeBackupError, OSError) as error:
            self.drop(target, error)

    def lose(self, key: str, target: Target, error: Exception) -> None:
        """A target does not take an object: a name that it cannot hold costs the backups that need it, anything else the target."""
        if isinstance(error, KeyUnfit):
            with self._lock:
                target.unfit.append((key, error.message))
            self.spoil([target])
        else:
            self.drop(target, error)

    def drop(self, target: Target, error: Exception, *, locked: bool = False) -> None:
        """Takes a target out of the run, and tells of it once."""
        with self._lock:
            if not target.live:
                return
            target.received.failed, target.received.locked = str(error), locked or isinstance(error, LeaseLost)
        self.notify(SinkDropped(target.sink.name, str(error), getattr(error, "hint", None)))

    def spoil(self, targets: Iterable[Target], finding: Finding | None = None, sink: str | None = None) -> None:
        """These targets cannot have the backup; because of a finding in a sink, the source by default, unless that was told of."""
        with self._lock:
            for target in targets:
                target.spoiled += 1
            if finding is not None:
                self._flaws.append(Flaw(sink or self._source, self.uid, finding))
