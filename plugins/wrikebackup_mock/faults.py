"""Troubles that the server makes on demand: which requests get them follows from counting, never from chance alone."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

from wrikebackup_mock.chance import Dice

KINDS = {
    "drop": "the connection closes without an answer",
    "stall": "nothing comes for `seconds`, then the connection closes",
    "status": "an HTML page with the status `status` (503 by default)",
    "rate-limit": "429, with Retry-After where `seconds` is at least 1",
    "slow": "the answer comes in small pieces, `seconds` apart",
    "expire-token": "the access token is no longer good: 401 until it is refreshed",
    "cut": "the connection closes after `bytes` bytes of the body",
    "truncate": "the whole length is announced and `bytes` bytes are sent",
    "html": "an HTML page with status 200",
    "corrupt-json": "a body that is no JSON",
    "empty-body": "status 200 and no body",
    "page-shift": "`by` items turn up in front of a paged list between two of its pages",
    "lose": "the item number `by` is not on a page of a list, though it is in the account",
    "ignore-range": "a download with Range is answered with 200 and the whole file",
    "shift-range": "a download with Range is answered with 206 from `bytes` bytes before the place asked for, and says so",
    "short": "a download announces and sends `bytes` bytes less than the file has",
    "long": "a download announces and sends `bytes` bytes more than the file has",
    "no-length": "a download does not say how long it is",
    "export-anew": "while a table of the BI export is fetched, a newer export takes its place",
    "export-unsafe": "a table of the BI export is called `../x`",
    "export-foreign": "the addresses of the BI export are those of another account",
    "export-foreign-rows": "a table of the BI export is that of another account",
    "export-header": "the first row of a table is not what the schema says",
    "export-torn": "a table ends in the middle of a row, and is as long as announced",
}
_DOWNLOADS = frozenset({"ignore-range", "shift-range", "short", "long", "no-length"})
_EXPORT = frozenset(kind for kind in KINDS if kind.startswith("export-"))
_LISTS = frozenset({"corrupt-json", "page-shift", "expire-token"})


@dataclass
class Fault:
    """One kind of trouble, and who gets it.

    It counts the requests whose path (`/tasks`, `/attachments/IE…/download`) the regular expression `path` finds, and
    strikes those with the numbers in `at` (from 1), every `every`th one, or a `share` of them that `seed` picks;
    `times` at most. Without any of these it strikes all. A `page-shift` counts only requests for
    further pages, faults of ranges only requests with one.
    """

    kind: str
    path: str = ""
    at: tuple[int, ...] = ()
    every: int = 0
    share: float = 0.0
    seed: int = 0
    times: int = 0
    status: int = 503
    bytes: int = 1000
    seconds: float = 0.02
    by: int = 1
    seen: int = 0
    fired: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault is called {self.kind}; there are {', '.join(KINDS)}")
        self.at = tuple(self.at)
        try:
            re.compile(self.path)
        except re.error as error:
            raise ValueError(f"{self.path!r} is no regular expression: {error}") from None

    @classmethod
    def parse(cls, text: str) -> Fault:
        """`KIND` or `KIND:key=value,key=value`, as the command line takes it; several numbers for `at` are joined by `+`.

        Raises ValueError.
        """
        kind, _, rest = text.partition(":")
        given: dict[str, object] = {}
        types = {each.name: each.type for each in fields(cls) if each.name not in ("kind", "seen", "fired")}
        for item in filter(None, rest.split(",")):
            key, equals, value = item.partition("=")
            if key not in types or not equals:
                raise ValueError(f"a fault takes {', '.join(types)}, not {item!r}")
            if key == "at":
                given[key] = tuple(int(number) for number in value.split("+"))
            else:
                given[key] = value if key == "path" else float(value) if key in ("share", "seconds") else int(value)
        return cls(kind, **given)  # type: ignore[arg-type]

    def strikes(self) -> bool:
        """Counts one more matching request, and says whether it is one to strike."""
        self.seen += 1
        if self.times and self.fired >= self.times:
            return False
        if not (self.at or self.every or self.share):
            return True
        if self.seen in self.at or (self.every > 0 and self.seen % self.every == 0):
            return True
        return self.share > 0 and Dice(self.seed).roll(self.kind, self.seen) % 10_000 < self.share * 10_000


class Faults:
    """The troubles of one server. Safe to change from any thread."""

    def __init__(self, faults: Iterable[Fault | str] = ()) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self.set(faults)

    def set(self, faults: Iterable[Fault | str]) -> None:
        """Replaces all."""
        made = [Fault.parse(fault) if isinstance(fault, str) else fault for fault in faults]
        with self._lock:
            self._faults = made

    def add(self, fault: Fault | str) -> Fault:
        made = Fault.parse(fault) if isinstance(fault, str) else fault
        with self._lock:
            self._faults.append(made)
        return made

    def clear(self) -> None:
        self.set(())

    def pick(self, path: str, *, download: bool, ranged: bool) -> Fault | None:
        """The fault that strikes this request. Every fault whose path fits counts it, the first that strikes is taken."""
        struck = None
        with self._lock:
            for fault in self._faults:
                if (
                    fault.kind in ("page-shift", "lose")
                    or fault.kind in _EXPORT
                    or (fault.kind in _DOWNLOADS and not download)
                ):
                    continue
                if (fault.kind in _LISTS and download) or (fault.kind.endswith("-range") and not ranged):
                    continue
                if re.search(fault.path, path) and fault.strikes() and struck is None:
                    struck = fault
                    fault.fired += 1
        return struck

    def export(self, kind: str, path: str) -> bool:
        """Whether a fault of the BI export strikes; `path` is `/data_export`, for a table with its name behind it."""
        return bool(self._struck(kind, path))

    def shift(self, path: str) -> int:
        """By how many items a list moves before this page of it is read."""
        return sum(fault.by for fault in self._struck("page-shift", path))

    def lost(self, path: str) -> frozenset[int]:
        """Places, from 0, of the items that are not on this page of a list."""
        return frozenset(fault.by - 1 for fault in self._struck("lose", path))

    def _struck(self, kind: str, path: str) -> list[Fault]:
        with self._lock:
            due = [each for each in self._faults if each.kind == kind and re.search(each.path, path)]
            struck = [fault for fault in due if fault.strikes()]
            for fault in struck:
                fault.fired += 1
            return struck

    def fired(self, kind: str = "") -> int:
        """How often the faults of a kind (or all) have struck."""
        with self._lock:
            return sum(fault.fired for fault in self._faults if kind in ("", fault.kind))

    def report(self) -> list[dict[str, object]]:
        with self._lock:
            return [asdict(fault) for fault in self._faults]
