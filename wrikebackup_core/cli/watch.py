"""What becomes of a run beside its backup: it is remembered in the profile's history, and the monitors are told of it.

Nothing here ever fails a run, or holds it up for longer than the monitors may take.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from wrikebackup_core.cli.listeners import Listener, listeners
from wrikebackup_core.cli.progress import Notify
from wrikebackup_core.cli.session import Session
from wrikebackup_core.cli.words import clean
from wrikebackup_core.errors import ExitCode, WrikeBackupError
from wrikebackup_core.model import AccountFound, Event, GapFound, Message, SinkDropped, StageFinished, StageStarted
from wrikebackup_core.monitors import Ran

if TYPE_CHECKING:
    from wrikebackup_core.engine.job import Job, Outcome
    from wrikebackup_core.engine.standing.looking import Look
    from wrikebackup_core.profile import Profile

__all__ = ["Watch"]

_LINES = 50
_BRIEFLY = 1.0  # seconds that another process is waited for: to append while it does harms a line at worst
_HURRY = timedelta(seconds=5)  # for a run that was told to stop: whoever did that waits


class Watch:
    """Of one run of `wrikebackup backup`."""

    def __init__(self, session: Session, profile: Profile) -> None:
        self._session, self._profile = session, profile
        self._started = datetime.now(UTC)
        self._crew: list[Listener] | None = None
        self._said = deque[str](maxlen=_LINES)
        self._sinks: tuple[str, ...] = ()
        self._account: str | None = None
        self._untold = False
        self._dropped: dict[str, str] = {}

    def begins(self, job: Job) -> None:
        """The run begins. Its monitors hear of it with the first stage: another run may be at work, and this one never begin then."""
        self._sinks = tuple(sink.name for sink in job.sinks)
        self._untold = True

    def _tell_beginning(self) -> None:
        """Nobody waits for the monitors."""
        if self._untold:
            self._untold = False
            name, at = self._profile.name, self._started
            for one in self._listeners():
                one.ask(lambda monitor: monitor.started(name, at))

    def hears(self, notify: Notify) -> Notify:
        """The same listener, whose last lines go into the report."""

        def take(event: Event) -> None:
            line = _line(event)
            if isinstance(event, StageStarted):
                self._tell_beginning()
            if isinstance(event, AccountFound):
                self._account = event.account.id
            elif isinstance(event, SinkDropped):
                self._dropped[event.sink] = event.reason
            if line is not None:
                self._say(line)
            notify(event)

        return take

    def ended(self, outcome: Outcome, words: str) -> None:
        """A backup was taken, or one was tried to the end."""
        code, pruned = outcome.exit_code, outcome.pruned
        failed = [] if pruned is None else [place.failed for place in pruned.places if place.failed is not None]
        ran = Ran(
            self._started,
            datetime.now(UTC),
            int(code),
            clean(words),
            account_id=outcome.account.id,
            backup_uid=outcome.backup_uid,
            complete=outcome.complete,
            counts=dict(outcome.counts),
            gaps=len(outcome.gaps),
            attachments_total=outcome.attachments_total,
            attachments_new=outcome.attachments_new,
            attachments_bytes=outcome.attachments_bytes,
            bytes_new=outcome.bytes_new,
            sinks={name: None if reason is None else clean(reason) for name, reason in outcome.sinks.items()},
            cause="sink" if code is ExitCode.FAILED else None,
            pruned=None if pruned is None else pruned.exit_code is ExitCode.DONE,
            prune_words=clean(failed[0]) if failed else None,
        )
        self._conclude(ran)

    def failed(self, error: BaseException, code: ExitCode) -> None:
        """The run ended with an error, or was interrupted."""
        from wrikebackup_core.engine.standing import cause_of
        from wrikebackup_core.engine.standing.causes import STORES

        cause = cause_of(error)
        if code is not ExitCode.LOCKED:
            self._tell_beginning()
        words = "interrupted" if code is ExitCode.INTERRUPTED else " ".join(str(error).split()) or type(error).__name__
        ran = Ran(
            self._started,
            datetime.now(UTC),
            int(code),
            clean(words),
            account_id=self._account,
            sinks={name: clean(reason) for name, reason in self._lost(error, cause in STORES).items()},
            hint=clean(error.hint) if isinstance(error, WrikeBackupError) and error.hint else None,
            cause=cause,
        )
        self._conclude(ran)

    def _lost(self, error: BaseException, in_a_sink: bool) -> dict[str, str]:
        """The sinks that took no further part: of the last one, the run ends with the error, and no event tells."""
        lost = dict(self._dropped)
        left = [name for name in self._sinks if name not in lost]
        if in_a_sink and len(left) > 1:
            left = [name for name in left if name in str(error)]
        if in_a_sink:
            lost |= dict.fromkeys(left, " ".join(str(error).split()))
        return lost

    def _conclude(self, ran: Ran) -> None:
        hurry = ran.exit_code == ExitCode.INTERRUPTED
        self._say(
            f"{'ended' if ran.exit_code == ExitCode.DONE else 'ended with exit code ' + str(ran.exit_code)}: {ran.words}"
        )
        with self._harmless("the run cannot be remembered"):
            look, ran = self._looked(ran)
            self._remember(ran)
            self._tell(ran, look, hurry=hurry)
        for one in self._crew or ():
            one.close()

    def _looked(self, ran: Ran) -> tuple[Look | None, Ran]:
        """Where a sink could not even be opened, which one it was is seen by looking."""
        from wrikebackup_core.cli.standings import see
        from wrikebackup_core.cli.telling import LIMIT
        from wrikebackup_core.engine.standing.causes import STORES
        from wrikebackup_core.engine.standing.troubles import WHOSE

        if ran.cause not in STORES or ran.sinks:
            return None, ran
        seen = see(self._profile, self._session.plugins, seconds=LIMIT.total_seconds())
        problems = {one.sink: one.problem for one in seen.standing.sinks if one.problem not in (None, WHOSE)}
        return seen.look, replace(ran, sinks=problems)

    def _remember(self, ran: Ran) -> None:
        from wrikebackup_core.cli.standings import folder_of
        from wrikebackup_core.engine.standing import History, NotesFile

        folder = folder_of(self._profile, self._session.plugins)
        with self._harmless("the run cannot be noted in the history"), NotesFile(folder).locked(_BRIEFLY):
            History(folder).append(ran)

    def _tell(self, ran: Ran, look: Look | None, *, hurry: bool) -> None:
        from wrikebackup_core.cli.telling import look_and_tell

        crew = self._listeners()
        if crew:
            with self._harmless("the monitors cannot be told"):
                look_and_tell(
                    self._profile,
                    self._session.plugins,
                    self._session.terminal,
                    crew,
                    ran=ran,
                    log=tuple(self._said),
                    known=look,
                    limit=_HURRY if hurry else None,
                )

    def _listeners(self) -> list[Listener]:
        if self._crew is None:
            self._crew = []
            with self._harmless("the monitors cannot be used"):
                self._crew = listeners(self._profile, self._session.plugins, self._session.terminal)[0]
        return self._crew

    def _say(self, line: str) -> None:
        self._said.append(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {clean(line)}")

    @contextlib.contextmanager
    def _harmless(self, what: str) -> Iterator[None]:
        """Whatever goes wrong is a line on the terminal."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - the run is over, and its end stands
            reason = (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
            self._session.terminal.warn(f"{what}: {' '.join(reason.split()) or type(error).__name__}")


def _line(event: Event) -> str | None:
    if isinstance(event, StageFinished):
        return f"{event.stage}: {event.summary}"
    if isinstance(event, SinkDropped):
        return f"warning: {event.sink} takes no further part: {event.reason}"
    if isinstance(event, Message):
        return f"warning: {event.text}" if event.warning else event.text
    if isinstance(event, GapFound):
        return f"gap: {event.gap.kind} {event.gap.id or ''}".rstrip() + f": {event.gap.reason}"
    return None
