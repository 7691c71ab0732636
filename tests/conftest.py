"""What holds for all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from wrikebackup_core.masking import forget_secrets

try:
    from hypothesis import HealthCheck, settings
except ModuleNotFoundError:  # where a few tests show that one extra is enough
    pass
else:
    # How long an example takes says how busy the machine is.
    settings.register_profile("whatever-else-runs", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("whatever-else-runs")


@pytest.fixture(autouse=True)
def no_secrets_of_other_tests() -> Iterator[None]:
    """What one test has resolved would be masked in what the next one reads."""
    yield
    forget_secrets()
