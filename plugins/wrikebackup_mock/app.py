"""The ASGI application: takes requests, sends answers piece by piece, and makes the troubles that faults ask for."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from wrikebackup_mock.control import Control
from wrikebackup_mock.faults import Fault
from wrikebackup_mock.journal import Entry
from wrikebackup_mock.protocol import Bytes, Listing, Refusal, Request
from wrikebackup_mock.routes_export import PREFIX
from wrikebackup_mock.service import Service, plain, too_many

API = "/api/v4"
_BATCH = 50
_LARGEST_BODY = 1 << 20
_HTML = b"<!DOCTYPE html>\n<html><head><title>%d</title></head><body><center><h1>%d cloudflare</h1></center></body></html>\n"
_JSON_HEADERS = {"content-type": "application/json;charset=UTF-8", "cache-control": "no-cache, no-store"}

_log = logging.getLogger(__name__)
Send = Callable[[dict[str, Any]], Awaitable[None]]
_encode = msgspec.json.Encoder().encode


class App:
    """`control` (or None) answers below `/__mock__/`."""

    def __init__(self, service: Service, control: Control | None) -> None:
        self._service, self._control = service, control

    async def __call__(
        self, scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Send
    ) -> None:
        if scope["type"] != "http":
            return
        request = await _read(scope, receive)
        if self._service.latency:
            await asyncio.sleep(self._service.latency)
        sender = _Sender(send, head=request.method == "HEAD")
        if request.port == self._service.storage_port and request.path.startswith(PREFIX):
            table = self._service.table_answer
            await self._serve(request, request.path, f"{PREFIX}{{id}}", sender, table)
        elif request.port == self._service.storage_port:
            await self._serve(request, request.path, "/storage/{id}", sender, self._service.storage_answer)
        elif request.path.startswith(f"{API}/"):
            path = request.path.removeprefix(API)
            found = self._service.route(path)
            template = found[0].template if found else path
            await self._serve(request, path, template, sender, lambda asked: self._service.answer(asked, path))
        else:
            await sender.send(self._other(request))

    def _other(self, request: Request) -> Bytes:
        """Everything that is not the API: OAuth, and the control of this server."""
        tokens = self._service.tokens
        answer = plain(404, "There is nothing here")
        if request.path == "/oauth2/authorize/v4" and request.method == "GET":
            answer = tokens.authorize(request)
        elif request.path == "/oauth2/token" and request.method == "POST":
            answer = tokens.token(request, f"127.0.0.1:{self._service.api_port}")
        elif self._control is not None and request.path.startswith("/__mock__/"):
            return self._control.answer(request)
        self._service.journal.add(Entry(request.method, request.path, request.path, {}, answer.status))
        return answer

    async def _serve(
        self, request: Request, path: str, template: str, sender: _Sender, answer: Callable[[Request], Listing | Bytes]
    ) -> None:
        download = "/download" in template or template.startswith(("/storage", PREFIX))
        fault = self._service.faults.pick(path, download=download, ranged="range" in request.headers)
        if fault is not None and fault.kind in ("drop", "stall"):
            self._note(request, path, template, 0, fault)
            await sender.drop(fault.seconds if fault.kind == "stall" else 0)
            return
        try:
            response = self._before(fault, request) or answer(_changed(request, fault))
            response = _json_answer(response, request) if isinstance(response, Listing) else response
        except Refusal as refusal:
            response = _refused(refusal)
        except Exception:  # noqa: BLE001 - a mistake of this server must look like one of Wrike's, and be seen
            _log.exception("%s %s", request.method, path)
            response = _refused(Refusal(500, "server_error", "Server error"))
        response.headers["wrike-response-id"] = response.headers["traceid"] = secrets.token_hex(8)
        self._note(request, path, template, response.status, fault)
        await sender.send(_after(fault, response), fault)

    def _note(self, request: Request, path: str, template: str, status: int, fault: Fault | None) -> None:
        struck = fault.kind if fault else ""
        self._service.journal.add(Entry(request.method, template, path, request.query, status, struck))

    def _before(self, fault: Fault | None, request: Request) -> Bytes | None:
        """An answer in the place of the true one."""
        if fault is None:
            return None
        if fault.kind == "status":
            return _html(fault.status)
        if fault.kind == "html":
            return _html(200)
        if fault.kind == "empty-body":
            return Bytes(200, {**_JSON_HEADERS, "content-length": "0"})
        if fault.kind == "rate-limit":
            raise too_many(int(fault.seconds) if fault.seconds >= 1 else None)
        if fault.kind == "expire-token":
            self._service.tokens.expire(self._service.check_token(request))
            raise Refusal(401, "not_authorized", "Access token is unknown or invalid")
        return None


class _Sender:
    """Writes one answer to a connection."""

    def __init__(self, send: Send, *, head: bool) -> None:
        self._send, self._head = send, head
        # ASGI has no word for a broken connection; uvicorn's `send` belongs to an object that knows of it.
        self._cycle = getattr(send, "__self__", None)

    async def drop(self, seconds: float) -> None:
        """Closes the connection without a word, after a while."""
        await asyncio.sleep(seconds)
        transport = getattr(self._cycle, "transport", None)
        if transport is not None:
            transport.abort()
            await asyncio.sleep(0.005)

    async def send(self, answer: Bytes, fault: Fault | None = None) -> None:
        headers = [(name.encode(), text.encode("latin-1")) for name, text in answer.headers.items()]
        await self._send({"type": "http.response.start", "status": answer.status, "headers": headers})
        left = fault.bytes if fault is not None and fault.kind in ("cut", "truncate") else None
        if not self._head:
            for piece in answer.pieces:
                if getattr(self._cycle, "disconnected", False):
                    return
                part = piece if left is None else piece[:left]
                await self._write(part, fault)
                if left is not None:
                    left -= len(part)
                    if left <= 0:
                        break
        if left is None:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        # Otherwise the answer stays unfinished: uvicorn closes the connection.

    async def _write(self, piece: bytes, fault: Fault | None) -> None:
        step = len(piece)
        if fault is not None and fault.kind == "slow":
            step = max(1, step // 4)
        for start in range(0, len(piece), step or 1):
            if step < len(piece):
                assert fault is not None
                await asyncio.sleep(fault.seconds)
            body = piece if step == len(piece) else piece[start : start + step]
            await self._send({"type": "http.response.body", "body": body, "more_body": True})
        await asyncio.sleep(0)


async def _read(scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]]) -> Request:
    body = b""
    if scope["method"] in ("POST", "PUT"):
        more = True
        while more and len(body) < _LARGEST_BODY:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
    query = scope["query_string"].decode("latin-1")
    return Request(
        scope["method"],
        scope["raw_path"].decode("latin-1"),
        dict(parse_qsl(query, keep_blank_values=True)),
        {name.decode("latin-1").lower(): text.decode("latin-1") for name, text in scope["headers"]},
        body,
        scope["server"][1] or 0,
    )


def _changed(request: Request, fault: Fault | None) -> Request:
    """The request as a server with this fault understands it."""
    if fault is None or not fault.kind.endswith("-range"):
        return request
    headers = dict(request.headers)
    wanted = headers.pop("range")
    first, dash, last = wanted.removeprefix("bytes=").partition("-")
    if fault.kind == "shift-range" and first.isdigit():
        headers["range"] = f"bytes={max(0, int(first) - fault.bytes)}{dash}{last}"
    return replace(request, headers=headers)


def _after(fault: Fault | None, answer: Bytes) -> Bytes:
    """The answer as a server with this fault sends it."""
    if fault is None:
        return answer
    headers = dict(answer.headers)
    pieces: Iterable[bytes] = answer.pieces
    if fault.kind == "corrupt-json":
        pieces = [b"".join(pieces)[:-2] + b'"}']
        headers.pop("content-length", None)
    elif fault.kind == "truncate":
        whole = pieces if "content-length" in headers else [b"".join(pieces)]
        headers.setdefault("content-length", str(sum(map(len, whole))) if isinstance(whole, list) else "0")
        pieces = whole
    elif fault.kind == "no-length":
        headers.pop("content-length", None)
    elif fault.kind in ("short", "long") and "content-length" in headers:
        length = int(headers["content-length"])
        wanted = max(0, length - fault.bytes) if fault.kind == "short" else length + fault.bytes
        headers["content-length"] = str(wanted)
        pieces = _resized(pieces, wanted)
    return Bytes(answer.status, headers, pieces)


def _resized(pieces: Iterable[bytes], wanted: int) -> Iterator[bytes]:
    for piece in pieces:
        yield piece[:wanted]
        wanted -= min(wanted, len(piece))
    if wanted:
        yield b"\n" * wanted


def _html(status: int) -> Bytes:
    body = _HTML % (status, status)
    return Bytes(status, {"content-type": "text/html; charset=UTF-8", "content-length": str(len(body))}, [body])


def _refused(refusal: Refusal) -> Bytes:
    body = refusal.body
    return Bytes(refusal.status, {**_JSON_HEADERS, "content-length": str(len(body)), **refusal.headers}, [body])


def _json_answer(listing: Listing, request: Request) -> Bytes:
    """Chunked, as Wrike's answers are; the first records are built before the headers go out."""
    pieces = _envelope(listing, request)
    first = next(pieces)

    def every() -> Iterator[bytes]:
        yield first
        yield from pieces

    return Bytes(listing.status, dict(_JSON_HEADERS), every())


def _envelope(listing: Listing, request: Request) -> Iterator[bytes]:
    head = {"kind": listing.kind}
    if "state" in request.query:
        head["state"] = request.query["state"]
    if listing.token is not None:
        head["nextPageToken"] = listing.token
    text = _encode(head)[:-1]
    if listing.total is not None:
        text += b',"responseSize":%d' % listing.total
    text += b',"data":['
    records = iter(listing.records)
    separator = b""
    while batch := list(islice(records, _BATCH)):
        yield text + separator + b",".join(map(_encode, batch))
        text, separator = b"", b","
    yield text + b"]}"
