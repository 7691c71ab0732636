"""The monitor `apprise`: messages to people, through the library of that name."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

import apprise
import tenacity

from wrikebackup_core import Check, Monitor, Report, UsageError, WrikeBackupError, masked
from wrikebackup_notify.message import Message, message, one_line
from wrikebackup_notify.options import AppriseOptions

__all__ = ["Services"]

_TRIES = 4
_PATIENCE = 40.0
"""Seconds after which nothing is tried again: a monitor has a minute."""
_KNOWN = "https://github.com/caronc/apprise/wiki lists the services and their URLs"


class _Words(logging.Handler):
    """What Apprise says goes nowhere, since it may hold parts of addresses; the last of it is the reason in an error, which is masked."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self._last = one_line(record.getMessage())

    def take(self) -> str:
        """The last words, once. Apprise speaks in threads of its own, so they cannot be told from those of another monitor at the same time."""
        last, self._last = self._last, ""
        return last


_log = logging.getLogger(__name__)
_words = _Words()


def _silence() -> None:
    logger = logging.getLogger("apprise")
    logger.propagate = False
    if _words not in logger.handlers:
        logger.handlers[:] = [_words]


class Services(Monitor):
    """Writes to the services of a profile. References are resolved when they are needed, so that a missing one fails no run."""

    def __init__(
        self, options: AppriseOptions, secret: Callable[[str], str], *, pause: float = 1.0, patience: float = _PATIENCE
    ) -> None:
        """`pause` is the first wait between tries, `patience` how long there may be others, in seconds."""
        self._options, self._secret, self._pause, self._patience = options, secret, pause, patience

    def told(self, report: Report) -> None:
        found = message(report, self._options.on)
        if found is not None:
            sent, untaken = self._send(found, apprise.NotifyType.SUCCESS if found.good else apprise.NotifyType.FAILURE)
            if untaken is not None and not sent:
                raise untaken
            if untaken is not None:  # not raised: at the next look, those that took it would be told once more
                _log.warning("%s", masked(untaken.message))

    def test(self, profile: str) -> str:
        text = f"This is a test of wrikebackup: messages about the profile {one_line(profile)} arrive here."
        sent, untaken = self._send(Message(f"{one_line(profile)}: a test", text, good=True), apprise.NotifyType.INFO)
        if untaken is not None:
            raise untaken
        return f"sent to {', '.join(map(_name, sent))}"

    def checks(self) -> Iterator[Check]:
        try:
            services = self._services()
        except WrikeBackupError as error:
            yield Check("apprise", ok=False, detail=error.message, hint=error.hint)
        else:
            yield Check("apprise", ok=True, detail=f"writes to {', '.join(map(_name, services))}")

    def _services(self) -> list[apprise.NotifyBase]:
        """Raises SecretError, and UsageError for what is no URL of a service."""
        _silence()
        asset = apprise.AppriseAsset(
            app_id="wrikebackup", app_desc="wrikebackup", async_mode=False, secure_logging=True, storage_mode="memory"
        )
        found = list[apprise.NotifyBase]()
        for reference in self._options.references:
            address = self._secret(reference)
            made = apprise.Apprise(asset=asset)
            if not made.add(address) or not len(made):
                raise UsageError(
                    f"{reference} is not the URL of a service that Apprise knows{_scheme(address)}", hint=_KNOWN
                )
            found += made
        for service in found:
            if service.overflow_mode == apprise.OverflowMode.UPSTREAM:  # whose own limit would refuse it
                service.overflow_mode = apprise.OverflowMode.TRUNCATE
        return found

    def _send(
        self, text: Message, kind: apprise.NotifyType
    ) -> tuple[Sequence[apprise.NotifyBase], WrikeBackupError | None]:
        """To every service; those that fail are tried again. Those that took it, and an error that names the others if there are any."""
        services = self._services()
        left, reasons = list(services), dict[int, str]()

        def once() -> bool:
            for service in tuple(left):
                _words.take()
                if _notify(service, text, kind):
                    left.remove(service)
                else:
                    reasons[id(service)] = _words.take()
            return bool(left)

        tenacity.Retrying(
            retry=tenacity.retry_if_result(bool),
            stop=tenacity.stop_after_attempt(_TRIES) | tenacity.stop_after_delay(self._patience),
            wait=tenacity.wait_exponential(multiplier=self._pause, max=8),
            retry_error_callback=lambda _state: True,
        )(once)
        if left:
            why = "; ".join(filter(None, (reasons[id(service)] for service in left)))
            return [service for service in services if service not in left], WrikeBackupError(
                f"the message was not taken by {', '.join(map(_name, left))}{': ' if why else ''}{why}",
                hint="the service may be away, or its URL wrong: `wrikebackup notify test` shows whether messages arrive",
            )
        return services, None


def _notify(service: apprise.NotifyBase, text: Message, kind: apprise.NotifyType) -> bool:
    target = apprise.Apprise(asset=service.asset)
    target.add(service)
    return bool(
        target.notify(body=text.body, title=text.title, notify_type=kind, body_format=apprise.NotifyFormat.TEXT)
    )


def _name(service: apprise.NotifyBase) -> str:
    """What it is, and where if that is a host: never more of its URL, which holds secrets."""
    host = getattr(service, "host", None)
    shown = urlsplit(f"//{host}").hostname if isinstance(host, str) and re.fullmatch(r"[\w.-]+", host) else None
    return f"{service.service_name}{f' at {shown}' if shown else ''}"


def _scheme(address: str) -> str:
    found = re.match(r"[a-z][a-z0-9+.-]{0,30}://", address, re.IGNORECASE)
    return f": {found[0]}" if found else ""
