"""What the server was asked: every request, and counts by method and path template."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass

_KEPT = 100_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One request; `template` is such as `/tasks/{ids}`, `path` what was really asked for, `fault` what struck it."""

    method: str
    template: str
    path: str
    query: dict[str, str]
    status: int
    fault: str = ""

    @property
    def what(self) -> str:
        return f"{self.method} {self.template}"


class Journal:
    """Safe to use from any thread. The counts are of everything, the entries the last 100,000."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._statuses: Counter[int] = Counter()
        self._entries: deque[Entry] = deque(maxlen=_KEPT)

    def add(self, entry: Entry) -> None:
        with self._lock:
            self._counts[entry.what] += 1
            self._statuses[entry.status] += 1
            self._entries.append(entry)

    @property
    def counts(self) -> Counter[str]:
        """`GET /tasks/{ids}` -> how often; a template, not a path."""
        with self._lock:
            return self._counts.copy()

    @property
    def statuses(self) -> Counter[int]:
        """HTTP status -> how often; 0 where there was no answer."""
        with self._lock:
            return self._statuses.copy()

    @property
    def total(self) -> int:
        return self.counts.total()

    def count(self, what: str) -> int:
        """How often `GET /tasks/{ids}` or the like was asked for."""
        return self.counts[what]

    def entries(self, what: str | None = None) -> list[Entry]:
        """In the order of the answers; all, or those of one template."""
        with self._lock:
            return [entry for entry in self._entries if what in (None, entry.what)]

    def clear(self) -> None:
        with self._lock:
            self._counts.clear()
            self._statuses.clear()
            self._entries.clear()

    def __len__(self) -> int:
        return self.total

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries())
