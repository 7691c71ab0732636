"""A generated account (source `mock`), and the same account served over HTTP as API v4 (command `mock-server`).

This module only says what there is; the generator and the server are imported when they are used.
"""

from __future__ import annotations

import click
from pydantic import BaseModel, ByteSize, ConfigDict, Field

from wrikebackup_core import Context, Kind, Register, Source, hookimpl

__all__ = ["MockOptions"]


class MockOptions(BaseModel):
    """A made-up account: the same for the same options, on every machine and at any time. Asks nobody anything."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = Field(default=1, ge=0, description="another seed is another account")
    tasks: int = Field(
        default=50,
        ge=20,
        le=5_000_000,
        description="live tasks, subtasks among them; the rest of the account follows from it",
    )
    attachments: int | None = Field(
        default=None,
        ge=0,
        le=5_000_000,
        description="stored files on live items; older versions, external files and the recycle bin's come on top",
        examples=[5000],
    )
    attachment_size: ByteSize | None = Field(
        default=None,
        description="size of every stored file but the two empty ones; without it sizes vary up to 1.3 MB",
        examples=["100KB", 204_800],
    )
    comments: int | None = Field(default=None, ge=0, le=5_000_000, description="comments on live items")
    generation: int = Field(
        default=0,
        ge=0,
        le=12,
        description="how often the account has changed: each time some items more, edited and gone",
    )
    modern_attachments: bool = Field(
        default=False, description="give later attachments new-style ids, some of which differ only by case"
    )
    hidden_spaces: int = Field(
        default=0, ge=0, le=50, description="spaces that the user cannot see: only the BI export knows what is in them"
    )
    forbid: tuple[Kind, ...] = Field(
        default=(), description="kinds that the plan does not allow to read: gaps of a run"
    )


def _make(options: MockOptions, _context: Context) -> Source:
    from wrikebackup_mock.account import MockAccount
    from wrikebackup_mock.source import MockSource

    account = MockAccount(**options.model_dump(exclude={"forbid"}))
    return MockSource(account, forbidden=frozenset(options.forbid))


@hookimpl
def register_sources(register: Register) -> None:
    register("mock", options=MockOptions, make=_make)


@hookimpl
def register_commands(cli: click.Group) -> None:
    from wrikebackup_mock.command import mock_server

    cli.add_command(mock_server)
