"""The transform `bi-export`: the account's BI export in the backup, as Wrike's own backup tool includes it."""

from __future__ import annotations

from wrikebackup_bi_export.options import BiExportOptions
from wrikebackup_core import Context, Register, Transform, hookimpl

__all__ = ["BiExportOptions"]


def _make(options: BiExportOptions, _context: Context) -> Transform:
    from wrikebackup_bi_export.transform import bi_export

    return bi_export(options)


@hookimpl
def register_transforms(register: Register) -> None:
    register("bi-export", options=BiExportOptions, make=_make, extra="bi")
