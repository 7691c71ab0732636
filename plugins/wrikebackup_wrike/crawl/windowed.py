"""Comments and attachments of the whole account, which the API gives for a few days at a time.

Comments: at most 7 days of `createdDate` a request (developers.wrike.com/reference/getcommentsempty); attachments: less than 31
days. Neither has pages. Comments take a `limit`, by default 1000: whether the API caps a larger one is not documented, so an answer
that looks capped is asked for again in halves.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from wrikebackup_core import Forbidden, Kind, Page
from wrikebackup_wrike.answer import Answer, Named, head_of
from wrikebackup_wrike.crawl.by_item import by_item
from wrikebackup_wrike.crawl.flight import answers
from wrikebackup_wrike.crawl.links import without_links
from wrikebackup_wrike.crawl.queries import Query, as_list
from wrikebackup_wrike.crawl.run import Crawl
from wrikebackup_wrike.crawl.shapes import AccountHead
from wrikebackup_wrike.crawl.windows import Window, Windows, seconds
from wrikebackup_wrike.refusals import BadRequest, NoSuchMethod

__all__ = ["QUERIES", "windowed"]

_log = logging.getLogger(__name__)
_DAY = 86_400
_FIRST_DATE = seconds("2000-01-01T00:00:00Z") or 0  # before Wrike: an older date is a mistake that would cost requests
_LIMIT = 100_000
_USUAL_LIMIT = 1000
_ITEMS = "items:"


@dataclass(frozen=True, slots=True)
class _Windowed:
    """How a kind is asked for, and the longest window in seconds."""

    query: Query
    longest: int
    limited: bool


_COMMENTS = Query("/comments", Kind.COMMENTS, {"types": as_list(["Regular", "Email"])}, ("type",))
_ATTACHMENTS = Query("/attachments", Kind.ATTACHMENTS, {"versions": "true", "withUrls": "true"})
_KINDS = {
    Kind.COMMENTS: _Windowed(_COMMENTS, 7 * _DAY, limited=True),
    Kind.ATTACHMENTS: _Windowed(_ATTACHMENTS, 31 * _DAY - 1, limited=False),
}
QUERIES = (_COMMENTS, _ATTACHMENTS)


def windowed(crawl: Crawl, kind: Kind, cursor: str | None) -> Iterator[Page]:
    """Yields a page for each window; where the account-wide list is refused, one for each task and folder instead."""
    if cursor is None or not cursor.startswith(_ITEMS):
        how = _KINDS[kind]
        windows = Windows.load(cursor, how.longest) if cursor else _all_time(crawl, how.longest)
        try:
            overflowed = yield from _Walk(crawl, how, windows).pages()
        except (Forbidden, NoSuchMethod) as error:
            _log.warning("%s; asking for the %s of each task and folder", error, kind)
        else:
            if not overflowed:
                return
            _log.warning("more %s in one second than an answer holds; asking for those of each task and folder", kind)
    start = cursor.removeprefix(_ITEMS) if cursor and cursor.startswith(_ITEMS) else None
    yield from by_item(crawl, _KINDS[kind].query, start, prefix=_ITEMS)


def _all_time(crawl: Crawl, longest: int) -> Windows:
    """From the first thing in the account until now."""
    now = math.ceil(crawl.desk.api.now()) + 2  # the Date header has whole seconds, and windows leave their end out
    heads = [head_of(record, AccountHead) for record in crawl.crawled.records(Kind.ACCOUNT)]
    dates = [date for head in heads for date in (head.createdDate, head.joinedDate)]
    dates += [crawl.survey.of(kind, crawl.crawled).earliest for kind in (Kind.TASKS, Kind.FOLDERS)]
    known = [second for date in dates if (second := seconds(date)) is not None]
    start = max(_FIRST_DATE, min(known, default=_FIRST_DATE))
    return Windows(min(start, now - 2), now, longest)


class _Walk:
    """One account-wide walk through time."""

    def __init__(self, crawl: Crawl, how: _Windowed, windows: Windows) -> None:
        self._crawl, self._how, self._windows = crawl, how, windows
        self._limit = _LIMIT

    def pages(self) -> Generator[Page, None, bool]:
        """Yields pages; returns whether a single second held more than the API gives."""
        overflowed = False
        windows, survey, kind = self._windows, self._crawl.survey, self._how.query.kind
        for window, answer in answers(self._crawl.threads, self._crawl.width, windows.take, self._ask):
            if answer is None:
                windows.split(window)
                continue
            records = without_links(answer) if kind is Kind.ATTACHMENTS else answer.records
            survey.note(kind, answer.heads)
            if not self._is_cut(window, answer):
                windows.done(window, quiet=len(records) < _USUAL_LIMIT // 3)
            elif not windows.split(window):
                windows.done(window)
                overflowed = True
            yield Page(records, windows.save())
        return overflowed

    def _ask(self, window: Window) -> Answer[Named] | None:
        """None: the API takes shorter windows only."""
        more = {"createdDate": str(window)}
        limit = self._limit
        if self._how.limited:
            more["limit"] = str(limit)
        try:
            return self._crawl.desk.ask(self._how.query, more)
        except BadRequest:
            if self._how.limited and limit > _USUAL_LIMIT:  # it may be the limit, whatever the words
                self._limit = _USUAL_LIMIT
                return self._ask(window)
            if window.length > self._how.longest // 2:
                return None
            raise

    def _is_cut(self, window: Window, answer: Answer[Named]) -> bool:
        """Whether the answer may hold less than there is. Caps are round numbers: so is an answer that ran into one."""
        if answer.token is not None:
            return True
        if not self._how.limited or not answer.records:
            return False
        count = len(answer.records)
        # A wrong guess costs two requests, but a single second cannot be cut: there it takes the cap that is known.
        return count >= self._limit or count % (_USUAL_LIMIT // 10 if window.length > 1 else _USUAL_LIMIT) == 0
