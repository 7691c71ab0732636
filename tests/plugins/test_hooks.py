"""Each hook, called with real plugins; the last test demands one `test_hook_<name>` for each hook that there is."""

from __future__ import annotations

import contextlib
import inspect
import logging
import types
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import cast

import click
import pytest
from click.testing import CliRunner
from pydantic import BaseModel

from wrikebackup_core import (
    Account,
    Context,
    Event,
    Message,
    MissingExtra,
    Monitor,
    PluginError,
    Register,
    Run,
    SecretError,
    StageStarted,
    Transform,
    UsageError,
    hookspecs,
)
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.testing import MemorySink

Module = Callable[..., types.ModuleType]


class Options(BaseModel):
    path: str = "x"


CONTEXT = Context(secret=lambda reference: reference)


def test_hook_register_sources(module: Module) -> None:
    """A source kind is made from its options, by the factory that the plugin registered."""
    made: list[object] = []

    def register_sources(register: Register) -> None:
        register("diary", options=Options, make=lambda options, context: made.append((options, context)) or "a source")

    plugins = Plugins()
    plugins.add("diary", module(register_sources=register_sources))
    assert plugins.sources["diary"].plugin == "diary"
    assert cast(object, plugins.make_source("diary", Options(path="y"), CONTEXT)) == "a source"
    assert made == [(Options(path="y"), CONTEXT)]


def test_hook_register_sinks(module: Module) -> None:
    def register_sinks(register: Register) -> None:
        register("shelf", options=Options, make=lambda options, context: MemorySink(options.path))

    plugins = Plugins()
    plugins.add("shelf", module(register_sinks=register_sinks))
    assert plugins.make_sink("shelf", Options(path="y"), CONTEXT).name == "memory:y"
    assert list(plugins.sinks) == ["shelf"]
    assert plugins.sources == plugins.transforms == {}


def test_hook_register_transforms(module: Module) -> None:
    def register_transforms(register: Register) -> None:
        register("nothing", options=Options, make=lambda options, context: Transform())

    plugins = Plugins()
    plugins.add("nothing", module(register_transforms=register_transforms))
    assert isinstance(plugins.make_transform("nothing", Options(), CONTEXT), Transform)


def test_hook_register_monitors(module: Module) -> None:
    def register_monitors(register: Register) -> None:
        register("bell", options=Options, make=lambda options, context: Monitor())

    plugins = Plugins()
    plugins.add("bell", module(register_monitors=register_monitors))
    assert isinstance(plugins.make_monitor("bell", Options(), CONTEXT), Monitor)


def test_who_vouches_is_checked_by_the_first_plugin_that_can_read_the_signer(module: Module) -> None:
    def refuse(signer: str) -> object:
        raise UsageError(f"not of ours: {signer}")

    def register_transforms(register: Register) -> None:
        register("seal", options=Options, make=Transform, verifier=refuse)
        register("stamp", options=Options, make=Transform, verifier=lambda signer: {"a stamp": signer}[signer])

    plugins = Plugins()
    with pytest.raises(UsageError, match="no plugin here can check who vouches"):
        plugins.make_verifier("a stamp")
    plugins.add("vouching", module(register_transforms=register_transforms))
    assert cast(object, plugins.make_verifier("a stamp")) == "a stamp"
    del plugins.transforms["stamp"]
    with pytest.raises(UsageError, match="not of ours: a stamp"):
        plugins.make_verifier("a stamp")


def test_hook_register_commands(module: Module) -> None:
    """A plugin's command is one of the program's; one that has the name of another is refused; one that fails is left out."""

    def hello(cli: click.Group) -> None:
        cli.add_command(click.Command("hello", callback=lambda: click.echo("hello")))

    def broken(cli: click.Group) -> None:
        raise RuntimeError("no such thing")

    plugins, cli = Plugins(), click.Group()
    plugins.add("broken", module(register_commands=broken))
    plugins.add("polite", module(register_commands=hello))
    plugins.add_commands(cli)
    assert CliRunner().invoke(cli, ["hello"]).output == "hello\n"
    assert [(broken.name, broken.reason) for broken in plugins.broken] == [
        ("broken", "register_commands: RuntimeError: no such thing")
    ]
    with pytest.raises(PluginError, match="the plugin polite brings a command 'hello', which there is already"):
        plugins.add_commands(cli)


