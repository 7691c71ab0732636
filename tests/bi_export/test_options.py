"""What a profile may say under `bi-export`."""

from __future__ import annotations

import sys
from datetime import timedelta

import pytest
from pydantic import ValidationError

from wrikebackup_bi_export.options import BiExportOptions, Format
from wrikebackup_bi_export.transform import BiExport
from wrikebackup_core import Context, MissingExtra, Run, Transform, duration
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.testing import TransformContract
from wrikebackup_core.testing.transform import _Run
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.source import MockSource


class TestTheContract(TransformContract):
    @pytest.fixture
    def transform(self) -> Transform:
        return BiExport(BiExportOptions())

    @pytest.fixture
    def run(self) -> Run:
        source = MockSource(MockAccount(tasks=20))
        return _Run(account=source.account(), source=source)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("24h", timedelta(hours=24)),
        ("1d12h", timedelta(hours=36)),
        ("90m", timedelta(minutes=90)),
        ("30s", timedelta(seconds=30)),
        ("2w", timedelta(days=14)),
        ("0s", timedelta()),
    ],
)
def test_durations_have_units(text: str, meant: timedelta) -> None:
    assert duration(text) == meant


@pytest.mark.parametrize("text", ["", "24", "h", "-1h", "1h1d", "1.5h", "24 h", "forever", "9999999d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="duration such as 24h"):
        BiExportOptions(max_age=text)


def test_a_number_is_answered_with_the_unit_that_is_missing() -> None:
    with pytest.raises(ValidationError) as caught:
        BiExportOptions.model_validate({"max_age": 12})
    [detail] = caught.value.errors()
    assert detail["ctx"]["error"].hint == "a unit is missing: 12h for hours, 12m for minutes"


def test_parquet_without_its_library_is_answered_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "wrikebackup_bi_export.parquet", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    plugins, context = Plugins.load(), Context(secret=str)
    with pytest.raises(MissingExtra) as caught:
        plugins.make_transform("bi-export", BiExportOptions(format=Format.BOTH), context)
    assert caught.value.hint == 'pip install "wrikebackup[bi]"'
    assert plugins.make_transform("bi-export", BiExportOptions(), context).kind == "bi-export"
