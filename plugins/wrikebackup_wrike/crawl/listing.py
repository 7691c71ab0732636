"""Kinds that a list of the whole account brings: one query after the other, page after page."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import msgspec

from wrikebackup_core import Page, SourceError
from wrikebackup_wrike.crawl.queries import Desk, Query
from wrikebackup_wrike.crawl.survey import Survey
from wrikebackup_wrike.refusals import BadRequest

__all__ = ["list_all"]

_log = logging.getLogger(__name__)


class _State(msgspec.Struct, omit_defaults=True):
    """The cursor: which query is next, its page token, whether the token has gone stale once."""

    query: int = 0
    token: str | None = None
    again: bool = False


def list_all(desk: Desk, survey: Survey, queries: Sequence[Query], cursor: str | None) -> Iterator[Page]:
    """Yields a page for each answer. Raises what `Desk.ask` raises, and SourceError for pages that lead nowhere."""
    state = msgspec.json.decode(cursor, type=_State) if cursor else _State()
    while state.query < len(queries):
        query = queries[state.query]
        more = {query.token: state.token} if query.token and state.token else {}
        try:
            answer = desk.ask(query, more)
        except BadRequest as error:
            if not more or state.again:
                raise
            # Nobody knows how long a token lives. What comes twice is told apart by its id.
            _log.warning("%s: the page token is no longer good, starting over (%s)", query.path, error)
            state = _State(state.query, None, again=True)
            continue
        survey.note(query.kind, answer.heads)
        # An empty page may carry a token that the API then refuses.
        following = answer.token if answer.records and query.token else None
        if following is not None and following == state.token:
            raise SourceError(f"{query.path}: the API gives the same page token twice")
        state = _State(state.query, following, state.again) if following else _State(state.query + 1)
        total = answer.total if len(queries) == 1 and (answer.total or 0) >= len(answer.records) else None
        yield Page(answer.records, msgspec.json.encode(state).decode(), total)