def test_hook_resolve_secret(module: Module) -> None:
    """The first plugin that knows the scheme answers; none, an empty answer or a failure is an error without the secret in it."""

    def other(reference: str) -> str | None:
        return None

    def vault(reference: str) -> str | None:
        scheme, _, rest = reference.partition(":")
        if scheme != "vault":
            return None
        if rest == "broken":
            raise RuntimeError("the secret is hunter2")
        return {"token": "hunter2", "empty": ""}[rest]

    plugins = Plugins()
    plugins.add("other", module(resolve_secret=other))
    plugins.add("vault", module(resolve_secret=vault))
    assert plugins.secret("vault:token") == "hunter2"
    with pytest.raises(SecretError, match="the secret vault:empty is empty"):
        plugins.secret("vault:empty")
    with pytest.raises(SecretError, match="no plugin resolves secrets of the scheme safe:"):
        plugins.secret("safe:token")
    with pytest.raises(SecretError, match="cannot be resolved: RuntimeError") as caught:
        plugins.secret("vault:broken")
    assert "hunter2" not in f"{caught.value} {caught.value.hint} {caught.value.__cause__}"


class _Run:
    profile, backup_uid = "example", "20261123T153000Z-7f3a9c"
    account, started = Account("IEAAAEDY", "Example"), datetime(2026, 11, 23, tzinfo=UTC)
    source = crawled = None


RUN = cast(Run, _Run())


def test_hook_around_run(module: Module) -> None:
    """All context managers are entered, and left in reverse order; no manager is fine too."""
    steps: list[str] = []

    def around(name: str) -> object:
        @contextlib.contextmanager
        def manager() -> Iterator[None]:
            steps.append(f"{name} enters {RUN.profile}")
            yield
            steps.append(f"{name} leaves")

        return lambda run: manager()

    plugins = Plugins()
    plugins.add("none", module(around_run=lambda run: None))
    plugins.add("one", module(around_run=around("one")))
    plugins.add("two", module(around_run=around("two")))
    with plugins.around(RUN):
        steps.append("run")
    assert steps == ["two enters example", "one enters example", "run", "one leaves", "two leaves"]


def test_a_plugin_around_a_run_cannot_make_a_failure_look_like_a_success(module: Module) -> None:
    plugins = Plugins()
    plugins.add("rosy", module(around_run=lambda run: contextlib.suppress(BaseException)))
    with pytest.raises(UsageError, match="the run failed"), plugins.around(RUN):
        raise UsageError("the run failed")


def test_hook_track_event(module: Module, caplog: pytest.LogCaptureFixture) -> None:
    """Every plugin hears every event, in order; what one raises is logged and does not reach the run or the others."""
    heard: list[Event] = []
    calls: list[str] = []

    def deaf(event: Event) -> None:
        raise RuntimeError("deaf")

    plugins = Plugins()
    plugins.add(
        "hears",
        module(
            track_event=lambda event: heard.append(event)  # noqa: PLW0108 - pluggy wants the argument by its name
        ),
    )
    plugins.add("deaf", module(track_event=deaf))
    plugins.add("counts", module(track_event=lambda: calls.append("called")))
    events = [StageStarted("crawl"), Message("a retry")]
    with caplog.at_level(logging.ERROR):
        for event in events:
            plugins.track(event)
    assert heard == events
    assert len(calls) == 2, "a hook may leave out arguments that it does not need"
    assert [record.getMessage() for record in caplog.records] == [
        "the plugin deaf failed on StageStarted",
        "the plugin deaf failed on Message",
    ]


def test_a_library_that_is_missing_is_answered_with_the_extra_that_brings_it(module: Module) -> None:
    def make(options: Options, context: Context) -> object:
        import no_such_library_at_all  # type: ignore[import-not-found]

        return no_such_library_at_all

    def register_sinks(register: Register) -> None:
        register("cloud", options=Options, make=make, extra="s3")
        register("own", options=Options, make=make)

    plugins = Plugins()
    plugins.add("cloud", module(register_sinks=register_sinks))
    with pytest.raises(MissingExtra, match="cloud needs a library that is not installed") as missing:
        plugins.make_sink("cloud", Options(), CONTEXT)
    assert missing.value.hint == 'pip install "wrikebackup[s3]"'
    with pytest.raises(UsageError, match="own needs the library no_such_library_at_all"):
        plugins.make_sink("own", Options(), CONTEXT)


def hooks() -> list[str]:
    return [name for name, value in vars(hookspecs).items() if hasattr(value, "wrikebackup_spec")]


def test_every_hook_has_its_test() -> None:
    assert len(hooks()) >= 7
    missing = [name for name in hooks() if f"test_hook_{name}" not in globals()]
    assert missing == []


def test_every_hook_is_typed_documented_and_without_defaults() -> None:
    for name in hooks():
        hook = getattr(hookspecs, name)
        signature = inspect.signature(hook)
        assert inspect.getdoc(hook), name
        assert signature.return_annotation is not inspect.Signature.empty, name
        for parameter in signature.parameters.values():
            assert parameter.default is inspect.Parameter.empty, f"{name}({parameter.name})"
            assert parameter.annotation is not inspect.Parameter.empty, f"{name}({parameter.name})"
