"""The live source: an account over the REST API v4."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from wrikebackup_core import (
    Account,
    Attachment,
    Check,
    Context,
    Crawled,
    Export,
    Forbidden,
    Kind,
    Listed,
    NotFound,
    Page,
    Reader,
    SourceError,
)
from wrikebackup_wrike.answer import Answer, Named
from wrikebackup_wrike.client import Api
from wrikebackup_wrike.crawl.closure import Closure
from wrikebackup_wrike.crawl.dependencies import dependencies
from wrikebackup_wrike.crawl.folders import list_folders
from wrikebackup_wrike.crawl.listing import list_all
from wrikebackup_wrike.crawl.queries import ESSENTIAL, LISTINGS, Desk
from wrikebackup_wrike.crawl.recount import look_up, recount
from wrikebackup_wrike.crawl.run import Crawl
from wrikebackup_wrike.crawl.shapes import AccountHead
from wrikebackup_wrike.crawl.statuses import space_workflows
from wrikebackup_wrike.crawl.survey import Survey
from wrikebackup_wrike.crawl.windowed import ITEMS, ahead, windowed
from wrikebackup_wrike.doctor import checks
from wrikebackup_wrike.download import Downloads
from wrikebackup_wrike.export import Exports
from wrikebackup_wrike.options import WrikeOptions
from wrikebackup_wrike.pace import Pace, parse_rate
from wrikebackup_wrike.refusals import BadRequest, InTrouble, NoSuchMethod, Unusable
from wrikebackup_wrike.rights import hint_for
from wrikebackup_wrike.tokens import PermanentToken, Tokens

__all__ = ["WrikeSource", "open_source"]

_log = logging.getLogger(__name__)
_LISTS, _BY_TASK, _ITEMS, _NAMES = range(4)
_WAVES: tuple[tuple[Kind, ...], ...] = (
    (*LISTINGS, Kind.COMMENTS, Kind.ATTACHMENTS),
    (Kind.COMMENTS, Kind.ATTACHMENTS, Kind.DEPENDENCIES),
    (Kind.TASKS, Kind.FOLDERS),
    (Kind.WORKFLOWS, Kind.CUSTOM_FIELDS, Kind.CUSTOM_ITEM_TYPES, Kind.CONTACTS),
)


def _skip(kind: Kind) -> str:
    return f"to do without, list {kind} under `skip:` in the profile"


def open_source(options: WrikeOptions, context: Context) -> WrikeSource:
    """Raises SecretError, and UsageError where a login is needed first."""
    tokens: Tokens
    host: str | None = None
    if options.oauth is not None:
        from wrikebackup_wrike.oauth import OAuthTokens, data_centre
        from wrikebackup_wrike.vault import vault_of

        oauth = options.oauth
        tokens = OAuthTokens(
            oauth.login_url,
            oauth.client_id,
            context.secret(oauth.client_secret),
            vault_of(oauth, Path(context.state) if context.state else None),
        )
        if options.host is None and options.base_url is None:
            host = data_centre(tokens.host)
    else:
        assert options.token is not None
        tokens = PermanentToken(context.secret(options.token))
    return WrikeSource(options, tokens, host)


class WrikeSource:
    """Safe from any thread; `close` calls off every wait."""

    def __init__(self, options: WrikeOptions, tokens: Tokens, host: str | None = None) -> None:
        self._stop = threading.Event()
        self._options = options
        pace = Pace(parse_rate(options.rate), wait=self._stop.wait)
        self._api = Api(
            options.address(host),
            tokens,
            pace,
            stop=self._stop,
            concurrency=options.concurrency,
            connect_timeout=options.connect_timeout,
            read_timeout=options.read_timeout,
            retry_seconds=options.retry,
        )
        self._downloads = Downloads(
            self._api.base_url, tokens, pace, connect_timeout=options.connect_timeout, read_timeout=options.read_timeout
        )
        self._desk = Desk(self._api)
        self._exports = Exports(self._api, self._downloads)
        self._account_id = ""
        self._survey = Survey()
        self._threads = ThreadPoolExecutor(options.concurrency, thread_name_prefix="wrike")
        self._account: Answer[Named] | None = None
        self._dates: tuple[str, ...] = ()
        self._lists: set[Kind] = set()
        self._closure: tuple[Crawled, Closure] | None = None
        self._lock = threading.Lock()

    def account(self) -> Account:
        answer = self._desk.ask(LISTINGS[Kind.ACCOUNT][0])
        if not answer.heads:
            raise SourceError("/account: the API names no account")
        self._account = answer  # the crawl that follows need not ask again
        head = answer.heads[0]
        self._account_id = head.id
        if not isinstance(head, AccountHead):
            return Account(head.id, "")
        self._dates = (head.createdDate, head.joinedDate)
        return Account(head.id, head.name)

    def waves(self) -> Sequence[Sequence[Kind]]:
        return _WAVES

    def pages(self, kind: Kind, wave: int, crawled: Crawled, cursor: str | None) -> Iterator[Page]:
        try:
            for page in self._pages(kind, wave, crawled, cursor):
                lacking = self._desk.lacking(kind)
                yield replace(page, gaps=(*page.gaps, *lacking)) if lacking else page
        except Forbidden as error:
            raise Forbidden(f"{kind} may not be read: {error}", hint=hint_for(kind)) from error
        except NoSuchMethod as error:
            raise Forbidden(f"this host does not offer {kind}: {error}", hint=_skip(kind)) from error
        except (BadRequest, NotFound) as error:
            raise Forbidden(f"{kind} cannot be read: {error}", hint=_skip(kind)) from error
        except (InTrouble, Unusable) as error:
            # What the archive is made of is worth a run that fails now and goes on later.
            if kind in ESSENTIAL or self._stop.is_set():
                raise
            raise Forbidden(f"{kind} cannot be read: {error}", hint=_skip(kind)) from error

    def _crawl(self, crawled: Crawled) -> Crawl:
        return Crawl(
            self._desk, self._survey, crawled, self._threads, self._options.concurrency, lambda: len(self._lists)
        )

    def recount(self, kind: Kind, crawled: Crawled) -> Iterator[Sequence[Listed]]:
        return recount(self._crawl(crawled), kind)

    def look_up(self, kind: Kind, names: Sequence[str | int], crawled: Crawled) -> Iterator[tuple[Kind, Page]]:
        reached = {each: crawled.reached(each, _BY_TASK) or "" for each in (Kind.COMMENTS, Kind.ATTACHMENTS)}
        by_item = frozenset(each for each, cursor in reached.items() if cursor.startswith(ITEMS))
        return look_up(self._crawl(crawled), kind, names, by_item)

    def _pages(self, kind: Kind, wave: int, crawled: Crawled, cursor: str | None) -> Iterator[Page]:
        crawl = self._crawl(crawled)
        if wave == _LISTS:
            return self._listed(crawl, kind, cursor)
        if kind is Kind.DEPENDENCIES:
            return dependencies(crawl, cursor)
        if wave == _BY_TASK:
            return windowed(crawl, kind, cursor, crawled.reached(kind, _LISTS))
        if kind is Kind.WORKFLOWS:
            return space_workflows(crawl, cursor)
        return self._closure_of(crawl).pages(kind, cursor)

    def _listed(self, crawl: Crawl, kind: Kind, cursor: str | None) -> Iterator[Page]:
        self._survey.begin(kind, from_start=cursor is None)
        if kind in (Kind.COMMENTS, Kind.ATTACHMENTS):
            return ahead(crawl, kind, self._dates, cursor)
        if kind is Kind.ACCOUNT and cursor is None and self._account is not None:
            answer, self._account = self._account, None
            return iter([Page(answer.records, '{"query":1}', len(answer.records))])
        return self._list_all(crawl, kind, cursor)

    def _list_all(self, crawl: Crawl, kind: Kind, cursor: str | None) -> Iterator[Page]:
        self._lists.add(kind)
        try:
            if kind is Kind.FOLDERS:
                yield from list_folders(crawl, cursor)
            else:
                yield from list_all(self._desk, self._survey, LISTINGS[kind], cursor)
        finally:
            self._lists.discard(kind)

    def _closure_of(self, crawl: Crawl) -> Closure:
        with self._lock:
            if self._closure is None or self._closure[0] is not crawl.crawled:
                self._closure = (crawl.crawled, Closure(crawl))
            return self._closure[1]

    def open_attachment(self, attachment: Attachment, offset: int = 0) -> Reader:
        return self._downloads.open(attachment, offset)

    def export(self, max_age: timedelta | None = None, wait: timedelta = timedelta(hours=1)) -> Export:
        return self._exports.get(self._account_id or self.account().id, max_age, wait)

    def export_edition(self) -> str:
        return self._exports.edition()

    def checks(self) -> Iterator[Check]:
        yield from checks(self._desk, self._options.rate)

    def close(self) -> None:
        self._stop.set()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._api.close()
        self._downloads.close()
