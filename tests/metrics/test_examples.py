"""The alert rules and the dashboard among the examples: they name metrics that there are, and say what they promise."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from wrikebackup_core.testing.reports import NASTY, bad_report, good_report, look
from wrikebackup_metrics import PrometheusOptions
from wrikebackup_metrics.samples import METRICS

FOLDER = Path(__file__).parents[2] / "examples" / "monitoring"
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool (Debian: prometheus) is not installed")


def dashboard() -> Any:
    return json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))


def rules() -> list[Any]:
    text = (FOLDER / "alerts.yaml").read_text(encoding="utf-8")
    return [rule for group in YAML(typ="safe").load(text)["groups"] for rule in group["rules"]]


def expressions() -> Iterator[str]:
    for panel in dashboard()["panels"]:
        for target in panel["targets"]:
            yield target["expr"]


def promtool(*words: str, cwd: Path, given: str | None = None) -> str:
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, *words], cwd=cwd, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_every_metric_that_they_name_is_written() -> None:
    texts = [*expressions(), *(rule["expr"] for rule in rules())]
    named = {name for text in texts for name in re.findall(r"wrikebackup_(\w+)", text)}
    assert len(named) > 10
    assert named - set(METRICS) == set()


def test_the_dashboard_has_panels_beside_each_other_and_lets_the_data_source_be_chosen() -> None:
    board = dashboard()
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = set[tuple[int, int]]()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert at["x"] + at["w"] <= 24, panel["title"]
        assert not cells & taken, panel["title"]
        taken |= cells
        assert panel["type"] in {"stat", "table", "timeseries"}
        assert panel["title"]
        assert panel["description"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["fieldConfig"]["defaults"]["unit"] in {"s", "none", "short", "bytes"}
        steps = panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps")
        assert steps is None or steps[0]["value"] is None
    assert [one["name"] for one in board["templating"]["list"]] == ["datasource", "profile"]
    assert board["schemaVersion"] >= 36
    assert "id" not in board, "Grafana gives it"


def test_every_rule_says_in_a_sentence_what_is_wrong() -> None:
    for rule in rules():
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"].endswith(".")
        assert rule["labels"]["severity"] in {"critical", "warning"}


@needs_promtool
def test_prometheus_takes_the_rules_and_the_dashboards_expressions(tmp_path: Path) -> None:
    promtool("check", "rules", str(FOLDER / "alerts.yaml"), cwd=tmp_path)
    asked = [
        {"record": f"panel:{number}", "expr": text.replace("$profile", ".*")}
        for number, text in enumerate(expressions())
    ]
    (tmp_path / "panels.yaml").write_text(json.dumps({"groups": [{"name": "panels", "rules": asked}]}))
    promtool("check", "rules", "panels.yaml", cwd=tmp_path)


@needs_promtool
def test_prometheus_finds_nothing_to_say_about_the_metrics(tmp_path: Path) -> None:
    pytest.importorskip("prometheus_client", reason="needs the extra metrics")
    from wrikebackup_metrics.monitor import Metrics

    path = tmp_path / "wrikebackup.prom"
    monitor = Metrics(PrometheusOptions.model_validate({"textfile": str(path)}))
    for report in (good_report("one"), bad_report(NASTY), look("two")):
        monitor.told(report)
        monitor.started(report.standing.profile, report.standing.at)
    monitor.test("one")
    assert promtool("check", "metrics", cwd=tmp_path, given=path.read_text(encoding="utf-8")) == ""


@needs_promtool
def test_the_rules_fire_when_they_should_and_only_then(tmp_path: Path) -> None:
    shutil.copy(FOLDER / "alerts.yaml", tmp_path)
    shutil.copy(Path(__file__).with_name("alerts_test.yaml"), tmp_path)
    promtool("test", "rules", "alerts_test.yaml", cwd=tmp_path)


def test_every_rule_is_tested() -> None:
    text = Path(__file__).with_name("alerts_test.yaml").read_text(encoding="utf-8")
    tests = YAML(typ="safe").load(text)["tests"]
    fired = {one["alertname"] for test in tests for one in test["alert_rule_test"] if one.get("exp_alerts")}
    quiet = {one["alertname"] for test in tests for one in test["alert_rule_test"] if not one.get("exp_alerts")}
    assert fired == quiet == {rule["alert"] for rule in rules()}


def test_the_page_on_metrics_lists_each_with_its_meaning() -> None:
    page = (FOLDER.parents[1] / "docs" / "how-to" / "metrics.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `wrikebackup_(\w+)` \| [^|]* \| (.*) \|$", page, re.MULTILINE))
    assert listed == {name: about.rstrip(".") for name, about in METRICS.items()}
