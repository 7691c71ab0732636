"""What the authors of plugins test with: a real store in memory, and the contracts of the ports as tests to inherit.

    from wrikebackup_core.testing import SinkContract

    class TestMySink(SinkContract):
        @pytest.fixture
        def sink(self, tmp_path):
            return MySink(tmp_path)

Needs pytest, which a plain installation of wrikebackup does not bring.
"""

from __future__ import annotations

try:
    import pytest
except ImportError as error:  # pragma: no cover - the project's own tests always have it
    raise ImportError("wrikebackup_core.testing needs pytest: pip install pytest") from error

# Before the imports below, so that a broken promise is reported with the values that broke it.
pytest.register_assert_rewrite(
    "wrikebackup_core.testing.locking",
    "wrikebackup_core.testing.monitor",
    "wrikebackup_core.testing.signing",
    "wrikebackup_core.testing.sink",
    "wrikebackup_core.testing.source",
    "wrikebackup_core.testing.transform",
)

from wrikebackup_core.testing.crawled import MemoryCrawled, crawl  # noqa: E402 - see above
from wrikebackup_core.testing.locking import LockingContract  # noqa: E402 - see above
from wrikebackup_core.testing.memory import MemoryReader, MemorySink  # noqa: E402 - see above
from wrikebackup_core.testing.monitor import MonitorContract  # noqa: E402 - see above
from wrikebackup_core.testing.signing import SigningContract  # noqa: E402 - see above
from wrikebackup_core.testing.sink import SinkContract  # noqa: E402 - see above
from wrikebackup_core.testing.source import SourceContract  # noqa: E402 - see above
from wrikebackup_core.testing.transform import TransformContract  # noqa: E402 - see above

__all__ = [
    "LockingContract",
    "MemoryCrawled",
    "MemoryReader",
    "MemorySink",
    "MonitorContract",
    "SigningContract",
    "SinkContract",
    "SourceContract",
    "TransformContract",
    "crawl",
]
