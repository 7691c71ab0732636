"""Writes the files of a folder through a sink, as a run does: many threads, each file whole, then a barrier.

python benchmarks/_put.py KIND OPTIONS_AS_JSON FOLDER THREADS
"""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from wrikebackup_core import Context
from wrikebackup_core.cli.heaps import keep_heaps_small
from wrikebackup_core.plugins import Plugins

_CHUNK = 1 << 20


def main(kind: str, options: str, folder: str, threads: str) -> None:
    keep_heaps_small()
    plugins = Plugins.load()
    model = plugins.sinks[kind].options.model_validate(json.loads(options))
    sink = plugins.make_sink(kind, model, Context(secret=lambda reference: os.environ[reference.removeprefix("env:")]))

    def put(path: Path) -> None:
        writer = sink.create(f"account/attachments/{path.name}")
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                writer.write(chunk)
        writer.commit()

    with ThreadPoolExecutor(int(threads)) as pool:
        for _ in pool.map(put, sorted(Path(folder).iterdir())):
            pass
    sink.sync()
    sink.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
