"""`/data_export` and its schema, and the tables at the storage host."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from wrikebackup_mock.bi_export import TABLES, Content, Edition, Whole, completed
from wrikebackup_mock.bi_tables import VERSIONS, schema
from wrikebackup_mock.protocol import Bytes, Call, Endpoint, Listing, Refusal, Request, bad_parameter, bad_request

if TYPE_CHECKING:
    from wrikebackup_mock.service import Service

__all__ = ["ENDPOINTS", "PREFIX", "resource"]

KIND = "data_export"
PREFIX = "/data_export/resource/"
_ROW = re.compile(rb"\n[^\n]*\n?\Z")


def _newest(call: Call) -> Listing:
    exports = call.server.exports
    if call.request.method == "POST":
        return _ask(call)
    running, newest = exports.running(), exports.newest()
    if newest is not None:
        return Listing("dataExport", [_record(call, newest)])
    if running is None:
        running = exports.start()
    if running.status == "Failed":
        return Listing("dataExport", [_record(call, running)])
    return Listing("dataExport", [_record(call, running)], status=202)


def _ask(call: Call) -> Listing:
    exports = call.server.exports
    newest = exports.newest()
    if newest is not None and exports.too_early():
        return Listing("dataExport", [_record(call, newest)])
    return Listing("dataExport", [_record(call, exports.start())], status=202)


def _one(call: Call) -> Listing:
    found = call.server.exports.find(call.parts["id"])
    if found is None:
        raise bad_request(f"Parameter 'id' value '{call.parts['id']}' is invalid")
    return Listing("dataExport", [_record(call, found)])


def _schema(call: Call) -> Listing:
    version = call.request.query.get("version", VERSIONS[0])
    if version not in VERSIONS:
        raise bad_parameter("version")
    return Listing("dataExportSchema", schema())


def _record(call: Call, edition: Edition) -> dict[str, Any]:
    record: dict[str, Any] = {"id": edition.id, "status": edition.status}
    if edition.status != "Completed":
        return record | {"resources": []}
    server = call.server
    host = server.plan.export_host or call.request.headers.get("host", "").rpartition(":")[0] or "127.0.0.1"
    foreign = server.faults.export("export-foreign", "/data_export")
    account = call.account.ids.number + (1 if foreign else 0)
    names = edition.names
    if server.faults.export("export-unsafe", "/data_export"):
        names = ["../x", *names[1:]]
    resources = [
        {
            "name": name,
            "url": f"http://{host}:{server.storage_port}{PREFIX}{edition.number * TABLES + index}?accountId={account}",
        }
        for index, name in enumerate(names)
    ]
    return record | {"completedDate": completed(edition), "resources": resources}


ENDPOINTS = [
    Endpoint("/data_export", _newest, kind=KIND),
    Endpoint("/data_export/{id}", _one, kind=KIND),
    Endpoint("/data_export_schema", _schema, frozenset({"version"}), kind=KIND),
]


def resource(service: Service, request: Request) -> Bytes:
    """A table, for whoever brings the API's token. Raises Refusal."""
    if service.plan.export_host and "authorization" in request.headers:
        service.leaks.append(request.path)
    service.check_token(request)
    number = request.path.removeprefix(PREFIX)
    found = service.exports.table(int(number)) if number.isdecimal() and len(number) < 12 else None
    if found is None:
        raise Refusal(404, "resource_not_found", "Resource is not found")
    edition, name, content = found
    if service.faults.export("export-anew", f"/data_export/{name}"):
        service.exports.renew()
    content = _damaged(service, name, edition, content)
    return service.ranged(content.size, content.pieces, request, {"content-type": "text/csv;charset=UTF-8"})


def _damaged(service: Service, name: str, edition: Edition, content: Content) -> Content:
    """What a server with these faults takes for the table."""
    faults, path = service.faults, f"/data_export/{name}"
    if faults.export("export-header", path):
        header, _, rows = _all(content).partition(b"\n")
        content = Whole(header.replace(b"_id", b"_no", 1) + b"\n" + rows)
    if faults.export("export-torn", path):
        data = _all(content)
        last = _ROW.search(data)
        assert last is not None
        content = Whole(data[: last.start() + 2])
    if faults.export("export-foreign-rows", path):
        own, other = edition.account.ids, type(edition.account.ids)(edition.account.ids.number + 1)
        content = Whole(_all(content).replace(own.account.encode(), other.account.encode()))
    return content


def _all(content: Content) -> bytes:
    return b"".join(content.pieces(0, content.size))
