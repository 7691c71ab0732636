"""Imports the modules that the program was seen to import, where a file in the working directory names them."""

from __future__ import annotations

import contextlib
import importlib
from pathlib import Path

__all__ = ["MODULES"]

MODULES = Path("modules")

if MODULES.exists():
    for name in MODULES.read_text().split():
        with contextlib.suppress(Exception):  # some are made up by others
            importlib.import_module(name)
