"""SFTP servers on 127.0.0.1: OpenSSH's, and asyncssh's in a thread, which can be taught faults."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import asyncssh  # noqa: TID253 - the server of these tests
from asyncssh import sftp as protocol  # noqa: TID253 - the same

from tests.fsspec.asking import get, keys, put
from tests.fsspec.servers import free_port
from wrikebackup_core import Context
from wrikebackup_fsspec.options import SftpOptions
from wrikebackup_fsspec.sftp.opening import open_sink
from wrikebackup_fsspec.sftp.sink import SftpSink

__all__ = [
    "SSHD",
    "AsyncServer",
    "ByPassword",
    "Files",
    "Identity",
    "OpenSsh",
    "extensions",
    "get",
    "keys",
    "names",
    "put",
    "serving",
    "sink_of",
]

SSHD = "/usr/sbin/sshd"
_PATIENCE = 30.0  # seconds for a server to answer


class Identity:
    """A user's key and a file of known hosts, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = folder / "user"
        self.known_hosts = folder / "known_hosts"
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(self.key)
        self.key.chmod(0o600)
        asyncssh.read_private_key(self.key).write_public_key(f"{self.key}.pub")
        self.known_hosts.touch()

    def trust(self, port: int, host_key: Path) -> None:
        line = asyncssh.read_private_key(host_key).export_public_key().decode().strip()
        with self.known_hosts.open("a") as file:
            file.write(f"[127.0.0.1]:{port} {line}\n")


def sink_of(
    identity: Identity, port: int, path: Path | str, *, secret: Callable[[str], str] = str, **more: Any
) -> SftpSink:
    """A sink on a server of this machine, with the user's key; `more` are options of the profile."""
    options: dict[str, Any] = {
        "host": "127.0.0.1", "port": port, "user": "root", "path": str(path), "key": str(identity.key),
        "known_hosts": str(identity.known_hosts), "agent": False, "timeout": 20,
    }  # fmt: skip
    return cast(SftpSink, open_sink(SftpOptions(**(options | more)), Context(secret=secret)))


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


class OpenSsh:
    """sshd with keys and settings of its own; the same port after `stop` and `start`."""

    def __init__(self, folder: Path, identity: Identity, *settings: str) -> None:
        self.port = free_port()
        self.host_key = folder / "host_key"
        self.identity = identity
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        if not self.host_key.exists():
            asyncssh.generate_private_key("ssh-ed25519").write_private_key(self.host_key)
            self.host_key.chmod(0o600)
        shutil.copy(f"{identity.key}.pub", folder / "authorized_keys")
        # All paths absolute: sshd starts itself anew from / for every connection.
        lines = [
            f"Port {self.port}", "ListenAddress 127.0.0.1", f"HostKey {self.host_key}", f"PidFile {folder / 'pid'}",
            f"AuthorizedKeysFile {folder / 'authorized_keys'}", "StrictModes no", "UsePAM no", "PasswordAuthentication no",
            "KbdInteractiveAuthentication no", "PermitRootLogin prohibit-password", "MaxStartups 100", *settings,
        ]  # fmt: skip
        if not any(line.startswith("Subsystem") for line in lines):
            lines.append("Subsystem sftp internal-sftp")
        (folder / "sshd_config").write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        log = self._folder / "sshd.log"
        command = [SSHD, "-D", "-f", str(self._folder / "sshd_config"), "-E", str(log)]
        self._process = subprocess.Popen(command)
        deadline = time.monotonic() + _PATIENCE
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"sshd did not come up:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def sessions(self) -> list[int]:
        """The processes that serve connections, whose parents stand before them."""
        return _below(self.pid)

    def signal_sessions(self, number: signal.Signals) -> None:
        for pid in self.sessions():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def stop(self) -> None:
        """Ends the server and, unlike `systemctl stop sshd`, whatever it serves."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)  # so that it serves nobody new meanwhile
            self.signal_sessions(signal.SIGKILL)
            self._process.kill()
            self._process.wait()
            self._process = None


def _below(pid: int) -> list[int]:
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return [found for child in children for found in (child, *_below(child))]


class Files(asyncssh.SFTPServer):
    """asyncssh's own server of files, which counts what it reads; faults are subclasses of it."""

    served = 0

    def read(self, file_obj: object, offset: int, size: int) -> Any:
        data = super().read(file_obj, offset, size)
        type(self).served += len(cast(bytes, data))
        return data


class AsyncServer:
    """asyncssh's server in a thread. `login` may replace how it lets people in."""

    def __init__(
        self,
        folder: Path,
        identity: Identity,
        files: type[asyncssh.SFTPServer] = Files,
        login: Callable[[], asyncssh.SSHServer] = asyncssh.SSHServer,
    ) -> None:
        self.host_key = folder / "async_host_key"
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(self.host_key)
        self.identity = identity
        self.files = files
        self.port = 0
        self.connections: list[asyncssh.SSHServerConnection] = []
        self._login = login
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._serve()), daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(_PATIENCE)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_PATIENCE)
        self._loop.close()

    def cut(self) -> None:
        """Every connection is reset."""
        self._loop.call_soon_threadsafe(self._abort)

    def _abort(self) -> None:
        for connection in self.connections:
            connection.abort()

    def _files(self, channel: asyncssh.SSHServerChannel[bytes]) -> asyncssh.SFTPServer:
        return self.files(channel)  # which a test may have changed

    def _guard(self) -> asyncssh.SSHServer:
        guard = self._login()
        setattr(guard, "connection_made", self.connections.append)  # noqa: B010 - so for any class of guard
        return guard

    async def _serve(self) -> None:
        listener = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[str(self.host_key)],
            authorized_client_keys=f"{self.identity.key}.pub",
            server_factory=self._guard,
            sftp_factory=self._files,
            config=None,
        )
        self.port = listener.get_port()
        self.identity.trust(self.port, self.host_key)
        self._ready.set()
        await self._stop.wait()
        listener.close()
        self._abort()
        await listener.wait_closed()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for connection in self.connections:
            await connection.wait_closed()
        await asyncio.sleep(0)
        await self._loop.shutdown_default_executor()


class ByPassword(asyncssh.SSHServer):
    """Whoever comes is asked for a password, and for no key; subclasses say which password it is."""

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return False

    def password_auth_supported(self) -> bool:
        return True


@contextlib.contextmanager
def serving(server: AsyncServer) -> Iterator[AsyncServer]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def extensions(*missing: str) -> Iterator[None]:
    """asyncssh's server no longer says that it offers these."""
    before = protocol.SFTPServerHandler._extensions
    protocol.SFTPServerHandler._extensions = [item for item in before if item[0].decode() not in missing]
    try:
        yield
    finally:
        protocol.SFTPServerHandler._extensions = before
