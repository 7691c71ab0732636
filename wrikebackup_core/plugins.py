"""Finding and loading plugins, and the one typed door to pluggy's untyped `pm.hook`."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata
from typing import Any, cast

import click
import pluggy
from pydantic import BaseModel, ConfigDict, create_model

from wrikebackup_core import hookspecs, secrets
from wrikebackup_core.errors import MissingExtra, PluginError, SecretError, UsageError, WrikeBackupError
from wrikebackup_core.masking import keep_secret
from wrikebackup_core.model import Event
from wrikebackup_core.monitors import Monitor
from wrikebackup_core.ports import Context, Run, Sink, Source
from wrikebackup_core.transforms import Keys, Transform, Verifier

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
    decoder: Callable[[Mapping[str, Any], Keys], Any] | None = None
    verifier: Callable[[str], Any] | None = None


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
    monitors: dict[str, Registration] = field(default_factory=dict)
    loaded: list[Loaded] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    manager: pluggy.PluginManager = field(default_factory=_manager)
    _secrets: dict[str, str] = field(default_factory=dict, repr=False)

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
        except _NameTaken:
            raise
        # A stranger's module may raise anything, or even end the program; restore must still work.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            self.broken.append(Broken(point.name, distribution, _reason(error)))
            return
        self.loaded.append(Loaded(point.name, distribution, version))

    def add(self, name: str, module: object) -> None:
        """Registers one plugin, wholly or not at all.

        Raises PluginError for a kind that is taken, pluggy's errors for hooks that do not fit, and whatever the plugin raises.
        """
        registries = {
            "register_sources": self.sources,
            "register_sinks": self.sinks,
            "register_transforms": self.transforms,
            "register_monitors": self.monitors,
        }
        before = {hook: dict(registry) for hook, registry in registries.items()}
        try:
            self.manager.register(module, name)
            self.manager.check_pending()
            for hook, registry in registries.items():
                for implementation in self._implementations(hook):
                    if implementation.plugin is module:
                        _call(implementation, register=_registrar(name, registry))
        except BaseException:
            if self.manager.get_plugin(name) is module:
                self.manager.unregister(name=name)
            for hook, registry in registries.items():
                registry.clear()
                registry.update(before[hook])
            raise

    def _implementations(self, hook: str) -> list[pluggy.HookImpl]:
        caller: pluggy.HookCaller = getattr(self.manager.hook, hook)
        return caller.get_hookimpls()

    def make_source(self, kind: str, options: BaseModel, context: Context) -> Source:
        return cast(Source, _make(self.sources[kind], options, context))

    def make_sink(self, kind: str, options: BaseModel, context: Context) -> Sink:
        return cast(Sink, _make(self.sinks[kind], options, context))

    def make_transform(self, kind: str, options: BaseModel, context: Context) -> Transform:
        return cast(Transform, _make(self.transforms[kind], options, context))

    def make_monitor(self, kind: str, options: BaseModel, context: Context) -> Monitor:
        return cast(Monitor, _make(self.monitors[kind], options, context))

    def make_decoders(self, descriptions: Sequence[Mapping[str, Any]], keys: Keys) -> list[Transform]:
        """The transforms that undo what a manifest describes, in its order; those that change no bytes are passed over.

        Raises UsageError for a kind that no plugin undoes, MissingExtra, and what the plugin raises: KeyRefused, UsageError.
        """
        return [self._decoder(description, keys) for description in descriptions if description.get("suffix")]

    def _decoder(self, description: Mapping[str, Any], keys: Keys) -> Transform:
        kind = str(description.get("kind"))
        registration = self.transforms.get(kind)
        if registration is None or (decoder := registration.decoder) is None:
            raise UsageError(
                f"the backup was encoded by the transform {kind!r}, which no plugin here can undo",
                hint="install the plugin that brings it: wrikebackup plugins lists those that are there",
            )
        return cast(Transform, _imported(registration, lambda: decoder(description, keys)))

    def make_verifier(self, signer: str) -> Verifier:
        """Of what the public key, or the keys, in a text vouch for: by the first plugin that can read it. Raises UsageError, MissingExtra."""
        refusal = UsageError(
            "no plugin here can check who vouches for a backup",
            hint="wrikebackup plugins lists those that are there, and why others are not",
        )
        for registration in self.transforms.values():
            if registration.verifier is not None:
                try:
                    return cast(Verifier, _imported(registration, partial(registration.verifier, signer)))
                except UsageError as error:
                    refusal = error
        raise refusal

    def add_commands(self, cli: click.Group) -> None:
        """Adds every plugin's commands. Raises PluginError for a name that is taken; a plugin that fails brings none."""
        for implementation in self._implementations("register_commands"):
            own = click.Group()
            try:
                _call(implementation, cli=own)
            except Exception as error:  # noqa: BLE001 - the other commands must still work
                self.broken.append(Broken(implementation.plugin_name, "?", f"register_commands: {_reason(error)}"))
                continue
            taken = set(cli.list_commands(click.Context(cli)))
            for name, command in own.commands.items():
                if name in taken:
                    raise PluginError(
                        f"the plugin {implementation.plugin_name} brings a command {name!r}, which there is already",
                        hint="uninstall the plugin",
                    )
                cli.add_command(command, name)

    def secret(self, reference: str) -> str:
        """What the reference names, asked for once: a command may want a finger on a key. Nothing that is told repeats it from then on.

        Raises SecretError.
        """
        if reference in self._secrets:
            return self._secrets[reference]
        found = secrets.resolve(reference)
        if found is None:
            found = self._secret_of_a_plugin(reference)
        if found is None:
            scheme = reference.partition(":")[0]
            raise SecretError(
                f"no plugin resolves secrets of the scheme {scheme}:",
                hint="built in: env:, file:, credential:, keyring:, command:",
            )
        if not found:
            raise SecretError(f"the secret {reference} is empty")
        self._secrets[reference] = keep_secret(found)
        return found

    def _secret_of_a_plugin(self, reference: str) -> str | None:
        try:
            return cast("str | None", self.manager.hook.resolve_secret(reference=reference))
        except WrikeBackupError:
            raise
        except Exception as error:  # noqa: BLE001 - the message may hold the secret: only the type is told
            raise SecretError(f"the secret {reference} cannot be resolved: {type(error).__name__}") from None

    @contextlib.contextmanager
    def around(self, run: Run) -> Iterator[None]:
        """Inside the context managers that plugins put around a run. What fails inside goes on, even if one of them would stop it."""
        managers = cast(Sequence[contextlib.AbstractContextManager[object]], self.manager.hook.around_run(run=run))
        failure: BaseException | None = None
        with contextlib.ExitStack() as stack:
            for manager in managers:
                stack.enter_context(manager)
            try:
                yield
            except BaseException as error:
                failure = error
                raise
        if failure is not None:  # swallowed: a failed run must not look like a good one
            raise failure

    def track(self, event: Event) -> None:
        """Tells every plugin of an event; what they raise is logged only."""
        for implementation in self._implementations("track_event"):
            try:
                _call(implementation, event=event)
            except Exception:  # noqa: BLE001 - a listener never ends a run
                _log.exception("the plugin %s failed on %s", implementation.plugin_name, type(event).__name__)


