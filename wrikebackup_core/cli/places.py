"""Which sinks a command line means: those of the profile, and folders besides."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wrikebackup_core.addresses import without_password
from wrikebackup_core.cli.terminal import Terminal
from wrikebackup_core.errors import SinkError, UsageError
from wrikebackup_core.homes import expand_home

if TYPE_CHECKING:
    from wrikebackup_core.plugins import Plugins
    from wrikebackup_core.ports import Sink
    from wrikebackup_core.profile import Profile

__all__ = ["Places", "are_one", "is_account", "named_sink", "open_places"]

_FOLDER_KIND = "local"


@dataclass(frozen=True, slots=True)
class Places:
    """Open sinks. `accounts` are those that the source's path chooses; empty for all."""

    source: Sink
    targets: Sequence[Sink]
    accounts: Sequence[str] = ()


@contextlib.contextmanager
def open_places(
    profile: Profile, plugins: Plugins, terminal: Terminal, source: str | None, targets: Sequence[str]
) -> Iterator[Places]:
    """Opens what `--from` and `--to` name, and closes it. Without the first it is the first sink that answers; without the second,
    all others. Raises UsageError for what names nothing, or too much.
    """
    from wrikebackup_core import profile as profiles

    with profiles.open_sinks(profile, plugins) as sinks, contextlib.ExitStack() as stack:
        names = _Names(profile, plugins, sinks, stack)
        accounts: Sequence[str] = ()
        chosen = _distinct([names.target(name) for name in targets])
        if source is None:
            origin = _first_that_answers([sink for sink in sinks if sink not in chosen], terminal)
        else:
            source, accounts = _account_folder(source)
            origin = names.sink(source)
        others = chosen if targets else [sink for sink in _distinct(sinks) if not are_one(origin, sink)]
        for other in others:
            if are_one(origin, other):
                named = origin.name if origin.name == other.name else f"{origin.name}, which is {other.name},"
                raise UsageError(
                    f"{named} is both what is copied from and what is copied to", hint="look at --from and --to"
                )
        if not others:
            hint = "give --to, or add a sink to the profile"
            raise UsageError(f"{profile.path}: no sink to copy to but {origin.name}", hint=hint)
        yield Places(origin, others, accounts)


class _Names:
    """What a name on the command line stands for."""

    def __init__(self, profile: Profile, plugins: Plugins, sinks: Sequence[Sink], stack: contextlib.ExitStack) -> None:
        self._profile, self._plugins, self._sinks, self._stack = profile, plugins, sinks, stack

    def sink(self, name: str) -> Sink:
        """Of the profile, by name, number or kind; else a folder that exists."""
        return _of_profile(self._profile, self._sinks, name) or self._folder(name)

    def target(self, name: str) -> Sink:
        """The same, but no folder of one account: the backups would lie in a folder of that name in it."""
        found, folder = _of_profile(self._profile, self._sinks, name), expand_home(name)
        if found is None and is_account(name):
            raise UsageError(
                f"{name} is the folder of one account in a sink",
                hint=f"give the sink's own folder: --to {folder.parent}",
            )
        return found or self._folder(name)

    def _folder(self, name: str) -> Sink:
        folder = expand_home(name)
        registration = self._plugins.sinks.get(_FOLDER_KIND)
        if registration is None or not folder.is_dir():
            raise UsageError(
                f"{without_password(name)} is no sink of {self._profile.path} and no folder",
                hint=f"its sinks are {_numbered(self._sinks)}",
            )
        from wrikebackup_core.profile import part_context

        options = registration.options.model_validate({"path": str(folder)})
        made = self._plugins.make_sink(_FOLDER_KIND, options, part_context(self._profile, self._plugins))
        for sink in self._sinks:
            if are_one(sink, made):
                made.close()
                return sink
        self._stack.callback(made.close)
        return made


def _distinct(sinks: Sequence[Sink]) -> list[Sink]:
    """Each place once, under the first of its names."""
    found: list[Sink] = []
    for sink in sinks:
        if not any(are_one(sink, other) for other in found):
            found.append(sink)
    return found


def are_one(one: Sink, other: Sink) -> bool:
    """Whether two sinks are the same place, also where a folder has several names."""
    if one is other or one.name == other.name:
        return True
    prefix = f"{_FOLDER_KIND}:"
    if not one.name.startswith(prefix) or not other.name.startswith(prefix):
        return False
    here, there = (Path(sink.name.removeprefix(prefix)).resolve() for sink in (one, other))
    return here == there or (here.exists() and there.exists() and here.samefile(there))


def named_sink(profile: Profile, sinks: Sequence[Sink], name: str) -> Sink:
    """One of the profile's open sinks, by name, number or kind. Raises UsageError."""
    sink = _of_profile(profile, sinks, name)
    if sink is None:
        raise UsageError(
            f"{without_password(name)} is no sink of {profile.path}", hint=f"its sinks are {_numbered(sinks)}"
        )
    return sink


def _of_profile(profile: Profile, sinks: Sequence[Sink], name: str) -> Sink | None:
    for sink in sinks:
        if sink.name == name:
            return sink
    if name.isdecimal() and 1 <= int(name) <= len(sinks):
        return sinks[int(name) - 1]
    of_kind = [sink for part, sink in zip(profile.sinks, sinks, strict=True) if part.kind == name]
    if len(of_kind) > 1:
        raise UsageError(
            f"{profile.path}: several sinks are of the kind {name}",
            hint=f"say which by number or name: {_numbered(sinks)}",
        )
    return of_kind[0] if of_kind else None


def _numbered(sinks: Sequence[Sink]) -> str:
    return ", ".join(f"{number} {sink.name}" for number, sink in enumerate(sinks, 1))


def _account_folder(name: str) -> tuple[str, Sequence[str]]:
    """For the folder of one account, the folder that it lies in and the account."""
    from wrikebackup_core.format import layout

    folder = expand_home(name)
    account = layout.account_id_of(folder.name)
    if account is not None and folder.is_dir() and not any(folder.glob("account-*")):
        return str(folder.parent), (account,)
    return name, ()


def is_account(name: str) -> bool:
    """Whether a folder is one of an account, and not only called like one."""
    from wrikebackup_core.format import layout

    folder = expand_home(name)
    inside = (folder / "attachments").is_dir() or any(folder.glob("backup-*"))
    return layout.account_id_of(folder.name) is not None and inside


def _first_that_answers(sinks: Sequence[Sink], terminal: Terminal) -> Sink:
    failure: SinkError | None = None
    for sink in sinks:
        try:
            next(iter(sink.list("")), None)
        except SinkError as error:
            terminal.warn(f"not copied from: {error.message}")
            failure = error
        else:
            return sink
    raise failure or UsageError("there is no sink left to copy from", hint="give --from")
