"""Downloads over TLS, straight and through a proxy's tunnel: only from a host whose certificate is trusted and names it."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from wrikebackup_wrike.connections import Connections
from wrikebackup_wrike.routes import Origin

x509 = pytest.importorskip("cryptography.x509")

SECONDS = 10.0
BODY = bytes(range(256)) * 400
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key and its own certificate, for 127.0.0.1 and nothing else."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


class Listener:
    """Hands each connection to `serve`, in a thread of its own, until the test ends."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                connection.settimeout(SECONDS)
                threading.Thread(target=self._guarded, args=(connection,), daemon=True).start()

    def _guarded(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self.serve(connection)

    def serve(self, connection: socket.socket) -> None:
        raise NotImplementedError

    def head(self, connection: socket.socket) -> bytes:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            if not (more := connection.recv(65_536)):
                raise ConnectionError
            head += more
        self.heads.append(head)
        return head

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


class Secured(Listener):
    """Answers every request on a connection."""

    def __init__(self, certificate: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        super().__init__()

    def serve(self, connection: socket.socket) -> None:
        with self._context.wrap_socket(connection, server_side=True) as secured:
            while True:
                self.head(secured)
                secured.sendall(ANSWER)


class Tunnel(Listener):
    """A proxy; behind TLS where it has a certificate."""

    def __init__(self, certificate: Path | None) -> None:
        self._context: ssl.SSLContext | None = None
        if certificate is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate)
        super().__init__()

    def serve(self, connection: socket.socket) -> None:
        if self._context is not None:
            connection = self._context.wrap_socket(connection, server_side=True)
        target = self.head(connection).split()[1].decode()
        with connection, socket.create_connection(("127.0.0.1", int(target.rpartition(":")[2]))) as beyond:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            _relay(connection, beyond)


def _relay(near: socket.socket, far: socket.socket) -> None:
    """Both ways in one thread: OpenSSL does not bear two on one connection."""
    with contextlib.suppress(OSError):
        while True:
            waiting = isinstance(near, ssl.SSLSocket) and near.pending()
            for source in [near] if waiting else select.select([near, far], [], [])[0]:
                data = source.recv(65_536)
                if not data:
                    return
                (far if source is near else near).sendall(data)


@pytest.fixture
def host(certificate: Path) -> Iterator[Secured]:
    listener = Secured(certificate)
    yield listener
    listener.close()


@pytest.fixture
def connections(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connections]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv("no_proxy", "")
    connections = Connections(SECONDS, SECONDS)
    yield connections
    connections.close()


def fetch(connections: Connections, port: int, host: str = "127.0.0.1") -> bytes:
    response = connections.get(Origin("https", host, port), "/x", {})
    try:
        return b"".join(iter(lambda: response.read(70_000), b""))
    finally:
        response.close()


def test_a_trusted_host_is_read_from_on_one_connection(host: Secured, connections: Connections) -> None:
    assert [fetch(connections, host.port) for _ in range(3)] == [BODY] * 3
    assert len(host.heads) == 3


def test_a_host_that_nobody_vouches_for_is_not_asked(
    host: Secured, connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(Exception, match="certificate verify failed"):
        fetch(connections, host.port)
    assert host.heads == []


def test_a_certificate_for_another_host_is_not_accepted(host: Secured, connections: Connections) -> None:
    with pytest.raises(Exception, match=r"(?i)hostname mismatch|doesn't match"):
        fetch(connections, host.port, "localhost")
    assert host.heads == []


@pytest.mark.parametrize("secured", [False, True])
def test_the_way_through_a_proxy_is_a_tunnel_that_it_cannot_look_into(
    host: Secured, connections: Connections, certificate: Path, monkeypatch: pytest.MonkeyPatch, secured: bool
) -> None:
    proxy = Tunnel(certificate if secured else None)
    try:
        monkeypatch.setenv("https_proxy", f"{'https' if secured else 'http'}://127.0.0.1:{proxy.port}")
        assert [fetch(connections, host.port) for _ in range(2)] == [BODY] * 2
        with pytest.raises(Exception, match=r"(?i)hostname mismatch|doesn't match"):
            fetch(connections, host.port, "www.wrike.example")
    finally:
        proxy.close()
    assert len(host.heads) == 2
    assert [head.split()[:2] for head in proxy.heads] == [
        [b"CONNECT", b"127.0.0.1:%d" % host.port],
        [b"CONNECT", b"www.wrike.example:%d" % host.port],
    ]
