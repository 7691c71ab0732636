"""The file of metrics: read, and replaced as a whole. Several profiles, in several processes, may share one."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout
from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from wrikebackup_core import WrikeBackupError
from wrikebackup_metrics.options import Format
from wrikebackup_metrics.samples import METRICS, PREFIX, Sample

__all__ = ["Numbers", "change", "check"]

Numbers = dict[str, list[Sample]]
"""Samples by the names of profiles."""

_WAIT_SECONDS = 10
_READABLE = 0o644  # node_exporter runs as another user, whatever our umask


def change(path: Path, form: Format, changed: Callable[[Numbers], None]) -> None:
    """Lets `changed` alter what the file holds and replaces the file; of two at once, one waits. Raises WrikeBackupError."""
    check(path)
    lock = path.with_name(f".{path.name}.lock")  # beside the file, since processes with other homes write it too
    try:
        with FileLock(lock, timeout=_WAIT_SECONDS):
            numbers = _read(path)
            changed(numbers)
            _replace(path, _text(numbers, form))
    except Timeout:
        raise WrikeBackupError(
            f"{path} is being written by another process for more than {_WAIT_SECONDS} s",
            hint=f"see which process holds {lock.name} beside it",
        ) from None
    except OSError as error:
        raise WrikeBackupError(
            f"{path} cannot be written: {error.strerror or type(error).__name__}",
            hint="the user who backs up must be able to write in this folder",
        ) from error


def check(path: Path) -> None:
    """Raises WrikeBackupError where it can be told beforehand that the file cannot be written. Changes nothing."""
    if not path.parent.is_dir():
        raise WrikeBackupError(
            f"{path.parent} is no folder, for the file of metrics {path.name}",
            hint="make it, or name in `textfile:` the folder that node_exporter has as --collector.textfile.directory",
        )
    if path.is_dir():
        raise WrikeBackupError(f"{path} is a folder, and the metrics need a file", hint="name a file in `textfile:`")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise WrikeBackupError(
            f"{path.parent} cannot be written to, for the file of metrics {path.name}",
            hint="the user who backs up must be able to write in this folder",
        )


def _read(path: Path) -> Numbers:
    """What the file holds; nothing where there is none. Raises WrikeBackupError for a file that is not ours."""
    numbers = Numbers()
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return numbers
    except ValueError:
        raise _foreign(path) from None
    try:
        found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    except ValueError:
        raise _foreign(path) from None
    for sample in found:
        labels = dict(sample.labels)
        profile = labels.pop("profile", None)
        if profile is None or not sample.name.startswith(PREFIX):
            raise _foreign(path)
        numbers.setdefault(profile, []).append(Sample(sample.name, sample.value, tuple(sorted(labels.items()))))
    return numbers


def _foreign(path: Path) -> WrikeBackupError:
    return WrikeBackupError(
        f"{path} holds something else than metrics of wrikebackup, and stays as it is",
        hint="name another file in `textfile:`, or delete this one",
    )


class _Families(Collector):
    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers

    def collect(self) -> Iterable[Metric]:
        families = dict[tuple[str, tuple[str, ...]], GaugeMetricFamily]()
        for profile, samples in sorted(self._numbers.items()):
            for sample in samples:
                names = tuple(name for name, _ in sample.labels)
                family = families.get((sample.name, names))
                if family is None:
                    about = METRICS.get(sample.name.removeprefix(PREFIX), "Of another version of wrikebackup.")
                    family = GaugeMetricFamily(sample.name, about, labels=["profile", *names])
                    families[sample.name, names] = family
                family.add_metric([profile, *(value for _, value in sample.labels)], sample.value)
        return [families[key] for key in sorted(families)]


def _text(numbers: Numbers, form: Format) -> bytes:
    families = _Families(numbers)
    if form is Format.OPENMETRICS:
        return bytes(generate_openmetrics(families))  # type: ignore[no-untyped-call] # this part of the library has no types
    return generate_latest(families)


def _replace(path: Path, text: bytes) -> None:
    """Readers see the old file or the new one. The temporary one's name does not end in .prom."""
    with _temporary(path) as (number, name):
        with os.fdopen(number, "wb") as file:
            file.write(text)
        Path(name).chmod(_READABLE)
        Path(name).replace(path)


@contextlib.contextmanager
def _temporary(path: Path) -> Iterator[tuple[int, str]]:
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        yield number, name
    finally:
        Path(name).unlink(missing_ok=True)
