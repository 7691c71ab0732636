"""A server over a real socket, and a client that knows its token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from tests.mock.client import Client, Serve
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.server import MockServer


@pytest.fixture(scope="session")
def _plain() -> Iterator[httpx.Client]:
    """Making a client takes longer than using it."""
    with httpx.Client(timeout=10) as client:
        yield client


@pytest.fixture
def serve(_plain: httpx.Client) -> Iterator[Serve]:
    """`serve(account, **options)` starts a server and gives a client for it."""
    with ExitStack() as stack:

        def start(account: MockAccount | None = None, **options: Any) -> Client:
            server = stack.enter_context(MockServer(account or MockAccount(), **options))
            headers = {"Authorization": f"Bearer {server.token}"}
            return Client(server, stack.enter_context(httpx.Client(headers=headers, timeout=10)), _plain)

        yield start


@pytest.fixture(scope="module")
def shared(_plain: httpx.Client) -> Iterator[Client]:
    """One well-behaved server for the tests of a module that change nothing."""
    with MockServer(MockAccount()) as server, httpx.Client(headers={"Authorization": "bearer mock-token"}) as http:
        yield Client(server, http, _plain)
