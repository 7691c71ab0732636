"""What a profile may say of retention, and what is said of one that may not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from wrikebackup_core.errors import ProfileError
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.profile import effective, fingerprint, load
from wrikebackup_core.profile.template import Answers, render
from wrikebackup_retention import RetainOptions
from wrikebackup_retention.policy import Rule
from wrikebackup_retention.spans import Span

_LIMIT = "must be a whole number, at least 1, or `all`, or a duration such as 90d or 1y6m"
_DURATION = "must be a duration with its units, the longest first: y, m (months), w, d, h, such as 30d or 1y6m"
_NO_ZONE = "no such time zone is known; "
_NAMES = _NO_ZONE + "they are called like Europe/Berlin, America/New_York or UTC"


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return Plugins.load()


def _written(tmp_path: Path, options: str) -> Path:
    path = tmp_path / "p.yaml"
    path.write_text(
        f"source: mock\nsinks: [{{local: {{path: b}}}}]\ntransforms:\n  - retain: {options}\n", encoding="utf-8"
    )
    return path


def _options(**options: Any) -> RetainOptions:
    return RetainOptions.model_validate_json(json.dumps(options), strict=True)


MISTAKES = {
    "{}": ": no rule keeps anything: add one, such as daily: 7 or within: 30d",
    "{prune: true, time_zone: UTC}": ": no rule keeps anything: add one, such as daily: 7 or within: 30d",
    "{daily: 0}": f".daily: {_LIMIT}; leave the key out where the rule is not wanted",
    "{daily: -1}": f".daily: {_LIMIT}; leave the key out where the rule is not wanted",
    "{daily: }": f".daily: {_LIMIT}",
    "{weekly: '7'}": f".weekly: {_LIMIT}; a number without quotes",
    "{monthly: 7.0}": f".monthly: {_LIMIT}",
    "{yearly: true}": f".yearly: {_LIMIT}",
    "{hourly: [7]}": f".hourly: {_LIMIT}",
    "{hourly: 7 d}": f".hourly: {_LIMIT}",
    "{hourly: 0d}": f".hourly: {_LIMIT}",
    "{within: 30}": ".within: needs a unit: y, m (months), w, d or h, such as 30d",
    "{within: 0d}": ".within: must be longer than no time at all, such as 30d or 1y6m",
    "{within: 0y0h}": ".within: must be longer than no time at all, such as 30d or 1y6m",
    "{within: ''}": f".within: {_DURATION}",
    "{within: }": f".within: {_DURATION}",
    "{within: true}": f".within: {_DURATION}",
    "{within: all}": f".within: {_DURATION}",
    "{within: 1m1y}": f".within: {_DURATION}",
    "{within: 1d2d}": f".within: {_DURATION}",
    "{within: -3d}": f".within: {_DURATION}",
    "{within: 30D}": f".within: {_DURATION}",
    "{within: P30D}": f".within: {_DURATION}",
    "{within: ٣d}": f".within: {_DURATION}",
    "{within: 99999999999d}": f".within: {_DURATION}",
    "{last: 0}": ".last: must be a whole number, at least 1; leave the key out where the rule is not wanted",
    "{last: all}": ".last: must be a whole number, at least 1; without `retain` every backup stays",
    "{last: 30d}": ".last: must be a whole number, at least 1; for a duration there is `within`",
    "{last: '3'}": ".last: must be a whole number, at least 1, without quotes",
    "{last: }": ".last: must be a whole number, at least 1",
    "{last: 3, prune: 1}": ".prune: must be true or false",
    "{last: 3, time_zone: Berlin}": f".time_zone: {_NO_ZONE}did you mean Europe/Berlin?",
    "{last: 3, time_zone: new york}": f".time_zone: {_NO_ZONE}did you mean America/New_York?",
    "{last: 3, time_zone: ../../etc/passwd}": f".time_zone: {_NAMES}",
    "{last: 3, time_zone: /etc/passwd}": f".time_zone: {_NAMES}",
    "{last: 3, time_zone: '+02:00'}": f".time_zone: {_NAMES}",
    "{last: 3, time_zone: 2}": f".time_zone: {_NAMES}",
    "{last: 3, time_zone: ''}": f".time_zone: {_NAMES}",
    "{last: 3, time_zone: }": f".time_zone: {_NAMES}",
    "{last: 3, time_zone: 'a\\0b'}": f".time_zone: {_NAMES}",
}


@pytest.mark.parametrize(("options", "message"), MISTAKES.items(), ids=list(MISTAKES))
def test_a_mistake_is_told_in_one_line_with_file_line_and_key(
    options: str, message: str, plugins: Plugins, tmp_path: Path
) -> None:
    path = _written(tmp_path, options)
    with pytest.raises(ProfileError) as caught:
        load(path, plugins)
    assert str(caught.value) == f"{path}:4: transforms[0].retain{message}"


@pytest.mark.parametrize(
    ("name", "nearest"), [("Europe/Berln", "Europe/Berlin"), ("Europe Paris", "Europe/Paris"), ("CEST", "CET")]
)
def test_an_unknown_zone_is_answered_with_the_nearest_names(
    name: str, nearest: str, plugins: Plugins, tmp_path: Path
) -> None:
    with pytest.raises(ProfileError, match=rf"no such time zone is known; did you mean .*\b{nearest}\b.*\?$"):
        load(_written(tmp_path, f"{{last: 3, time_zone: {name}}}"), plugins)


def test_a_misspelt_rule_is_answered_with_its_name(plugins: Plugins, tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="unknown key") as caught:
        load(_written(tmp_path, "{keep_daily: 7}"), plugins)
    assert caught.value.hint == "did you mean daily?"


def test_a_new_profile_has_rules_that_only_need_their_comment_signs_taken_away(
    plugins: Plugins, tmp_path: Path
) -> None:
    path, text = tmp_path / "p.yaml", render(Answers("mock", {}, "local", {"path": "b"}))
    path.write_text(text.replace("# transforms:\n#  - retain", "transforms:\n  - retain"), encoding="utf-8")
    [part] = load(path, plugins).transforms
    assert part.options == _options(daily=7, weekly=5, monthly=12, yearly=3)


def test_all_rules_are_read() -> None:
    options = _options(last=3, hourly=24, daily="30d", weekly="all", monthly=12, yearly="10y", within="1y6m2w3d4h")
    assert options.rules == (
        Rule("last", 3),
        Rule("hourly", 24),
        Rule("daily", Span(days=30)),
        Rule("weekly", None),
        Rule("monthly", 12),
        Rule("yearly", Span(years=10)),
        Rule("within", Span(1, 6, 2, 3, 4)),
    )
    assert not options.prune


def test_a_duration_is_told_in_words() -> None:
    assert str(Span.parse("1y6m2w3d1h")) == "1 year 6 months 2 weeks 3 days 1 hour"
    assert str(Span.parse("0y30d")) == "30 days"


def test_the_effective_profile_is_the_same_profile(plugins: Plugins, tmp_path: Path) -> None:
    path = _written(tmp_path, "{last: 3, daily: 30d, yearly: all, time_zone: Europe/Berlin, prune: true}")
    profile = load(path, plugins)
    path.write_text(effective(profile), encoding="utf-8")
    assert load(path, plugins).transforms == profile.transforms


def test_other_rules_leave_a_killed_run_what_it_has_read(plugins: Plugins, tmp_path: Path) -> None:
    one = load(_written(tmp_path, "{last: 3, time_zone: UTC}"), plugins)
    other = load(_written(tmp_path, "{daily: 7, within: 30d, prune: true}"), plugins)
    assert fingerprint(one) == fingerprint(other)