class _NameTaken(PluginError):
    """Two plugins want one name: nobody but the user can tell which one is meant."""


def _call(implementation: pluggy.HookImpl, **arguments: object) -> object:
    """Calls one plugin alone, with those arguments that it takes."""
    return implementation.function(*[arguments[name] for name in implementation.argnames])


def _reason(error: BaseException) -> str:
    """One line."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def _registrar(plugin: str, registry: dict[str, Registration]) -> hookspecs.Register:
    def register(
        kind: str,
        *,
        options: type[BaseModel],
        make: Any,
        extra: str | None = None,
        decoder: Any = None,
        verifier: Any = None,
    ) -> None:
        if not issubclass(options, BaseModel):
            raise PluginError(f"the options of {kind!r} are no pydantic model")
        if kind in registry:
            raise _NameTaken(
                f"the plugins {registry[kind].plugin} and {plugin} both register {kind!r}",
                hint="uninstall one of them",
            )
        registry[kind] = Registration(kind, _strict(options), make, extra, plugin, decoder, verifier)

    return register


class _NoOtherKeys(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _strict(options: type[BaseModel]) -> type[BaseModel]:
    """The model, refusing keys that it does not know, unless it says itself what is to become of them: pydantic drops them."""
    if "extra" in options.model_config:
        return options
    bases = (options, _NoOtherKeys)
    return create_model(options.__name__, __base__=bases, __module__=options.__module__, __doc__=options.__doc__)


def _make(registration: Registration, options: BaseModel, context: Context) -> object:
    return _imported(registration, lambda: registration.make(options, context))


def _imported(registration: Registration, make: Callable[[], object]) -> object:
    try:
        return make()
    except ImportError as error:
        if registration.extra is None:
            raise UsageError(
                f"{registration.kind} needs the library {error.name}", hint=f"pip install {error.name}"
            ) from error
        raise MissingExtra(registration.kind, registration.extra) from error
