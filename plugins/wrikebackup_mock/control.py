"""Control of a server in another process, and a plain listing of its files for other HTTP clients; off unless asked for."""

from __future__ import annotations

import html
import json
import re
from urllib.parse import unquote, urlencode

from wrikebackup_mock.faults import Fault
from wrikebackup_mock.journal import Entry
from wrikebackup_mock.protocol import Bytes, Request
from wrikebackup_mock.service import Service, plain

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_FILES = "/__mock__/files/"
_STEERED = (("POST", "faults"), ("POST", "account"), ("POST", "data_export"))


class Control:
    """What is below `/__mock__/`:

    `GET requests`: counts; `GET log`: every path asked for, with its query; `DELETE requests`: from zero again; `GET faults`, `POST faults` (a JSON list of faults as text or
    objects, in the place of those there are); `POST account` (`{"generation": 1}`); `POST tokens/expire`;
    `POST data_export` (`{"polls": 3, "seconds": 0, "age": 90000, "fill": 2000000000, "renew": true, "fails": 0}`, each of which may be
    left out): how long an export takes to be made, how old the newest is, of how many bytes its table `work_custom_field_history` is,
    that another one is made now, and how many fail; `GET files/`: an index of
    the newest versions of all stored files on live items, with links to their bytes.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    def answer(self, request: Request) -> Bytes:
        service, what = self._service, (request.method, request.path.removeprefix("/__mock__/"))
        if request.path.startswith(_FILES) and request.method in ("GET", "HEAD"):
            return self._files(unquote(request.path.removeprefix(_FILES)), request)
        try:
            if what == ("POST", "faults"):
                given = json.loads(request.body)
                service.faults.set([_fault(each) for each in given])
            elif what == ("POST", "account"):
                service.account = service.account.changed(int(json.loads(request.body)["generation"]))
            elif what == ("POST", "data_export"):
                self._steer(json.loads(request.body))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return plain(400, f"{type(error).__name__}: {error}")
        if what == ("DELETE", "requests"):
            service.journal.clear()
        elif what == ("POST", "tokens/expire"):
            service.tokens.expire()
        elif what == ("GET", "log"):
            return _json([_address(entry) for entry in service.journal])
        elif what not in (("GET", "requests"), ("GET", "faults"), *_STEERED):
            return plain(404, "There is nothing here")
        return self._report()

    def _steer(self, given: dict[str, float]) -> None:
        exports = self._service.exports
        exports.polls, exports.seconds = int(given.get("polls", exports.polls)), given.get("seconds", exports.seconds)
        exports.fails = int(given.get("fails", exports.fails))
        if "fill" in given:
            exports.fill("work_custom_field_history", int(given["fill"]))
        if given.get("renew"):
            exports.renew()
        if "age" in given:
            exports.age(given["age"])

    def _report(self) -> Bytes:
        service = self._service
        return _json(
            {
                "total": service.journal.total,
                "requests": service.journal.counts,
                "statuses": service.journal.statuses,
                "faults": service.faults.report(),
                "leaks": service.leaks,
                "refreshed": service.tokens.refreshed,
                "generation": service.account.shape.generation,
            }
        )

    def _files(self, asked: str, request: Request) -> Bytes:
        account = self._service.account
        if not asked:
            names = (f"{found}-{_UNSAFE.sub('_', name)[:60] or '_'}" for found, name, _ in account.files())
            links = "".join(f'<a href="{html.escape(name)}">{html.escape(name)}</a><br>\n' for name in names)
            body = f"<!DOCTYPE html><html><head><title>Index of {_FILES}</title></head><body>\n{links}</body></html>".encode()
            return Bytes(200, {"content-type": "text/html; charset=utf-8", "content-length": str(len(body))}, [body])
        for length in (16, 12):
            if asked[length : length + 1] == "-" and account.find_file(asked[:length]) is not None:
                return self._service.file_answer(asked[:length], request)
        return plain(404, "There is no such file")


def _json(value: object) -> Bytes:
    body = json.dumps(value).encode()
    return Bytes(200, {"content-type": "application/json", "content-length": str(len(body))}, [body])


def _address(entry: Entry) -> str:
    return f"{entry.path}?{urlencode(entry.query)}" if entry.query else entry.path


def _fault(given: object) -> Fault:
    if isinstance(given, str):
        return Fault.parse(given)
    if not isinstance(given, dict):
        raise TypeError("a fault is a text or an object")
    return Fault(**given)
