"""The report in Chromium, with the network off: nothing is asked for, nothing of the data runs, and it fits a telephone."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from tests.report.accounts import grow, put
from wrikebackup_core import Account, Gap
from wrikebackup_core.engine.reporting import Asked, DrillFacts, Facts, Level, gather
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.testing import MemorySink

pytest.importorskip("vl_convert", reason="the extra report is not installed")
CHROMIUM = shutil.which("chromium")
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HOSTILE = "<script>document.title='ran'</script><img src=x onerror=\"document.title='ran'\">"
NAMES = {"scripts": "株式会社アクメ 备份 نسخة احتياطية 🚀🗂️👩‍💻", "long": "W" * 300, "hostile": HOSTILE}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("needs Chromium, from the package chromium")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


def page_of(sink: MemorySink, folder: Path) -> Path:
    from wrikebackup_core.cli.page import render

    profile = gather(Asked("acme", [sink], folder, Plugins(), zone=UTC), NOW)
    path = folder / "report.html"
    path.write_text(render(Facts(NOW, "0", profile.level, (profile,))), "utf-8")
    return path


def year() -> MemorySink:
    sink = MemorySink()
    grow(sink, 365, NOW, outage=range(290, 297))
    return sink


def named(name: str) -> MemorySink:
    sink = MemorySink()
    for days in range(6, 0, -1):
        gaps = [Gap(name, name, name, name)] if days == 1 else []
        put(
            sink, NOW - timedelta(days=days), {"tasks": 9 - days, name: 3}, account=Account("IEAAAEDY", name), gaps=gaps
        )
    return sink


def one() -> MemorySink:
    sink = MemorySink()
    put(sink, NOW - timedelta(hours=3), {"tasks": 3})
    return sink


CASES = {"year": year, "empty": MemorySink, "one": one} | {
    kind: lambda name=name: named(name) for kind, name in NAMES.items()
}


@pytest.mark.parametrize("case", CASES)
def test_it_opens_offline_without_a_request_an_error_or_a_script_and_fits(
    browser: Any, tmp_path: Path, case: str
) -> None:
    path = page_of(CASES[case](), tmp_path)
    for width, scheme in ((360, "light"), (360, "dark"), (1440, "light")):
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True)
        page, told, asked = context.new_page(), list[str](), list[str]()
        page.on("console", lambda message, told=told: told.append(message.text))
        page.on("pageerror", lambda error, told=told: told.append(str(error)))
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.goto(path.as_uri())
        assert told == []
        assert asked == [path.as_uri()]
        assert page.title() != "ran"
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.querySelectorAll('script, img, iframe, object').length") == 0
        context.close()


def test_what_is_missing_and_who_is_not_well_is_seen_on_a_telephone_without_scrolling(
    browser: Any, tmp_path: Path
) -> None:
    page = browser.new_context(viewport={"width": 360, "height": 800}).new_page()
    page.goto(page_of(year(), tmp_path).as_uri())
    table = page.get_by_role("columnheader", name="missing", exact=True).locator("xpath=ancestor::table")
    assert table.evaluate("table => table.scrollWidth <= table.parentElement.clientWidth")


def test_the_verdict_on_each_profile_and_how_drills_went_are_seen_on_a_telephone_without_scrolling(
    browser: Any, tmp_path: Path
) -> None:
    from wrikebackup_core.cli.page import render

    drilled = DrillFacts("local:/srv/backups/acme", NOW, False, f"{'2' * 16}-7f3a9c: not everything came back")
    asked = Asked("globex", [one()], tmp_path, Plugins(), zone=UTC, objective=timedelta(hours=1), drills=[drilled])
    profiles = gather(asked, NOW), gather(replace(asked, name="acme"), NOW)
    path = tmp_path / "two.html"
    path.write_text(render(Facts(NOW, "0", Level.BAD, profiles)), "utf-8")
    page = browser.new_context(viewport={"width": 360, "height": 800}).new_page()
    page.goto(path.as_uri())
    for column in ("verdict", "how it went"):
        tables = page.get_by_role("columnheader", name=column, exact=True).locator("xpath=ancestor::table")
        assert tables.count() > 0
        for table in tables.all():
            assert table.evaluate("table => table.scrollWidth <= table.parentElement.clientWidth"), column


def test_it_is_dark_where_dark_is_preferred(browser: Any, tmp_path: Path) -> None:
    path, found = page_of(one(), tmp_path), {}
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)
        page = context.new_page()
        page.goto(path.as_uri())
        found[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
        context.close()
    assert found == {"light": "rgb(255, 254, 251)", "dark": "rgb(21, 25, 27)"}


def test_charts_show_themselves_in_one_width_at_a_time_and_have_names(browser: Any, tmp_path: Path) -> None:
    path = page_of(year(), tmp_path)
    for width, shown in ((360, "narrow"), (1440, "wide")):
        context = browser.new_context(viewport={"width": width, "height": 800})
        page = context.new_page()
        page.goto(path.as_uri())
        visible = page.locator("[role=img]:visible")
        assert visible.count() >= 4
        assert all(visible.nth(number).get_attribute("aria-label") for number in range(visible.count()))
        assert all(page.locator(f".{shown}").nth(number).is_visible() for number in range(3))
        context.close()


def test_text_has_contrast_enough_in_light_dark_and_print() -> None:
    """At least 4.5 to 1, as WCAG asks for in level AA."""
    style = resources.files("wrikebackup_core.cli.page").joinpath("report.css").read_text("utf-8")
    palettes = [
        dict(re.findall(r"--(\w+): (#\w+)", block)) for block in re.findall(r":root \{([^}]*--paper[^}]*)\}", style)
    ]
    assert len(palettes) == 3
    for palette in palettes:
        for name in ("ink", "muted", "accent", "warn", "bad"):
            assert contrast(palette[name], palette["paper"]) >= 4.5, (name, palette)


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    """Of `#rgb` or `#rrggbb`, as WCAG defines it."""
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
