"""Metrics: the monitor `prometheus`, which writes how backups stand for Prometheus to collect."""

from __future__ import annotations

from wrikebackup_core import Context, Monitor, Register, hookimpl
from wrikebackup_metrics.options import PrometheusOptions

__all__ = ["PrometheusOptions"]


def _prometheus(options: PrometheusOptions, _context: Context) -> Monitor:
    from wrikebackup_metrics.monitor import Metrics

    return Metrics(options)


@hookimpl
def register_monitors(register: Register) -> None:
    register("prometheus", options=PrometheusOptions, make=_prometheus, extra="metrics")
