"""Answers of every form that HTTP allows, over real sockets: read whole, and the connection used again only where that is safe."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrikebackup_core import SourceError
from wrikebackup_wrike.connections import Connections
from wrikebackup_wrike.exchange import Answer, ask
from wrikebackup_wrike.routes import Origin

SECONDS = 10.0


@contextmanager
def answering(*pieces: bytes, end: bool = False) -> Iterator[socket.socket]:
    """A connection whose other end sends these pieces, and closes where `end` says so."""
    ours, theirs = socket.socketpair()
    ours.settimeout(SECONDS)

    def serve() -> None:
        with suppress(OSError):  # a reader that has what it wants does not wait for the rest
            theirs.recv(65_536)
            for piece in pieces:
                theirs.sendall(piece)
        if end:
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield ours
    finally:
        ours.close()
        thread.join()
        theirs.close()


def whole(answer: Answer, size: int = 7) -> bytes:
    return b"".join(iter(lambda: answer.read(size), b""))


ORDINARY = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Name: a: b \r\n\r\nhello"


FORMS: dict[str, tuple[bytes, bool, bytes, bool]] = {
    "ordinary": (ORDINARY, False, b"hello", True),
    "empty": (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", False, b"", True),
    "no reason": (b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nab", False, b"ab", True),
    "no headers": (b"HTTP/1.1 200 OK\r\n\r\nab", True, b"ab", False),
    "will be closed": (b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\nab", True, b"ab", False),
    "repeated": (b"HTTP/1.1 200 OK\r\nx: a\r\nx: b\r\ncontent-length: 2\r\n\r\nab", False, b"ab", True),
    "two lengths": (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nab", False, b"ab", True),
    "chunked": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nt: 1\r\n\r\n",
        False, b"abcde", True,
    ),
    "chunked beats the length": (
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        False, b"ab", True,
    ),
    "until the end": (b"HTTP/1.1 200 OK\r\ncontent-type: a/b\r\n\r\nabc", True, b"abc", False),
    "old": (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nab", True, b"ab", False),
    "line feeds only": (b"HTTP/1.1 200 OK\ncontent-length: 2\n\nab", False, b"ab", True),
    "folded": (b"HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 2\r\n\r\nab", False, b"ab", True),
    "continued": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab", False, b"ab", True),
    "nothing more": (b"HTTP/1.1 204 No Content\r\ncontent-length: 9\r\n\r\n", False, b"", True),
    "more than announced": (ORDINARY + b"HTTP/1.1 200 OK\r\n", False, b"hello", False),
    "less than announced": (ORDINARY[:-2], True, b"hel", False),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_body_is_read_whole_and_its_connection_kept_only_where_it_can_be(form: str) -> None:
    raw, end, body, reusable = FORMS[form]
    for pieces in ([raw], [raw[:1], raw[1:40], raw[40:]], [raw[place : place + 1] for place in range(len(raw))]):
        with answering(*pieces, end=end) as connection:
            answer = ask(connection, "/x", {"host": "h"})
            assert whole(answer) == body
            assert answer.read(1) == b""
            if len(pieces) == 1:  # that more is to come cannot be known
                assert answer.reusable is reusable


def test_a_connection_whose_answer_was_not_read_to_its_end_is_not_kept() -> None:
    with answering(ORDINARY) as connection:
        answer = ask(connection, "/x", {})
        assert (answer.read(4), answer.reusable) == (b"hell", False)


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"", ConnectionError),
        (b"SSH-2.0-OpenSSH_9.2\r\n", http.client.BadStatusLine),
        (b"HTTP/1.1 OK 200\r\n\r\n", http.client.BadStatusLine),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000 + b"\r\n\r\n", http.client.LineTooLong),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 12_000, http.client.HTTPException),
    ],
)
def test_what_is_no_answer_is_refused_as_such(raw: bytes, error: type[Exception]) -> None:
    with answering(raw, end=True) as connection, pytest.raises(error):
        ask(connection, "/x", {})


def test_a_garbled_answer_is_not_waited_for() -> None:
    with answering(b"\x15\x03\x01\x00\x02\x02F\n") as connection, pytest.raises(http.client.BadStatusLine):
        ask(connection, "/x", {})


@pytest.mark.parametrize(
    ("target", "headers"),
    [("/a b", {}), ("/a\r\nx: y", {}), ("", {}), ("/a", {"authorization": "bearer a\r\nx: y"}), ("/ä", {})],
)
def test_nothing_can_be_smuggled_into_a_request(target: str, headers: dict[str, str]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with pytest.raises(ValueError, match="cannot hold"):
            ask(ours, target, headers)
        ours.shutdown(socket.SHUT_WR)
        assert theirs.recv(100) == b""


NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,12}", fullmatch=True).filter(
    lambda name: name.lower() not in ("content-length", "transfer-encoding", "connection")
)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f\x85\xa0"), max_size=20)


@given(
    headers=st.dictionaries(NAMES.map(str.lower), VALUES, max_size=5),
    body=st.binary(max_size=40),
    status=st.sampled_from([200, 206, 302, 404, 503]),
    sizes=st.lists(st.integers(1, 12), min_size=1),
)
def test_answers_mean_what_http_client_takes_them_for(
    headers: dict[str, str], body: bytes, status: int, sizes: list[int]
) -> None:
    lines = [f"HTTP/1.1 {status} X", *(f"{name}: {text}" for name, text in headers.items())]
    raw = "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode("latin-1") + body
    with answering(raw) as connection, answering(raw) as another:
        answer = ask(connection, "/x", {})
        another.sendall(b"x")
        expected = http.client.HTTPResponse(another)
        expected.begin()
        assert answer.status == expected.status == status
        assert answer.length == expected.length == len(body)
        assert {name: text.strip() for name, text in answer.headers.items()} == {
            name.lower(): text.strip() for name, text in expected.headers.items()
        }
        got = b""
        while len(got) < len(body):
            got += answer.read(sizes[len(got) % len(sizes)])
        assert got == body == expected.read()
        assert answer.reusable


# Connections


class Server:
    """Answers each connection's requests with the next of these; None ends the connection instead."""

    def __init__(self, *answers: Sequence[bytes | None]) -> None:
        self.heads: list[list[str]] = []
        self._answers = answers
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        for answers in self._answers:
            connection, _ = self._listening.accept()
            with connection:
                self.heads.append([])
                for answer in answers:
                    head = b""
                    while not head.endswith(b"\r\n\r\n"):
                        head += connection.recv(65_536) or b"\r\n\r\n"
                    self.heads[-1].append(head.decode())
                    if answer is not None:
                        connection.sendall(answer)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._thread.join(SECONDS)
        self._listening.close()


