"""From a YAML file to a Profile, with every value checked by the plugin that it is for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import platformdirs
from pydantic import BaseModel, ValidationError

from wrikebackup_core.durations import duration
from wrikebackup_core.errors import ProfileError, UsageError
from wrikebackup_core.homes import expand_home
from wrikebackup_core.model import AttachmentMode, CoverageMode, Kind
from wrikebackup_core.plugins import Plugins, Registration
from wrikebackup_core.profile.complaints import complaint, complaints, nearest
from wrikebackup_core.profile.document import Document, Step, read
from wrikebackup_core.profile.shape import Shape
from wrikebackup_core.profile.timing import passes_over, scheduled
from wrikebackup_core.schedule import Schedule

__all__ = ["Part", "Profile", "ProfileProblems", "default_state", "load"]

_Model = TypeVar("_Model", bound=BaseModel)


def default_state() -> Path:
    """The user's folder for what is not finished: `~/.local/state/wrikebackup` on Linux."""
    return platformdirs.user_state_path("wrikebackup", appauthor=False)


class ProfileProblems(ProfileError):
    """All that is wrong with a profile: an error in itself, the first, and all of them in `problems`."""

    def __init__(self, problems: Sequence[ProfileError]) -> None:
        first = problems[0]
        super().__init__("", file=first.file, line=first.line, key=first.key, hint=first.hint)
        self.message = first.message
        self.args = (first.message,)
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Part:
    """A source, sink, transform or monitor that the profile names: its kind, and its options as the plugin's model."""

    kind: str
    options: BaseModel


@dataclass(frozen=True, slots=True)
class Profile:
    """A checked profile. `state` is the folder for unfinished runs; nothing is opened and no secret is resolved yet."""

    path: Path
    name: str
    source: Part
    sinks: tuple[Part, ...]
    transforms: tuple[Part, ...] = ()
    monitors: tuple[Part, ...] = ()
    attachments: AttachmentMode = AttachmentMode.LATEST
    skip: frozenset[Kind] = frozenset()
    coverage: CoverageMode = CoverageMode.AUTO
    transfers: int = 96
    state: Path = field(default_factory=default_state)
    schedule: Schedule | None = None
    min_interval: timedelta | None = None
    objective: timedelta | None = None


def load(path: Path, plugins: Plugins) -> Profile:
    """Reads and checks a profile. Raises ProfileError, and ProfileProblems where more than one thing is wrong."""
    document = read(path)
    check = _Check(document, plugins)
    shape = check.model((), Shape, document.values)
    source = (
        check.part("source", plugins.sources, document.values["source"], ("source",)) if check.has("source") else None
    )
    sinks = check.parts("sink", plugins.sinks, "sinks", at_least_one=True) if check.has("sinks") else []
    transforms = check.parts("transform", plugins.transforms, "transforms") if check.has("transforms") else []
    monitors = check.parts("monitor", plugins.monitors, "monitors", alike=False) if check.has("monitors") else []
    state = check.folder("state", shape.state) if shape is not None and shape.state is not None else None
    if shape is not None:
        check.interval(shape)
    if check.problems or shape is None or source is None:
        problems = sorted(check.problems, key=lambda problem: problem.line or 0)
        raise problems[0] if len(problems) == 1 else ProfileProblems(problems)
    return Profile(
        path=path,
        name=shape.name or path.stem,
        source=source,
        sinks=tuple(sinks),
        transforms=tuple(transforms),
        monitors=tuple(monitors),
        attachments=shape.attachments,
        skip=frozenset(shape.skip),
        coverage=shape.coverage,
        transfers=shape.transfers,
        state=default_state() if state is None else state,
        schedule=None if shape.schedule is None else scheduled(shape.schedule),
        min_interval=None if shape.min_interval is None else duration(shape.min_interval),
        objective=None if shape.objective is None else duration(shape.objective),
    )


