"""What is measured, and the numbers out of a report. Pure. Times are Unix seconds, durations seconds, sizes bytes; all are gauges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from wrikebackup_core import Ran, Report, SinkStanding, Standing, __version__

__all__ = ["BETWEEN_REPORTS", "LAST_RUN", "METRICS", "PREFIX", "Sample", "begun", "of_report", "tested"]

PREFIX = "wrikebackup_"
METRICS: Mapping[str, str] = {
    "info": "The account, the host and the version of wrikebackup; always 1.",
    "report_timestamp_seconds": "When these numbers were written.",
    "test_timestamp_seconds": "When `wrikebackup notify test` last wrote.",
    "sink_up": "Whether the sink could be looked at.",
    "sink_backups": "Backups in the sink.",
    "sink_last_backup_timestamp_seconds": "When the newest backup in the sink was begun; 0 where there is none.",
    "sink_last_complete_timestamp_seconds": "When the newest complete backup in the sink was begun; 0 where there is none.",
    "sink_gaps": "Gaps of the newest backup in the sink.",
    "sink_records": "Records of the newest complete backup in the sink, by kind.",
    "sink_attachments": "Attachments of the newest complete backup in the sink.",
    "sink_attachment_bytes": "Bytes of the attachments of the newest complete backup in the sink.",
    "sink_locked_until_timestamp_seconds": "Until when the newest complete backup in the sink cannot be deleted.",
    "age_objective_seconds": "How old the newest complete backup in a sink may become.",
    "next_run_timestamp_seconds": "When the schedule begins the next run.",
    "troubles": "How many troubles there are.",
    "trouble": "A trouble that lasts; always 1.",
    "trouble_since_timestamp_seconds": "When the trouble was first seen.",
    "run_begun_timestamp_seconds": "When the latest run began, ended or not.",
    "last_run_start_timestamp_seconds": "When the last run that has ended began.",
    "last_run_end_timestamp_seconds": "When the last run ended.",
    "last_run_duration_seconds": "How long the last run took.",
    "last_run_exit_code": "How the last run ended: 0 done, 3 done with gaps or a sink missing, anything else failed.",
    "last_run_complete": "Whether the last run got everything.",
    "last_run_gaps": "Gaps of the last run.",
    "last_run_records": "Records that the last run got, by kind.",
    "last_run_attachments": "Attachments of the last run's backup.",
    "last_run_attachments_new": "Attachments that the last run fetched.",
    "last_run_attachment_bytes": "Bytes of the attachments of the last run's backup.",
    "last_run_new_bytes": "Bytes that the last run stored.",
    "last_run_pruned": "Whether the last run pruned as the profile says; not there where nothing was to be done.",
    "last_run_sink_ok": "Whether the last run's backup is committed in the sink.",
}
"""Names without the prefix, and what they mean. A name that is once there keeps its meaning."""


LAST_RUN = f"{PREFIX}last_run_"
BETWEEN_REPORTS = (f"{PREFIX}run_begun_timestamp_seconds", f"{PREFIX}test_timestamp_seconds")
"""Whose numbers no report has."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One number of a profile. `labels` go without `profile`."""

    name: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()


def of_report(report: Report) -> Iterator[Sample]:
    """All that a report tells."""
    standing = report.standing
    account = standing.account_id or ""
    yield _sample("info", 1, account=account, host=standing.host, version=__version__)
    yield _sample("report_timestamp_seconds", _time(standing.at))
    for sink in standing.sinks:
        yield from _of_sink(sink, account)
    yield from _of_standing(standing)
    run = report.run or standing.last_run
    if run is not None:
        yield from _of_run(run)


def begun(at: datetime) -> Sample:
    return _sample("run_begun_timestamp_seconds", _time(at))


def tested(at: datetime) -> Sample:
    return _sample("test_timestamp_seconds", _time(at))


def _of_sink(sink: SinkStanding, account: str) -> Iterator[Sample]:
    where = {"account": account, "sink": sink.sink}
    yield _sample("sink_up", sink.problem is None, **where)
    if sink.problem is not None:
        return
    yield _sample("sink_backups", sink.backups, **where)
    yield _sample("sink_last_backup_timestamp_seconds", _time(sink.newest), **where)
    yield _sample("sink_last_complete_timestamp_seconds", _time(sink.newest_complete), **where)
    yield _sample("sink_gaps", sink.gaps, **where)
    yield _sample("sink_attachments", sink.attachments, **where)
    yield _sample("sink_attachment_bytes", sink.attachment_bytes, **where)
    for kind, number in sink.counts.items():
        yield _sample("sink_records", number, **where, kind=str(kind))
    if sink.locked_until is not None:
        yield _sample("sink_locked_until_timestamp_seconds", _time(sink.locked_until), **where)


def _of_standing(standing: Standing) -> Iterator[Sample]:
    if standing.objective is not None:
        yield _sample("age_objective_seconds", standing.objective.total_seconds())
    if standing.next_run is not None:
        yield _sample("next_run_timestamp_seconds", _time(standing.next_run))
    yield _sample("troubles", len(standing.troubles))
    for trouble in standing.troubles:
        yield _sample("trouble", 1, id=trouble.id)
        yield _sample("trouble_since_timestamp_seconds", _time(trouble.since), id=trouble.id)


def _of_run(run: Ran) -> Iterator[Sample]:
    for name, value in {
        "start_timestamp_seconds": _time(run.started),
        "end_timestamp_seconds": _time(run.ended),
        "duration_seconds": (run.ended - run.started).total_seconds(),
        "exit_code": run.exit_code,
        "complete": run.complete,
        "gaps": run.gaps,
        "attachments": run.attachments_total,
        "attachments_new": run.attachments_new,
        "attachment_bytes": run.attachments_bytes,
        "new_bytes": run.bytes_new,
    }.items():
        yield _sample(f"last_run_{name}", value)
    if run.pruned is not None:
        yield _sample("last_run_pruned", run.pruned)
    for kind, number in run.counts.items():
        yield _sample("last_run_records", number, kind=str(kind))
    for sink, reason in run.sinks.items():
        yield _sample("last_run_sink_ok", reason is None, sink=sink)


def _sample(name: str, value: float, **labels: str) -> Sample:
    assert name in METRICS, name
    return Sample(PREFIX + name, float(value), tuple(sorted(labels.items())))


def _time(moment: datetime | None) -> float:
    return 0.0 if moment is None else moment.timestamp()
