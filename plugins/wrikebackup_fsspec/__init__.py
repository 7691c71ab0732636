"""Sinks on file systems. A folder of this machine so far; each further kind is a module of its own beside `local`.

This module only says what there is; what a kind needs is imported when a profile uses it.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from wrikebackup_core import Context, Register, Sink, hookimpl

__all__ = ["LocalOptions"]


class LocalOptions(BaseModel):
    """A folder on this machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = Field(
        min_length=1,
        description="the folder; ~ is your home, a relative path starts in the working directory; created if missing",
        examples=["./backups", "/mnt/backups/wrike"],
    )


def _make_local(options: LocalOptions, _context: Context) -> Sink:
    from wrikebackup_fsspec.local.sink import LocalSink

    return LocalSink(options.path)


@hookimpl
def register_sinks(register: Register) -> None:
    register("local", options=LocalOptions, make=_make_local)
