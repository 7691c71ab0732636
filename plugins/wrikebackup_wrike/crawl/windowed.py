"""Comments and attachments of the whole account, which the API gives for a few days at a time.

Comments: at most 7 days of `createdDate` a request (developers.wrike.com/reference/getcommentsempty); attachments: less than 31
days. Neither has pages. Comments take a `limit`, by default 1000: whether the API caps a larger one is not documented, so an answer
that looks capped is asked for again in halves.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

from wrikebackup_core import Forbidden, Kind, NotFound, Page
from wrikebackup_wrike.answer import Answer, Named, head_of
from wrikebackup_wrike.crawl.by_item import by_item
from wrikebackup_wrike.crawl.flight import answers
from wrikebackup_wrike.crawl.links import without_links
from wrikebackup_wrike.crawl.queries import Query, as_list
from wrikebackup_wrike.crawl.run import Crawl
from wrikebackup_wrike.crawl.shapes import AccountHead
from wrikebackup_wrike.crawl.windows import Window, Windows, seconds
from wrikebackup_wrike.refusals import BadRequest

__all__ = ["ITEMS", "QUERIES", "ahead", "all_time", "now", "walked", "windowed"]

_log = logging.getLogger(__name__)
_DAY = 86_400
_FIRST_DATE = seconds("2000-01-01T00:00:00Z") or 0  # before Wrike: an older date is a mistake that would cost requests
_FUTURE = 366 * _DAY  # a later date is a mistake as well
_LIMIT = 20_000  # some 10 MB, of which several may be on their way; a window with more is cut in two
_USUAL_LIMIT = 1000
ITEMS = "items:"
_BESIDE_LISTS = 2  # windows in flight while lists are read: each page of a list must not wait for a dozen windows


@dataclass(frozen=True, slots=True)
class _Windowed:
    """How a kind is asked for, and the longest windows in seconds: by the reference, and as a stricter server may read it."""

    query: Query
    lengths: tuple[int, ...]
    limited: bool


_COMMENTS = Query(
    "/comments",
    Kind.COMMENTS,
    {"types": as_list(["Regular", "Email"])},
    ("type",),
    spare={"types": "comments by e-mail"},
)
_ATTACHMENTS = Query(
    "/attachments",
    Kind.ATTACHMENTS,
    {"versions": "true", "withUrls": "true"},
    spare={"versions": "earlier versions of files", "withUrls": "the addresses of files that Wrike does not store"},
)
_KINDS = {
    Kind.COMMENTS: _Windowed(_COMMENTS, (7 * _DAY, 7 * _DAY - 1), limited=True),
    Kind.ATTACHMENTS: _Windowed(_ATTACHMENTS, (31 * _DAY - 1, 30 * _DAY, 30 * _DAY - 1), limited=False),
}
QUERIES = (_COMMENTS, _ATTACHMENTS)


def ahead(crawl: Crawl, kind: Kind, dates: Sequence[str], cursor: str | None) -> Iterator[Page]:
    """Yields a page for each window since the account began, by its `dates`, while tasks and folders are still being listed.

    Nothing where no date is known. What cannot be had so is left to `windowed`, as the last cursor says.
    """
    first = min((second for date in dates if (second := seconds(date))), default=None)
    if first is None or cursor == ITEMS:
        return
    lengths = _KINDS[kind].lengths
    windows = Windows.load(cursor, lengths[0]) if cursor else _fitted(first, now(crawl), lengths, after=True)
    if not (yield from walked(crawl, kind, windows)):
        yield Page((), ITEMS)


def windowed(crawl: Crawl, kind: Kind, cursor: str | None, before: str | None = None) -> Iterator[Page]:
    """Yields a page for each window; where the account-wide list is refused, one for each task and folder instead.

    `before` is the cursor with which `ahead` ended: what that asked for is not asked for again.
    """
    saved = cursor or (before if before == ITEMS else None)
    if saved is None or not saved.startswith(ITEMS):
        longest = _KINDS[kind].lengths[0]
        if saved is not None:
            windows = Windows.load(saved, longest)
        elif before is not None:
            windows = _rest(crawl, Windows.load(before, longest))
        else:
            windows = all_time(crawl, kind)
        if (yield from walked(crawl, kind, windows)):
            return
    start = saved.removeprefix(ITEMS) if saved and saved.startswith(ITEMS) else None
    yield from by_item(crawl, _KINDS[kind].query, start or None, prefix=ITEMS)


def walked(crawl: Crawl, kind: Kind, windows: Windows) -> Generator[Page, None, bool]:
    """Yields pages; returns whether they hold all that there is, else it is to be had item by item only."""
    try:
        overflowed = yield from _Walk(crawl, _KINDS[kind], windows).pages()
    except (Forbidden, NotFound, BadRequest) as error:
        _log.warning("%s; asking for the %s of each task and folder", error, kind)
        return False
    if overflowed:
        _log.warning("more %s in one second than an answer holds; asking for those of each task and folder", kind)
    return not overflowed


def now(crawl: Crawl) -> int:
    return math.ceil(crawl.desk.api.now()) + 2  # the Date header has whole seconds, and windows leave their end out


def all_time(crawl: Crawl, kind: Kind, *, shift: bool = False) -> Windows:
    """From the first thing in the account until now; with `shift` in windows that begin half of one earlier."""
    lengths = _KINDS[kind].lengths
    if not any(next(crawl.crawled.ids(kind), None) for kind in (Kind.SPACES, Kind.FOLDERS, Kind.TASKS)):
        return Windows(0, 0, lengths[0])  # nothing that could be commented on
    moment = now(crawl)
    heads = [head_of(record, AccountHead) for record in crawl.crawled.records(Kind.ACCOUNT)]
    of_account = [second for head in heads for date in (head.createdDate, head.joinedDate) if (second := seconds(date))]
    first, last = _seen(crawl, moment)
    known = [*of_account, *([first] if first else [])]
    found = _fitted(min(known, default=0), max(moment, last), lengths, after=bool(of_account))
    earlier = lengths[0] // 2 if shift else 0
    return Windows(found.whole.start - earlier, found.whole.end, lengths[0]) if earlier else found


def _seen(crawl: Crawl, now: int) -> tuple[int | None, int]:
    """The first second that tasks and folders show, and the one behind the last: a server's clock may be behind the dates of its
    own records."""
    names = [crawl.survey.of(kind, crawl.crawled) for kind in (Kind.TASKS, Kind.FOLDERS)]
    earliest = [second for name in names if (second := seconds(name.earliest))]
    latest = [second + 1 for name in names if (second := seconds(name.latest)) and second < now + _FUTURE]
    return min(earliest, default=None), max(latest, default=0)


def _fitted(first: int, end: int, lengths: tuple[int, ...], *, after: bool) -> Windows:
    """Windows from `first` until `end`, and for as long before and after as costs no request: not every account tells when it began.
    `after`: all of that behind the end."""
    start = min(max(_FIRST_DATE, first), end - 2)
    count = -(-(end - start) // lengths[0])
    spare = max(0, count * lengths[-1] - (end - start))
    before = 0 if after else spare // 2
    return Windows(start - before, end + spare - before, lengths[0])


def _rest(crawl: Crawl, asked: Windows) -> Windows:
    """What tasks and folders show to lie before or after the time that was asked for; mostly nothing."""
    first, last = _seen(crawl, now(crawl))
    start = asked.whole.start if first is None else max(_FIRST_DATE, first)
    rest = Windows(min(start, asked.whole.start), asked.whole.start, asked.longest)
    if last > asked.whole.end:
        rest.add(asked.whole.end, last)
    return rest


class _Walk:
    """One account-wide walk through time."""

    def __init__(self, crawl: Crawl, how: _Windowed, windows: Windows) -> None:
        self._crawl, self._how, self._windows = crawl, how, windows
        self._limit: int | None = _LIMIT if how.limited else None
        self._now = now(crawl)
        self._probing = False
        self._answered = False

    def pages(self) -> Generator[Page, None, bool]:
        """Yields pages; returns whether a single second held more than the API gives."""
        overflowed = False
        windows, survey, kind = self._windows, self._crawl.survey, self._how.query.kind
        for window, answer in answers(self._crawl.threads, self._crawl.width, self._take, self._ask):
            self._probing = False
            if answer is None:
                if window.end > self._now:
                    windows.cut(window, self._now)
                else:
                    shorter = (length for length in self._how.lengths if length < window.length)
                    windows.refused(window, next(shorter, window.length // 2))
                continue
            self._answered = True
            records = without_links(answer) if kind is Kind.ATTACHMENTS else answer.records
            survey.note(kind, answer.heads)
            if not self._is_cut(window, answer):
                windows.done(window, quiet=len(records) < _USUAL_LIMIT // 3)
            elif not windows.split(window):
                windows.done(window)
                overflowed = True
            yield Page(records, windows.save())
        return overflowed

    def _take(self) -> Window | None:
        """The next window; the first alone, since all others would be refused for the same reason."""
        if self._probing or (self._crawl.lists() and self._windows.flying >= _BESIDE_LISTS):
            return None
        self._probing = not self._answered
        return self._windows.take()

    def _ask(self, window: Window) -> Answer[Named] | None:
        """None: the API takes shorter windows only, or none that ends later than now."""
        more = {"createdDate": str(window)}
        limit = self._limit
        if limit is not None:
            more["limit"] = str(limit)
        try:
            return self._crawl.desk.ask(self._how.query, more)
        except BadRequest as error:
            if limit is not None and "createdDate" not in error.description:  # it may be the limit, whatever the words
                self._limit = _USUAL_LIMIT if limit > _USUAL_LIMIT else None
                return self._ask(window)
            if window.length > self._how.lengths[0] // 3 or window.end > self._now:
                self._limit = _LIMIT if self._how.limited and not self._answered else self._limit
                return None
            raise

    def _is_cut(self, window: Window, answer: Answer[Named]) -> bool:
        """Whether the answer may hold less than there is. Caps are round numbers: so is an answer that ran into one."""
        if answer.token is not None:
            return True
        count = len(answer.records)
        if not count:
            return False
        if self._limit is not None and count >= self._limit:
            return True
        # A wrong guess costs two requests, but a single second cannot be cut: there it takes the cap that is known.
        likely = self._how.limited and window.length > 1
        return count % (_USUAL_LIMIT // 10 if likely else _USUAL_LIMIT) == 0
