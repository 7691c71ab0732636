"""Opening a connection: who we are, whom we trust, and what to say when it does not work."""

from __future__ import annotations

import asyncio
import os
import shlex
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import asyncssh  # noqa: TID253 - imported only for a profile that has such a sink

from wrikebackup_core import SinkError
from wrikebackup_fsspec.sftp.connection import Connection

__all__ = ["Login"]

# AES-GCM is several times as fast as what the library prefers, on every processor of the last ten years.
_CIPHERS = "^aes128-gcm@openssh.com,aes256-gcm@openssh.com"
_KEEPALIVES = 3
_IGNORE = 2  # SSH_MSG_IGNORE, RFC 4253, section 11.2
_PORT = 22  # known_hosts leaves this one out


@dataclass(frozen=True)
class Login:
    """What a connection needs. Secrets are in no repr."""

    host: str
    port: int
    user: str
    known_hosts: str
    key: str | None
    agent: bool
    timeout: float
    key_passphrase: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    async def connect(self) -> Connection:
        """Raises SinkError, in words for people."""
        client = _Client(self.password)
        try:
            try:
                return await self._try(client, ())
            except (asyncssh.KeyExchangeFailed, asyncssh.ConnectionLost, ConnectionResetError) as error:
                if "timeout" in str(error).lower():
                    raise
                # The kinds of key that are known are asked for; a server whose key has changed may have another kind. Which, is told
                # by a second try; it is refused all the same.
                return await self._try(client, "default")
        except asyncssh.HostKeyNotVerifiable as error:
            raise self._untrusted(client, str(error)) from error
        except asyncssh.KeyExchangeFailed as error:
            if "host key" in str(error).lower():
                raise self._untrusted(client, str(error)) from error
            raise self._failed(f"no common way to encrypt: {error}", "update the SSH server") from error
        except asyncssh.PermissionDenied as error:
            raise self._denied() from error
        except (asyncssh.Error, OSError, EOFError, UnicodeError) as error:
            raise self._unreachable(error) from error

    async def _try(self, client: _Client, host_key_algs: str | tuple[()]) -> Connection:
        async with asyncio.timeout(self.timeout * 2):  # each step has its own; together they end too
            return await self._start(await self._connect(client, host_key_algs))

    async def _connect(self, client: _Client, host_key_algs: str | tuple[()]) -> asyncssh.SSHClientConnection:
        return await asyncssh.connect(
            self.host,
            self.port,
            username=self.user,
            config=None,
            client_factory=lambda: client,
            known_hosts=self._trusted(),
            server_host_key_algs=host_key_algs,
            password=self.password,
            encryption_algs=_CIPHERS,
            connect_timeout=self.timeout,
            login_timeout=self.timeout,
            keepalive_interval=self.timeout / _KEEPALIVES,
            keepalive_count_max=_KEEPALIVES,
            **self._keys(),
        )

    async def _start(self, ssh: asyncssh.SSHClientConnection) -> Connection:
        try:
            sftp = await ssh.start_sftp_client(path_errors="surrogateescape")
        except (asyncssh.SFTPError, asyncssh.ChannelOpenError) as error:
            ssh.abort()
            raise self._failed(
                f"it offers no SFTP: {error}", "see `Subsystem sftp` in the server's settings"
            ) from error
        except BaseException:
            ssh.abort()
            raise
        _send_no_filler(ssh)
        return Connection(ssh, sftp, self.timeout)

    def _trusted(self) -> asyncssh.SSHKnownHosts:
        path = os.path.expanduser(self.known_hosts)  # noqa: PTH111 - pathlib raises where there is no home
        try:
            return asyncssh.read_known_hosts(path)
        except FileNotFoundError:
            return asyncssh.import_known_hosts("")  # nobody is trusted, and the server is told to be unknown
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise SinkError(f"cannot read known_hosts {self.known_hosts}: {reason.lower()}") from error

    def _keys(self) -> dict[str, Any]:
        """A key that the profile names is the only one; with nothing but a password no key is tried, for servers count attempts."""
        if self.key is not None:
            return {"client_keys": self._key_pairs, "agent_path": None}
        if self.password is not None:
            return {"client_keys": None, "agent_path": None}
        return {"client_keys": (), "agent_path": () if self.agent else None}

    @cached_property
    def _key_pairs(self) -> list[asyncssh.SSHKeyPair]:
        key = self.key or ""
        path = os.path.expanduser(key)  # noqa: PTH111 - the same
        try:
            return list(asyncssh.load_keypairs(path, self.key_passphrase))
        except (asyncssh.KeyEncryptionError, asyncssh.KeyImportError) as error:
            if "bcrypt" in str(error):
                reason, hint = "its encryption needs another library", "pip install bcrypt"
            elif self.key_passphrase is not None:
                reason, hint = "the passphrase does not fit, or it is no private key", "check key_passphrase"
            elif "passphrase" in str(error).lower():
                reason, hint = (
                    "it needs a passphrase",
                    "give `key_passphrase: env:…`, or leave `key` out and use an agent",
                )
            else:
                reason, hint = str(error).lower(), "give a private key in OpenSSH's format, not the .pub file"
            raise SinkError(f"cannot use the key {key}: {reason}", hint=hint) from error
        except OSError as error:
            raise SinkError(f"cannot read the key {key}: {(error.strerror or str(error)).lower()}") from error

    def _untrusted(self, client: _Client, reason: str) -> SinkError:
        """An unknown server, or one whose key is not the one that is known: never ours to accept."""
        name = self.host if self.port == _PORT else f"[{self.host}]:{self.port}"
        keys, *_ = self._trusted().match(self.host, client.address, None if self.port == _PORT else self.port)
        offered = f" ({client.offered})" if client.offered else ""
        file = shlex.quote(self.known_hosts).replace("'~/", "~/'")
        if "revoked" in reason:
            return self._failed(f"its host key is marked as revoked in {self.known_hosts}", "do not use this server")
        if keys:
            return self._failed(
                f"its host key{offered} is not the one in {self.known_hosts}",
                f"somebody may be in between; ask whoever runs the server, and look with: ssh-keygen -F {shlex.quote(name)} -f {file}",
            )
        return self._failed(
            f"its host key{offered} is not in {self.known_hosts}",
            f"see the key with: ssh-keyscan -p {self.port} {shlex.quote(self.host)} | ssh-keygen -lf -; once whoever runs the server "
            f"has confirmed it, add what ssh-keyscan prints to {self.known_hosts}",
        )

    def _denied(self) -> SinkError:
        if self.key is not None:
            hint = f"add the public key of {self.key} to ~/.ssh/authorized_keys of {self.user} on the server"
            hint += "" if self.password is None else ", and check the password"
        elif self.password is not None:
            hint = "check the user and the password"
        else:
            hint = "give `key` or `password`, or load the right key into the agent (ssh-add -l)"
        return self._failed("it does not let us in", hint)

    def _unreachable(self, error: Exception) -> SinkError:
        if isinstance(error, (socket.gaierror, UnicodeError)):
            return self._failed("no such host name is known", "check `host`")
        if isinstance(error, ConnectionRefusedError):
            return self._failed("nothing listens there", "check `host` and `port`, and whether the SSH server runs")
        hint = "check `host` and `port`, the network and firewalls in between, and the server's own log"
        if isinstance(error, TimeoutError) or "timeout" in str(error).lower():
            return self._failed(f"no answer within {self.timeout:g} seconds", hint)
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return self._failed((reason or "the connection was lost").lower(), hint)

    def _failed(self, reason: str, hint: str) -> SinkError:
        shown = f"[{self.host}]" if ":" in self.host else self.host
        reason = " ".join(reason.split())
        return SinkError(f"cannot connect to {self.user}@{shown}:{self.port}: {reason}", hint=hint)


