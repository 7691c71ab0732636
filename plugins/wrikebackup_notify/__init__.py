"""Notifications: the monitors `apprise`, which writes to people, and `healthchecks`, which misses runs that never began."""

from __future__ import annotations

from wrikebackup_core import Context, Monitor, Register, hookimpl
from wrikebackup_notify.options import AppriseOptions, HealthchecksOptions

__all__ = ["AppriseOptions", "HealthchecksOptions"]


def _apprise(options: AppriseOptions, context: Context) -> Monitor:
    from wrikebackup_notify.services import Services

    return Services(options, context.secret)


def _healthchecks(options: HealthchecksOptions, context: Context) -> Monitor:
    from wrikebackup_notify.pings import Pings

    return Pings(options, context.secret)


@hookimpl
def register_monitors(register: Register) -> None:
    register("apprise", options=AppriseOptions, make=_apprise, extra="notify")
    register("healthchecks", options=HealthchecksOptions, make=_healthchecks)
