"""Pages of long lists: offset tokens bound to the user and the query, as Wrike's are."""

from __future__ import annotations

import base64
import binascii
import struct
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import chain
from typing import Any

from wrikebackup_mock.protocol import Call, Listing, bad_parameter

_UNBOUND = frozenset({"fields", "pageSize", "nextPageToken", "pageToken", "access_token", "state"})
_PAST_THE_END = 0xFFFFFFFF
_REMEMBERED = 4096

Rows = Sequence[Sequence[int]]
"""Indices of records: some ranges or arrays, one after the other."""


def slice_of(rows: Rows, start: int, stop: int) -> Iterator[int]:
    for part in rows:
        if start < len(part) and stop > 0:
            yield from part[max(0, start) : stop]
        start -= len(part)
        stop -= len(part)


def count(rows: Rows) -> int:
    return sum(len(part) for part in rows)


def backwards(rows: Rows) -> Rows:
    return [part[::-1] for part in reversed(rows)]


@dataclass
class Pages:
    """Cuts lists into pages. `empty_last_page` sends a token with the last page, which brings an empty one whose token fails."""

    empty_last_page: bool = False
    _queries: OrderedDict[bytes, dict[str, str]] = field(default_factory=OrderedDict)
    _shifts: dict[bytes, int] = field(default_factory=dict)
    _chosen: OrderedDict[tuple[object, ...], Rows] = field(default_factory=OrderedDict)

    def adopt(self, call: Call) -> None:
        """Gives a call that sends nothing but a token the parameters of the query that the token is from."""
        token = self._token(call)
        if token is None or set(call.request.query) - _UNBOUND:
            return
        stored = self._queries.get(token[2])
        if stored is not None:
            call.request.query.update({name: text for name, text in stored.items() if name not in call.request.query})

    def page(
        self, call: Call, kind: str, rows: Rows, make: Callable[[Iterator[int]], Any], *, size: int | None
    ) -> Listing:
        """One page of `rows`; `size` is that of a page when the call does not say."""
        bound = _bound(call)
        token = self._token(call)
        offset = 0
        if token is not None:
            user, offset, query, asked = token
            if user != _user(call) or query != bound or offset == _PAST_THE_END:
                raise bad_parameter(call.endpoint.paging or "nextPageToken")
            size = asked
        size = call.number("pageSize", 1, 1000) or size
        total = count(rows)
        if size is None or (token is None and not call.has("pageSize")):
            return Listing(kind, make(slice_of(rows, 0, total if size is None else size)))
        shift = self._shift(call, bound, offset)
        start, stop = max(0, offset - shift), offset - shift + size
        following = None
        if stop < total:
            following = offset + size
        elif self.empty_last_page:
            following = _PAST_THE_END if start >= total else max(total + shift, offset + size)
        self._remember(bound, call)
        lost = call.server.lost(call.request)
        shown = (index for place, index in enumerate(slice_of(rows, start, stop)) if place not in lost)
        listed = Listing(kind, make(shown), total)
        if following is not None:
            listed.token = _encode(_user(call), following, bound, size)
        return listed

    def _shift(self, call: Call, bound: bytes, offset: int) -> int:
        """How many items the fault `page-shift` has put in front of this list since its first page."""
        if offset == 0:
            self._shifts.pop(bound, None)
            return 0
        moved = self._shifts.get(bound, 0) + call.server.shifted(call.request)
        if moved:
            self._shifts[bound] = moved
        return moved

    def _remember(self, bound: bytes, call: Call) -> None:
        self._queries[bound] = {name: text for name, text in call.request.query.items() if name not in _UNBOUND}
        self._queries.move_to_end(bound)
        while len(self._queries) > _REMEMBERED:
            self._queries.popitem(last=False)

    def _token(self, call: Call) -> tuple[int, int, bytes, int] | None:
        name = call.endpoint.paging
        if name is None or not call.has(name):
            return None
        try:
            text = call.request.query[name]
            data = base64.b32decode(text + "=" * (-len(text) % 8))
            user, offset, size, query = struct.unpack(">IIH8s", data)
        except (binascii.Error, ValueError, struct.error):
            raise bad_parameter(name) from None
        return user, offset, query, size

    def chosen(self, key: tuple[object, ...], choose: Callable[[], Iterator[int]]) -> Rows:
        """The outcome of a filter, kept for the next pages of the same query."""
        found = self._chosen.get(key)
        if found is None:
            found = self._chosen[key] = [array("q", choose())]
            while len(self._chosen) > 8:
                self._chosen.popitem(last=False)
        return found

    def forget(self) -> None:
        """The account has changed."""
        self._chosen.clear()


def indices(rows: Rows) -> Iterator[int]:
    return chain.from_iterable(rows)


def _user(call: Call) -> int:
    return int.from_bytes(blake2b(call.user.encode(), digest_size=4).digest(), "big")


def _bound(call: Call) -> bytes:
    named = sorted((name, text) for name, text in call.request.query.items() if name not in _UNBOUND)
    return blake2b(repr((call.request.path, named)).encode(), digest_size=8).digest()


def _encode(user: int, offset: int, query: bytes, size: int) -> str:
    return base64.b32encode(struct.pack(">IIH8s", user, offset, size, query)).decode().rstrip("=")
