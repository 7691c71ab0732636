"""Retention: the transform `retain`, which votes for the backups that a profile's rules keep."""

from __future__ import annotations

from wrikebackup_core import Context, Register, Transform, hookimpl
from wrikebackup_retention.options import RetainOptions

__all__ = ["RetainOptions"]


def _retain(options: RetainOptions, _context: Context) -> Transform:
    from wrikebackup_retention.retention import retention

    return retention(options)


@hookimpl
def register_transforms(register: Register) -> None:
    register("retain", options=RetainOptions, make=_retain)
