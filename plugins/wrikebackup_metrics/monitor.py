"""The monitor `prometheus`: what a report tells, as numbers in a file."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path

from wrikebackup_core import Check, Monitor, Report, WrikeBackupError, expand_home
from wrikebackup_metrics.options import PrometheusOptions
from wrikebackup_metrics.samples import BETWEEN_REPORTS, LAST_RUN, Sample, begun, of_report, tested
from wrikebackup_metrics.textfile import Numbers, change, check

__all__ = ["Metrics"]


class Metrics(Monitor):
    """Each report replaces the profile's numbers in the file and leaves those of other profiles as they are."""

    def __init__(self, options: PrometheusOptions) -> None:
        self._options = options

    def started(self, profile: str, at: datetime) -> None:
        self._add(profile, begun(at))

    def told(self, report: Report) -> None:
        def changed(numbers: Numbers) -> None:
            profile, new = report.standing.profile, list(of_report(report))
            numbers[profile] = [*new, *_lasting(numbers.get(profile, ()), new, report)]

        change(self._path(), self._options.format, changed)

    def test(self, profile: str) -> str:
        self._add(profile, tested(datetime.now(UTC)))
        return f"written to {self._path()}"

    def checks(self) -> Iterator[Check]:
        try:
            check(path := self._path())
        except WrikeBackupError as error:
            yield Check("prometheus", ok=False, detail=error.message, hint=error.hint)
        else:
            yield Check("prometheus", ok=True, detail=f"writes {path}")

    def _path(self) -> Path:
        """Raises UsageError for a home folder that there is not."""
        return expand_home(self._options.textfile)

    def _add(self, profile: str, sample: Sample) -> None:
        """In place of the one of that name; the others stay."""

        def changed(numbers: Numbers) -> None:
            others = [one for one in numbers.get(profile, ()) if one.name != sample.name]
            numbers[profile] = [*others, sample]

        change(self._path(), self._options.format, changed)


def _lasting(old: Collection[Sample], new: Collection[Sample], report: Report) -> Iterator[Sample]:
    """What is known from before and not known anew: of a sink that cannot be looked at its last known numbers, so that its age goes on."""
    told = {sample.name for sample in new}
    unseen = {sink.sink for sink in report.standing.sinks if sink.problem is not None}
    for sample in old:
        if sample.name in BETWEEN_REPORTS:
            yield sample
        elif sample.name.startswith(LAST_RUN):
            if LAST_RUN + "exit_code" not in told:
                yield sample
        elif dict(sample.labels).get("sink") in unseen and not sample.name.endswith("_up"):
            yield sample
