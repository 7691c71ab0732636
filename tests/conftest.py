"""What holds for all tests."""

from __future__ import annotations

try:
    from hypothesis import HealthCheck, settings
except ModuleNotFoundError:  # where a few tests show that one extra is enough
    pass
else:
    # How long an example takes says how busy the machine is.
    settings.register_profile("whatever-else-runs", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("whatever-else-runs")
