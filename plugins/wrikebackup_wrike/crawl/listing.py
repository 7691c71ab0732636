"""Kinds that a list of the whole account brings: one query after the other, page after page."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import msgspec

from wrikebackup_core import Gap, Page, json_decoder
from wrikebackup_wrike.answer import Answer, Named
from wrikebackup_wrike.crawl.queries import Desk, Query
from wrikebackup_wrike.crawl.survey import Survey
from wrikebackup_wrike.refusals import BadRequest

__all__ = ["list_all"]

_log = logging.getLogger(__name__)


class _State(msgspec.Struct, omit_defaults=True):
    """The cursor: which query is next and its page token, whether the list was begun once more; of the page before, the token
    that brought it and the total it told; how many pages and records there were."""

    query: int = 0
    token: str | None = None
    again: bool = False
    before: str | None = None
    total: int = 0
    pages: int = 0
    seen: int = 0


def list_all(desk: Desk, survey: Survey, queries: Sequence[Query], cursor: str | None) -> Iterator[Page]:
    """Yields a page for each answer; pages that lead nowhere are a gap. Raises what `Desk.ask` raises."""
    state = json_decoder(_State)(cursor) if cursor else _State()
    while state.query < len(queries):
        query = queries[state.query]
        try:
            answer = _page(desk, survey, query, state.token)
        except BadRequest as error:
            if not state.token:
                raise
            ended = state.seen == state.total and (state.pages > 1 or state.again)
            if not ended and not state.again:
                # Nobody knows how long a token lives. What comes twice is told apart by its id.
                _log.warning("%s: the page token is no longer good, starting over (%s)", query.path, error)
                state = _State(state.query, again=True)
                continue
            state = _State(state.query + 1)
            yield Page((), _saved(state), gaps=() if ended else (_lost(query, f"the page token is refused: {error}"),))
            continue
        if _has_shrunk(state, answer) and state.pages:
            # What was deleted on earlier pages moved others from the page to come to the one before it.
            shifted = _page(desk, survey, query, state.before)
            yield Page(shifted.records, _saved(state))
        following = answer.token if answer.records and query.token else None
        circles = following is not None and following == state.token
        state = _behind(state, answer, None if circles else following)
        total = answer.total if len(queries) == 1 and (answer.total or 0) >= len(answer.records) else None
        gaps = (_lost(query, "the API gives the same page token twice"),) if circles else ()
        yield Page(answer.records, _saved(state), total, gaps)


def _page(desk: Desk, survey: Survey, query: Query, token: str | None) -> Answer[Named]:
    answer = desk.ask(query, {query.token: token} if query.token and token else {})
    survey.note(query.kind, answer.heads)
    return answer


def _has_shrunk(state: _State, answer: Answer[Named]) -> bool:
    """Whether the list is shorter than a page ago. `responseSize` may be the page's own size: that is less than what was seen."""
    return answer.total is not None and state.seen + len(answer.records) <= state.total > answer.total


def _behind(state: _State, answer: Answer[Named], following: str | None) -> _State:
    # An empty page may carry a token that the API then refuses.
    if following is None:
        return _State(state.query + 1)
    pages, seen = state.pages + 1, state.seen + len(answer.records)
    return _State(state.query, following, state.again, state.token, answer.total or 0, pages, seen)


def _saved(state: _State) -> str:
    return msgspec.json.encode(state).decode()


def _lost(query: Query, why: str) -> Gap:
    return Gap(query.kind.value, "pages", f"{query.path}: {why}: the rest of the list is missing")
