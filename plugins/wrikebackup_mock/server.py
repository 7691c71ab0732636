"""`MockServer`: an account over HTTP as API v4, on a loopback address, in a thread of its own or in the foreground."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.app import API, App
from wrikebackup_mock.bi_export import Exports
from wrikebackup_mock.control import Control
from wrikebackup_mock.faults import Fault, Faults
from wrikebackup_mock.journal import Journal
from wrikebackup_mock.oauth import OAuthApp, Tokens
from wrikebackup_mock.service import Plan, Service

if TYPE_CHECKING:
    import uvicorn

_START_SECONDS = 20
_BACKLOG = 2048


class MockServer:
    """Serves `account` while it is entered (`with MockServer(account) as server:`).

    `token` is the permanent token. `rate` is how many requests a minute a token may make (None: no limit), `retry_after` whether a 429
    says how long to wait. `latency` is waited before each answer, in seconds. `plan` and `faults` say what is forbidden
    and what goes wrong; `faults` are `Fault`s or their texts (`cut:path=/tasks,at=2`). `control` switches on what
    `control.Control` describes. `port` 0 takes any free one. `account` may be replaced while it runs.
    """

    def __init__(
        self,
        account: MockAccount,
        *,
        token: str = "mock-token",  # noqa: S107 - made up
        rate: int | None = None,
        retry_after: bool = True,
        latency: float = 0.0,
        plan: Plan | None = None,
        faults: Iterable[Fault | str] = (),
        oauth: OAuthApp | None = None,
        control: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.token = token
        self.service = Service(
            account,
            token=token,
            rate=rate,
            retry_after=retry_after,
            latency=latency,
            plan=plan or Plan(),
            faults=faults,
            oauth=oauth or OAuthApp(),
        )
        self._control = Control(self.service) if control else None
        self._host, self._port = host, port
        self._uvicorn: uvicorn.Server | None = None
        self._sockets: list[socket.socket] = []
        self._thread: threading.Thread | None = None

    @property
    def base_url(self) -> str:
        """`http://127.0.0.1:PORT/api/v4`."""
        return f"{self.origin}{API}"

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:PORT`, where OAuth and the control are."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.service.api_port}"

    @property
    def account(self) -> MockAccount:
        return self.service.account

    @account.setter
    def account(self, account: MockAccount) -> None:
        self.service.account = account

    @property
    def requests(self) -> Journal:
        """What was asked: `.count("GET /tasks")`, `.counts`, `.entries(…)`."""
        return self.service.journal

    @property
    def faults(self) -> Faults:
        return self.service.faults

    @property
    def tokens(self) -> Tokens:
        """`.expire()` ends the access tokens, `.issue()` makes a pair without the browser."""
        return self.service.tokens

    @property
    def exports(self) -> Exports:
        """The BI export: `.polls` and `.seconds` until one is made, `.renew()`, `.age(seconds)`, `.extra` tables."""
        return self.service.exports

    @property
    def leaks(self) -> list[str]:
        """Paths at the storage host that somebody brought the API's token to."""
        return self.service.leaks

    # Running

    def _open(self) -> uvicorn.Server:
        import uvicorn

        try:
            for port in (self._port, 0):
                family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
                self._sockets.append(socket.create_server((self._host, port), family=family, backlog=_BACKLOG))
        except OSError:
            self._close()
            raise
        self.service.api_port, self.service.storage_port = (each.getsockname()[1] for each in self._sockets)
        config = uvicorn.Config(
            App(self.service, self._control),
            log_config=None,
            log_level="critical",
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
            backlog=_BACKLOG,
        )
        self._uvicorn = uvicorn.Server(config)
        return self._uvicorn

    def _close(self) -> None:
        for each in self._sockets:
            each.close()
        self._sockets.clear()

    def start(self) -> Self:
        """Raises OSError when the port is taken."""
        server = self._open()
        started = threading.Event()

        async def serve() -> None:
            task = asyncio.ensure_future(server.serve(self._sockets))
            while not server.started and not task.done():
                await asyncio.sleep(0.002)
            started.set()
            await task

        def run() -> None:
            with asyncio.Runner(loop_factory=_loop_factory()) as loop:
                loop.run(serve())

        self._thread = threading.Thread(target=run, name="mock-server", daemon=True)
        self._thread.start()
        if not started.wait(_START_SECONDS) or not server.started:
            raise RuntimeError("the mock server did not start")
        return self

    def stop(self) -> None:
        """Ends all connections. Calling it twice is fine."""
        if self._uvicorn is not None:
            self._uvicorn.should_exit = True
            self._uvicorn.force_exit = True
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """That of uvloop where it is installed: twice as fast."""
    try:
        import uvloop
    except ImportError:
        return None
    return cast("Callable[[], asyncio.AbstractEventLoop]", uvloop.new_event_loop)