class _Check:
    """Goes through the document and collects what is wrong."""

    def __init__(self, document: Document, plugins: Plugins) -> None:
        self._document, self._plugins = document, plugins
        self.problems: list[ProfileError] = []

    def has(self, key: str) -> bool:
        return key in self._document.values

    def folder(self, key: str, name: str) -> Path | None:
        """The folder that a text of the profile names."""
        try:
            return expand_home(name)
        except UsageError as error:
            self._wrong((key,), error.message, error.hint)
            return None

    def interval(self, shape: Shape) -> None:
        if shape.min_interval is None:
            return
        if shape.objective is not None and duration(shape.objective) <= duration(shape.min_interval):
            hint = "let the objective be longer than it by the time between two runs, and by how long a backup takes"
            self._wrong(
                ("min_interval",),
                "is as long as the objective: every backup would be late before the next is taken",
                hint,
            )
            return
        if shape.schedule is None:
            return
        if passes_over(duration(shape.min_interval), scheduled(shape.schedule)):
            hint = "make it clearly shorter than the wait between two runs less their random delay, such as 20h for a daily schedule"
            self._wrong(
                ("min_interval",), "is as long as the schedule's wait: every other run would be passed over", hint
            )

    def model(self, steps: tuple[Step, ...], model: type[_Model], value: object) -> _Model | None:
        """The value as a model. It goes through JSON, whose rules are those of YAML: "8" is text, and a list is a list."""
        try:
            return model.model_validate_json(json.dumps(value), strict=True)
        except ValidationError as error:
            self.problems += complaints(self._document, steps, model, error)
            return None

    def parts(
        self,
        what: str,
        known: Mapping[str, Registration],
        key: str,
        *,
        at_least_one: bool = False,
        alike: bool = True,
    ) -> list[Part]:
        """All that the list names; `alike` says whether two of them may be written alike."""
        value = self._document.values[key]
        if not isinstance(value, list):
            hint = f"write `{key}:` and below it, indented, `- kind: {{…}}` for each"
            self._wrong((key,), f"must be a list of {what}s", hint)
            return []
        if at_least_one and not value:
            self._wrong((key,), f"must name at least one {what}", None)
        found = [self.part(what, known, item, (key, number)) for number, item in enumerate(value)]
        for number, part in enumerate(found):
            if part is not None and not alike and (first := found.index(part)) < number:
                message = f"is there twice: the {what} {part.kind} is written as {key}[{first}] is"
                self._wrong((key, number), message, "keep one of them")
        return [part for part in found if part is not None]

    def part(self, what: str, known: Mapping[str, Registration], value: Any, steps: tuple[Step, ...]) -> Part | None:
        """`kind`, or `kind: {options}`."""
        options: object = None
        if isinstance(value, str):
            kind = value
        elif isinstance(value, dict) and len(value) == 1:
            ((kind, options),) = value.items()
            steps = (*steps, kind)
        else:
            several = isinstance(value, dict) and len(value) > 1
            hint = (
                "indent the options below the kind" if several else f"known here: {', '.join(sorted(known)) or 'none'}"
            )
            message = f"must name one kind of {what}"
            self._wrong(steps, f"{message}, this names {len(value)}" if several else message, hint)
            return None
        registration = known.get(kind)
        if registration is None:
            self._wrong(steps, self._unknown(what, kind, steps), self._kinds(kind, known))
            return None
        checked = self.model(steps, registration.options, {} if options is None else options)
        return None if checked is None else Part(kind, checked)

    def _unknown(self, what: str, kind: str, steps: tuple[Step, ...]) -> str:
        # A key is told by the path already; a bare string might be anything, and is told only where it looks like a kind.
        if steps[-1] == kind or not kind.replace("-", "").replace("_", "").isalnum() or len(kind) > 40:
            return f"no installed plugin brings this kind of {what}"
        return f"no installed plugin brings a {what} of the kind {kind}"

    def _kinds(self, kind: str, known: Mapping[str, Registration]) -> str:
        guess = nearest(kind, known)
        hint = f"{guess} " if guess else ""
        hint += f"known here: {', '.join(sorted(known)) or 'none'}"
        for broken in self._plugins.broken:
            hint += f"; the plugin {broken.name} of {broken.distribution} is set aside: {broken.reason}"
        return hint

    def _wrong(self, steps: tuple[Step, ...], message: str, hint: str | None) -> None:
        self.problems.append(complaint(self._document, steps, message, hint=hint))
