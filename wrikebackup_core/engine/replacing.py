"""Files of the state folder are replaced as a whole."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from wrikebackup_core.homes import private_folder

__all__ = ["replace_file"]


def replace_file(path: Path, data: bytes) -> None:
    """Puts a file in the place of what was there; durable when this returns. Makes the folder, for its owner alone. Raises OSError, and then what
    was there stays."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        private_folder(path.parent)
        with fresh.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise
