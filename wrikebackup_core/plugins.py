"""Finding and loading plugins, and the one typed door to pluggy's untyped `pm.hook`."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any, cast

import click
import pluggy
from pydantic import BaseModel

from wrikebackup_core import hookspecs, secrets
from wrikebackup_core.errors import MissingExtra, PluginError, SecretError, UsageError
from wrikebackup_core.model import Event
from wrikebackup_core.ports import Context, Run, Sink, Source, Transform

__all__ = ["GROUP", "Broken", "Loaded", "Plugins", "Registration"]

GROUP = "wrikebackup"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Registration:
    """A kind that a profile may name: the model of its options, its factory, and who brought it."""

    kind: str
    options: type[BaseModel]
    make: Callable[[Any, Context], Any]
    extra: str | None
    plugin: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """A plugin in use."""

    name: str
    distribution: str
    version: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A plugin set aside, and why."""

    name: str
    distribution: str
    reason: str


def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager("wrikebackup")
    manager.add_hookspecs(hookspecs)
    return manager


@dataclass
class Plugins:
    """All plugins, and what they registered."""

    sources: dict[str, Registration] = field(default_factory=dict)
    sinks: dict[str, Registration] = field(default_factory=dict)
    transforms: dict[str, Registration] = field(default_factory=dict)
    loaded: list[Loaded] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    manager: pluggy.PluginManager = field(default_factory=_manager)

    @classmethod
    def load(cls) -> Plugins:
        """Loads every entry point of the group. Raises PluginError when two plugins use one name or register one kind."""
        plugins = cls()
        seen: dict[str, str] = {}
        for point in sorted(metadata.entry_points(group=GROUP), key=lambda point: point.name):
            distribution = point.dist.name if point.dist else "?"
            if point.name in seen:
                raise PluginError(
                    f"two plugins are called {point.name}: one of {seen[point.name]}, one of {distribution}",
                    hint="uninstall one of them",
                )
            seen[point.name] = distribution
            plugins._load(point, distribution)
        return plugins

    def _load(self, point: metadata.EntryPoint, distribution: str) -> None:
        version = point.dist.version if point.dist else "?"
        try:
            module = point.load()
            self.add(point.name, module)
        except PluginError:
            raise
        except Exception as error:  # noqa: BLE001 - a stranger's module may raise anything; restore must still work
            self.broken.append(Broken(point.name, distribution, f"{type(error).__name__}: {error}"))
            return
        self.loaded.append(Loaded(point.name, distribution, version))

    def add(self, name: str, module: object) -> None:
        """Registers one plugin. Raises PluginError for a kind that is taken, pluggy's errors for hooks that do not fit."""
        before = (dict(self.sources), dict(self.sinks), dict(self.transforms))
        self.manager.register(module, name)
        try:
            self.manager.check_pending()
            for hook, registry in (
                ("register_sources", self.sources),
                ("register_sinks", self.sinks),
                ("register_transforms", self.transforms),
            ):
                function = getattr(module, hook, None)
                if function is not None:
                    function(_registrar(name, registry))
        except Exception:
            self.manager.unregister(name=name)
            self.sources, self.sinks, self.transforms = before
            raise

    def make_source(self, kind: str, options: BaseModel, context: Context) -> Source:
        return cast(Source, _make(self.sources[kind], options, context))

    def make_sink(self, kind: str, options: BaseModel, context: Context) -> Sink:
        return cast(Sink, _make(self.sinks[kind], options, context))

    def make_transform(self, kind: str, options: BaseModel, context: Context) -> Transform:
        return cast(Transform, _make(self.transforms[kind], options, context))

    def add_commands(self, cli: click.Group) -> None:
        self.manager.hook.register_commands(cli=cli)

    def secret(self, reference: str) -> str:
        """What the reference names. Raises SecretError."""
        found = secrets.resolve(reference) or cast("str | None", self.manager.hook.resolve_secret(reference=reference))
        if found is None:
            scheme = reference.partition(":")[0]
            raise SecretError(
                f"no plugin resolves secrets of the scheme {scheme}:",
                hint="built in: env:, file:, keyring:, command:",
            )
        return found

    @contextlib.contextmanager
    def around(self, run: Run) -> Iterator[None]:
        managers = cast(Sequence[contextlib.AbstractContextManager[object]], self.manager.hook.around_run(run=run))
        with contextlib.ExitStack() as stack:
            for manager in managers:
                stack.enter_context(manager)
            yield

    def track(self, event: Event) -> None:
        """Tells every plugin of an event; what they raise is logged only."""
        for implementation in self.manager.hook.track_event.get_hookimpls():
            try:
                implementation.function(event)
            except Exception:  # noqa: BLE001 - a listener never ends a run
                _log.exception("the plugin %s failed on %s", implementation.plugin_name, type(event).__name__)


def _registrar(plugin: str, registry: dict[str, Registration]) -> hookspecs.Register:
    def register(kind: str, *, options: type[BaseModel], make: Any, extra: str | None = None) -> None:
        if kind in registry:
            raise PluginError(
                f"the plugins {registry[kind].plugin} and {plugin} both register {kind!r}",
                hint="uninstall one of them",
            )
        registry[kind] = Registration(kind, options, make, extra, plugin)

    return register


def _make(registration: Registration, options: BaseModel, context: Context) -> object:
    try:
        return registration.make(options, context)
    except ImportError as error:
        if registration.extra is None:
            raise UsageError(
                f"{registration.kind} needs the library {error.name}", hint=f"pip install {error.name}"
            ) from error
        raise MissingExtra(registration.kind, registration.extra) from error