def _send_no_filler(ssh: asyncssh.SSHClientConnection) -> None:
    """The library puts an empty message before each packet, against an attack on ciphers in CBC mode. AES-GCM and ChaCha20-Poly1305 need
    none, as in OpenSSH; without it small files take a fifth less of the processor.
    """
    if not str(ssh.get_extra_info("send_cipher", "")).startswith(("aes128-gcm", "aes256-gcm", "chacha20-poly1305")):
        return
    send = ssh.send_packet

    def send_packet(kind: int, *parts: bytes, **more: Any) -> None:
        if kind != _IGNORE:
            send(kind, *parts, **more)

    ssh.send_packet = send_packet  # type: ignore[method-assign, assignment]


class _Client(asyncssh.SSHClient):
    """Remembers the host key that was refused, and answers the one question for a password."""

    def __init__(self, password: str | None) -> None:
        self._password = password
        self._asked = False
        self.offered = ""
        self.address = ""

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self.address = addr
        self.offered = f"{key.get_algorithm()} {key.get_fingerprint()}"
        return False

    def kbdint_auth_requested(self) -> str | None:
        if self._password is None or self._asked:
            return None
        self._asked = True
        return ""

    def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> list[str] | None:
        if not prompts:
            return []
        if (
            len(prompts) == 1 and not prompts[0][1] and self._password is not None
        ):  # one question whose answer is not shown
            return [self._password]
        return None
