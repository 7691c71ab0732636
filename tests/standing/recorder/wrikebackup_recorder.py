"""A monitor that writes down what it is told, and misbehaves as the profile says; installed for these tests only."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from wrikebackup_core import Check, Context, Monitor, Register, Report, WrikeBackupError, hookimpl


class Options(BaseModel):
    path: str
    does: Literal["well", "fails", "hangs", "dies", "cannot be made"] = "well"


class Recorder(Monitor):
    def __init__(self, options: Options) -> None:
        self._path, self._does = Path(options.path), options.does

    def _write(self, **facts: object) -> None:
        if self._does == "hangs":
            time.sleep(3600)
        if self._does == "fails":
            raise WrikeBackupError("the recorder is out of paper", hint="buy some")
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(facts) + "\n")
        if self._does == "dies":
            os._exit(9)

    def started(self, profile: str, at: datetime) -> None:
        if self._does != "dies":
            self._write(event="started", profile=profile)

    def told(self, report: Report) -> None:
        run = report.run
        self._write(
            event="told",
            at=report.standing.at.isoformat(),
            run=None if run is None else [run.exit_code, run.cause, run.words],
            begun=[one.id for one in report.begun],
            over=[one.id for one in report.over],
            troubles=[one.id for one in report.standing.troubles],
            log=list(report.log),
        )

    def test(self, profile: str) -> str:
        self._write(event="test", profile=profile)
        return f"written to {self._path.name}"

    def checks(self) -> Iterator[Check]:
        yield Check("paper", self._does != "fails", "there is some" if self._does != "fails" else "there is none")


def _make(options: Options, _context: Context) -> Monitor:
    if options.does == "cannot be made":
        raise WrikeBackupError("the recorder is broken", hint="mend it")
    return Recorder(options)


@hookimpl
def register_monitors(register: Register) -> None:
    register("recorder", options=Options, make=_make)