@pytest.fixture
def connections() -> Iterator[Connections]:
    connections = Connections(SECONDS, SECONDS)
    yield connections
    connections.close()


def fetch(connections: Connections, origin: Origin, target: str = "/x") -> bytes:
    response = connections.get(origin, target, {"range": "bytes=1-"})
    try:
        return response.read(100)
    finally:
        response.close()


def test_a_connection_serves_one_request_after_the_other(connections: Connections) -> None:
    with Server([ORDINARY] * 3) as server:
        origin = Origin("http", "127.0.0.1", server.port)
        assert [fetch(connections, origin) for _ in range(3)] == [b"hello"] * 3
    expected = f"GET /x HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\nrange: bytes=1-\r\n\r\n"
    assert server.heads == [[expected] * 3]


def test_a_kept_connection_that_the_server_has_closed_is_replaced(connections: Connections) -> None:
    with Server([ORDINARY], [ORDINARY, None], [ORDINARY]) as server:
        origin = Origin("http", "127.0.0.1", server.port)
        assert [fetch(connections, origin) for _ in range(3)] == [b"hello"] * 3
    assert len(server.heads) == 3


def test_a_new_connection_that_ends_without_an_answer_is_an_error(connections: Connections) -> None:
    with Server([ORDINARY, None], [None]) as server:
        origin = Origin("http", "127.0.0.1", server.port)
        assert fetch(connections, origin) == b"hello"
        with pytest.raises(ConnectionError):
            fetch(connections, origin)
    assert [len(heads) for heads in server.heads] == [2, 1]


def test_connections_end_with_the_source_even_those_in_use() -> None:
    connections = Connections(SECONDS, SECONDS)
    with Server([ORDINARY, None]) as server:
        response = connections.get(Origin("http", "127.0.0.1", server.port), "/x", {})
        connections.close()
        assert response.read(5) == b"hello"
        response.close()
    assert server.heads[0][1] == "\r\n\r\n"  # the server saw the end of the connection, and no other request


# Proxies


def test_a_proxy_for_http_gets_the_whole_address_and_its_password(
    connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server([ORDINARY]) as proxy:
        monkeypatch.setenv("http_proxy", f"http://me:p%40ss@127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", "")
        assert fetch(connections, Origin("http", "files.example", 8080), "/a?b=c") == b"hello"
    assert proxy.heads[0][0].startswith("GET http://files.example:8080/a?b=c HTTP/1.1\r\nhost: files.example:8080\r\n")
    assert "proxy-authorization: Basic bWU6cEBzcw==\r\n" in proxy.heads[0][0]


def test_https_goes_through_a_tunnel(connections: Connections, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server([b"HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n"]) as proxy:
        monkeypatch.setenv("https_proxy", f"me:pass@127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", "")
        with pytest.raises(OSError, match="403"):
            fetch(connections, Origin("https", "www.wrike.example", 443))
    (head,) = proxy.heads[0]
    assert head.startswith("CONNECT www.wrike.example:443 HTTP/1.")
    assert "proxy-authorization: Basic bWU6cGFzcw==\r\n" in head


@pytest.mark.parametrize("address", ["socks5://me:secret@127.0.0.1:1", "http://me:secret@[broken:1"])
def test_a_proxy_that_cannot_be_used_is_told_without_its_password(
    connections: Connections, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("all_proxy", address)
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(SourceError, match="proxy") as caught:
        fetch(connections, Origin("https", "www.wrike.example", 443))
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
