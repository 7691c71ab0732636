"""A client of the mock server that shows what came back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from wrikebackup_mock.server import MockServer


class Client:
    """Asks one server, and shows refusals as (status, error). `http` brings the token along, `plain` does not."""

    def __init__(self, server: MockServer, http: httpx.Client, plain: httpx.Client) -> None:
        self.server, self.http, self.plain = server, http, plain
        self.account = server.account

    def get(self, path: str, /, **params: Any) -> httpx.Response:
        """Parameters that are no text go as JSON."""
        query = {name: value if isinstance(value, str) else json.dumps(value) for name, value in params.items()}
        return self.http.get(self.server.base_url + path, params=query)

    def data(self, path: str, /, **params: Any) -> list[dict[str, Any]]:
        answer = self.get(path, **params)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    def refusal(self, path: str, /, **params: Any) -> tuple[int, str]:
        answer = self.get(path, **params)
        assert set(answer.json()) == {"errorDescription", "error"}
        return answer.status_code, answer.json()["error"]

    def walk(self, path: str, /, token: str = "nextPageToken", **params: Any) -> Iterator[dict[str, Any]]:
        """All pages; `pageSize` is 7 unless given."""
        params.setdefault("pageSize", 7)
        while True:
            answer = self.get(path, **params)
            assert answer.status_code == 200, answer.text
            yield from answer.json()["data"]
            if "nextPageToken" not in answer.json():
                return
            params[token] = answer.json()["nextPageToken"]


Serve = Callable[..., Client]
