"""A server on 127.0.0.1 that keeps Google's rules as they are documented, where fake-gcs-server does not."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fsspec.gcs.google_rules import Bucket, Object, Refusal, crc32c
from tests.fsspec.gcs.keys import ServiceAccount

__all__ = ["GoogleServer"]


class GoogleServer:
    """A context manager. With an `account` every request needs a token, which this server gives to whoever signs for one."""

    def __init__(self, account: ServiceAccount | None = None, page: int = 1000) -> None:
        self.buckets: dict[str, Bucket] = {}
        self.account, self.page = account, page
        self.tokens: set[str] = set()
        self.given = 0
        handler = type("Handler", (_Handler,), {"google": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def bucket(self, name: str, **more: Any) -> Bucket:
        return self.buckets.setdefault(name, Bucket(name, **more))

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    google: ClassVar[GoogleServer]

    def log_message(self, *_: object) -> None:
        pass

    def _any(self) -> None:
        parts = urlsplit(self.path)
        self.query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            self._route(parts.path)
        except Refusal as refusal:
            error = {"code": refusal.status, "message": refusal.message, "errors": [{"reason": refusal.reason}]}
            self._reply(refusal.status, json.dumps({"error": error}).encode())

    def __getattr__(self, name: str) -> Callable[[], None]:
        """`do_GET` and all the others."""
        if name.startswith("do_"):
            return self._any
        raise AttributeError(name)

    def _route(self, path: str) -> None:
        if path == "/token":
            return self._give_token()
        upload = path.startswith("/upload/")
        found = re.fullmatch(r"(?:/upload)?/storage/v1/b/([^/]+)(?:/o(?:/(.+))?)?", path)
        if found is None:
            return self._signed(path)
        self._demand_token()
        bucket = self.google.buckets.get(unquote(found[1]))
        if bucket is None:
            raise Refusal(404, "notFound", "The specified bucket does not exist.")
        if upload:
            return self._upload(bucket)
        if found[2] is not None:
            return self._object(bucket, unquote(found[2]))
        if path.endswith("/o"):
            return self._list(bucket)
        mode = {"objectRetention": {"mode": "Enabled"}} if bucket.retention else {}
        return self._json({"name": bucket.name, **mode})

    # Objects

    def _object(self, bucket: Bucket, name: str) -> None:
        if self.command == "GET" and self.query.get("alt") == "media":
            return self._media(bucket.find(name))
        if self.command == "GET":
            return self._json(bucket.find(name).resource)
        if self.command == "PATCH":
            override = self.query.get("overrideUnlockedRetention") == "true"
            change = json.loads(self.body)
            return self._json(bucket.patch(name, change, self.query.get("ifMetagenerationMatch"), override).resource)
        bucket.delete(name, self.query.get("ifGenerationMatch"))
        return self._reply(204, b"")

    def _media(self, found: Object) -> None:
        size = len(found.data)
        headers = {"X-Goog-Hash": f"crc32c={crc32c(found.data)},md5=AAAAAAAAAAAAAAAAAAAAAA=="}
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if asked is None:
            return self._reply(200, found.data, headers)
        start, end = int(asked[1]), min(int(asked[2]), size - 1)
        if start >= size:
            raise Refusal(416, "requestedRangeNotSatisfiable", "The requested range cannot be satisfied.")
        headers["Content-Range"] = f"bytes {start}-{end}/{size}"
        return self._reply(206, found.data[start : end + 1], headers)

    def _list(self, bucket: Bucket) -> None:
        prefix, delimiter = self.query.get("prefix", ""), self.query.get("delimiter")
        items: list[dict[str, Any]] = []
        prefixes: list[str] = []
        after, last, more = self.query.get("pageToken", ""), "", False
        for name in sorted(bucket.objects):
            if not name.startswith(prefix) or name <= after:
                continue
            if len(items) + len(prefixes) >= self.google.page:
                more = True
                break
            rest = name[len(prefix) :]
            if delimiter is not None and delimiter in rest:
                folder = prefix + rest[: rest.index(delimiter) + 1]
                if not after.startswith(folder) and folder not in prefixes:
                    prefixes.append(folder)
            else:
                items.append(bucket.objects[name].resource)
            last = name
        self._json({"items": items, "prefixes": prefixes} | ({"nextPageToken": last} if more else {}))

    # Uploads

    def _upload(self, bucket: Bucket) -> None:
        once = self.query.get("ifGenerationMatch") == "0"
        if "upload_id" in self.query:
            return self._piece(bucket, self.query["upload_id"])
        if self.query.get("uploadType") == "resumable":
            identifier = bucket.begin(json.loads(self.body), once)
            where = f"{self.google.url}/upload/storage/v1/b/{bucket.name}/o?uploadType=resumable&upload_id={identifier}"
            return self._reply(200, b"", {"Location": where})
        boundary = self.headers["Content-Type"].partition("boundary=")[2].strip('"').encode()
        first, second = self.body.removeprefix(b"--" + boundary).removesuffix(b"\r\n--" + boundary + b"--\r\n").split(
            b"\r\n--" + boundary + b"\r\n", 1
        )  # fmt: skip
        resource = json.loads(first.partition(b"\r\n\r\n")[2])
        data = second.partition(b"\r\n\r\n")[2]
        return self._json(bucket.store(resource, data, once, resource.get("crc32c")).resource)

    def _piece(self, bucket: Bucket, identifier: str) -> None:
        if self.command == "DELETE":
            bucket.cancel(identifier)
            return self._reply(499, b"")
        hashed = re.search(r"crc32c=(\S+)", self.headers.get("X-Goog-Hash", ""))
        crc = hashed[1] if hashed else None
        session = bucket.add(identifier, self.body, self.headers["Content-Range"], crc)
        if session.done is not None:
            return self._json(session.done.resource)
        return self._reply(308, b"", {"Range": f"bytes=0-{len(session.data) - 1}"} if session.data else {})

    # Who asks

    def _give_token(self) -> None:
        account = self.google.account
        assertion = parse_qs(self.body.decode()).get("assertion", [""])[0]
        if account is None or not account.signed(assertion):
            self._reply(400, b'{"error": "invalid_grant", "error_description": "Invalid JWT Signature."}')
            return
        self.google.given += 1
        token = f"token-{self.google.given}"
        self.google.tokens.add(token)
        self._json({"access_token": token, "expires_in": 3600, "token_type": "Bearer"})

    def _demand_token(self) -> None:
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.google.account is not None and given not in self.google.tokens:
            raise Refusal(401, "authError", "Invalid Credentials")

    def _signed(self, path: str) -> None:
        account = self.google.account
        if account is None or not account.may_read(self.path, self.headers["Host"]):
            raise Refusal(403, "SignatureDoesNotMatch", "Access denied.")
        _, bucket, key = unquote(path).split("/", 2)
        self._media(self.google.buckets[bucket].find(key))

    # Answers

    def _json(self, resource: Mapping[str, Any]) -> None:
        self._reply(200, json.dumps(_chosen(resource, self.query.get("fields"))).encode())

    def _reply(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response_only(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _chosen(resource: Mapping[str, Any], fields: str | None) -> Mapping[str, Any]:
    """What `fields` asks for, such as `items(name,size),nextPageToken`, and nothing else."""
    if fields is None:
        return resource
    chosen: dict[str, Any] = {}
    for name, inner in re.findall(r"(\w+)(?:\(([^)]*)\))?", fields):
        if name in resource:
            found = resource[name]
            chosen[name] = [_chosen(one, inner) for one in found] if inner else found
    return chosen
