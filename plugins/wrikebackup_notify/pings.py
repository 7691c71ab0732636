"""The monitor `healthchecks`: the pinging API of healthchecks.io (https://healthchecks.io/docs/http_api/), which others speak too."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from urllib.parse import SplitResult, urlsplit, urlunsplit

import tenacity

from wrikebackup_core import Check, ExitCode, Monitor, Ran, Report, UsageError, WrikeBackupError, __version__, duration
from wrikebackup_notify.message import one_line, summary
from wrikebackup_notify.options import Gaps, HealthchecksOptions

__all__ = ["Pings"]

_MOST = 100_000
"""Bytes of a body that are kept by healthchecks.io; a server of one's own keeps the first 10,000 unless told otherwise."""
_TRIES = 4
_PATIENCE = 30.0
"""Seconds after which nothing is tried again: a monitor has a minute."""


class _Passing(WrikeBackupError):
    """Trying again may help."""


class Pings(Monitor):
    """Pings one check: when a run begins, and how it ended. The reference is resolved when it is needed, so that a missing one fails no run."""

    def __init__(
        self,
        options: HealthchecksOptions,
        secret: Callable[[str], str],
        *,
        pause: float = 1.0,
        patience: float = _PATIENCE,
    ) -> None:
        """`pause` is the first wait between tries, `patience` how long there may be others, in seconds."""
        self._options, self._secret, self._pause, self._patience = options, secret, pause, patience
        self._run: str | None = None

    def started(self, profile: str, at: datetime) -> None:
        self._run = str(uuid.uuid4())
        self._ping("/start", run=self._run)

    def told(self, report: Report) -> None:
        """After a look nothing is sent: what is missed is for the server to notice."""
        if report.run is None:
            return
        run, self._run = self._run, None
        if run is None and report.run.exit_code == ExitCode.LOCKED:
            ending = "/log"  # another run is at work, and pings for itself
        else:
            ending = "" if self._is_good(report.run) else f"/{report.run.exit_code % 256 or 1}"
        self._ping(ending, _body(report.run, report.log), run=run)

    def test(self, profile: str) -> str:
        self._ping("/log", f"a test of wrikebackup, profile {one_line(profile)}".encode())
        return f"logged at {self._address().hostname}; the state of the check is as it was"

    def checks(self) -> Iterator[Check]:
        try:
            address = self._address()
        except WrikeBackupError as error:
            yield Check("healthchecks", ok=False, detail=error.message, hint=error.hint)
        else:
            yield Check("healthchecks", ok=True, detail=f"pings {address.hostname}")

    def _is_good(self, run: Ran) -> bool:
        whole = not any(run.sinks.values()) and run.gaps > 0
        return run.exit_code == ExitCode.DONE or (
            run.exit_code == ExitCode.PARTIAL and whole and self._options.gaps is Gaps.SUCCESS
        )

    def _address(self) -> SplitResult:
        """Raises SecretError, UsageError."""
        try:
            address = urlsplit(self._secret(self._options.url).strip())
            if address.scheme in ("http", "https") and address.hostname and (address.port or 1) > 0:
                return address
        except ValueError:  # its words may hold the address
            pass
        raise UsageError(
            f"{self._options.url} is not the address of a check",
            hint="copy the ping URL of the check, such as https://hc-ping.com/ and its UUID",
        )

    def _ping(self, ending: str, body: bytes = b"", *, run: str | None = None) -> None:
        """Raises WrikeBackupError where the ping did not arrive, with the host and never with the address."""
        address = self._address()
        query = "&".join(filter(None, (address.query, run and f"rid={run}")))
        target = urlunsplit((address.scheme, address.netloc, address.path.rstrip("/") + ending, query, ""))
        tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Passing),
            stop=tenacity.stop_after_attempt(_TRIES) | tenacity.stop_after_delay(self._patience),
            wait=tenacity.wait_exponential(multiplier=self._pause, max=8),
            reraise=True,
        )(self._once, target, str(address.hostname), body)

    def _once(self, target: str, host: str, body: bytes) -> None:
        import httpx

        seconds = duration(self._options.timeout).total_seconds()
        headers = {"User-Agent": f"wrikebackup/{__version__}", "Content-Type": "text/plain; charset=utf-8"}
        try:
            # Not along redirects: they would hand the address of the check to somebody else.
            with httpx.stream(
                "POST", target, content=body, headers=headers, timeout=seconds, follow_redirects=False
            ) as answer:
                status, said = answer.status_code, next(answer.iter_bytes(), b"")  # never more than its beginning
        except httpx.TimeoutException:
            raise _Passing(f"{host} could not be pinged: no answer within {seconds:g} s") from None
        except httpx.ConnectError as error:  # says what the system says, without the address
            why = re.sub(r"^\[Errno -?\d+\] ", "", one_line(str(error)))
            raise _Passing(f"{host} could not be pinged: {why or 'no connection'}") from None
        except httpx.TransportError:
            raise _Passing(f"{host} could not be pinged: the connection ended early") from None
        except (httpx.InvalidURL, httpx.HTTPError, ValueError) as error:
            raise WrikeBackupError(f"{host} could not be pinged: {type(error).__name__}") from None
        _read(status, said, host)


def _read(status: int, said: bytes, host: str) -> None:
    """Raises WrikeBackupError for all but a ping that was taken."""
    if status >= 500:
        raise _Passing(f"{host} could not be pinged: HTTP status {status}")
    # Older versions of the server answer 200 to everything.
    if status == 404 or said.startswith(b"OK (not found)"):
        raise WrikeBackupError(f"{host} knows no such check", hint="copy the ping URL of the check again")
    if status >= 300:
        hints = {409: "several checks have this slug: take the address with the UUID"}
        hint = "take the address to which it redirects" if status < 400 else hints.get(status)
        raise WrikeBackupError(f"{host} did not take the ping: HTTP status {status}", hint=hint)


def _body(run: Ran, log: Sequence[str]) -> bytes:
    """How it ended, then as many of the last lines of the log as there is room for."""
    head = summary(run).encode(errors="replace")[: _MOST // 2]
    room, kept = _MOST - len(head) - 2, list[bytes]()
    for line in reversed(log):
        text = line.encode(errors="replace")
        room -= len(text) + 1
        if room < 0:
            break
        kept.append(text)
    return b"\n".join([head, b"", *reversed(kept)]) if kept else head
