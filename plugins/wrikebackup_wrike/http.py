"""httpx without its command-line program, which it imports where it can: that takes longer than all the rest of httpx."""

from __future__ import annotations

import sys

sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type] # None: an import of it fails, and httpx does without

import httpx  # noqa: E402

__all__ = ["httpx"]
