"""The hooks. There is no logic here: the signature and the docstring are the contract.

Arguments may be left out of an implementation, have no defaults, and nothing depends on the order in which plugins are called.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Protocol

import click
import pluggy
from pydantic import BaseModel

from wrikebackup_core.model import Event
from wrikebackup_core.ports import Run

hookspec = pluggy.HookspecMarker("wrikebackup")
hookimpl = pluggy.HookimplMarker("wrikebackup")


class Register(Protocol):
    """What the four `register_…` hooks are handed."""

    def __call__(
        self,
        kind: str,
        *,
        options: type[BaseModel],
        make: Any,
        extra: str | None = None,
        decoder: Any = None,
        verifier: Any = None,
    ) -> None:
        """Makes `kind` known to profiles.

        `options` is the pydantic model of the mapping under `kind` in the YAML; unknown keys are refused, and a field of type
        `Secret` takes a reference. `make(options, context)` returns the part; import heavy libraries there. `extra` names the
        extra that brings the library whose ImportError `make` may raise.

        A transform that changes bytes brings a `decoder` too: `decoder(description, keys)` returns a Transform that decodes, from what
        `describe` had said, which stands in the backup's manifest, and from `Keys`. It is there for whoever has no profile any more.

        One that attests brings a `verifier`: `verifier(signer)` returns a Verifier, from the text of a public key, or of a file with some,
        and raises UsageError for what is none.
        """


@hookspec
def register_sources(register: Register) -> None:
    """Call `register(kind, options=Model, make=factory)` for each kind of source; `factory(options, context)` returns a Source."""


@hookspec
def register_sinks(register: Register) -> None:
    """Call `register(kind, options=Model, make=factory)` for each kind of sink; `factory(options, context)` returns a Sink."""


@hookspec
def register_transforms(register: Register) -> None:
    """Call `register(kind, options=Model, make=factory)` for each kind of transform; `factory(options, context)` returns a Transform."""


@hookspec
def register_monitors(register: Register) -> None:
    """Call `register(kind, options=Model, make=factory)` for each kind of monitor; `factory(options, context)` returns a Monitor."""


@hookspec
def register_commands(cli: click.Group) -> None:
    """Add commands to the command line with `cli.add_command` or `@cli.command()`. A name that is taken is refused."""


@hookspec(firstresult=True)
def resolve_secret(reference: str) -> str | None:
    """The secret that a reference such as `vault:path#key` names, or None if the scheme is not yours.

    Raises SecretError when it is yours and yields nothing. Never log the result.
    """


@hookspec
def around_run(run: Run) -> AbstractContextManager[object] | None:
    """A context manager entered before the crawl and left after the commit, or None. It may not swallow exceptions."""


@hookspec
def track_event(event: Event) -> None:
    """Everything that a run tells, in order. An exception is logged and goes no further."""
