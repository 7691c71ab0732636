"""Charts as SVG, drawn by Vega-Lite without a network. Colours are variables of the page's style, so that one drawing is right in light
and dark, on screen and on paper."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

__all__ = ["WIDTHS", "area", "bars", "sparkline"]

WIDTHS = {"wide": 820, "narrow": 312}
"""Pixels. Each chart is drawn for both, since text that is scaled is too small or too large to read."""

_HEIGHTS = {"wide": 200, "narrow": 150}
_TICKS = {"wide": 7, "narrow": 3}
_MOST_POINTS = 1200
_SPARK = (120, 24)  # pixels
_AXIS = {
    "title": None,
    "domain": False,
    "ticks": False,
    "labelColor": "var(--muted)",
    "labelFontSize": 12,
    "labelPadding": 6,
}
_CONFIG = {"view": {"stroke": None}, "font": "sans-serif", "axis": {"gridColor": "var(--rule)"}}
_Point = tuple[datetime, float]


def area(points: Sequence[_Point], label: str, size: str, *, unit: str = "") -> str:
    """How much there was over time, with the last value written at its end."""
    rows = [{"t": when.isoformat(), "v": value} for when, value in _thinned(points)]
    x = {
        "field": "t",
        "type": "temporal",
        "axis": _AXIS | {"grid": False, "tickCount": _TICKS[size], "labelFlush": True},
    }
    y = {"field": "v", "type": "quantitative", "scale": {"zero": True, "nice": True}, "axis": _amounts(unit)}
    line = {"type": "line", "color": "var(--accent)", "strokeWidth": 2, "interpolate": "step-after", "clip": False}
    under = {"type": "area", "color": "var(--accent)", "opacity": 0.14, "interpolate": "step-after"}
    dot = {"type": "point", "filled": True, "size": 50, "color": "var(--accent)", "opacity": 1}
    text = {"type": "text", "align": "right", "dy": -12, "fontSize": 13, "fontWeight": "bold", "color": "var(--ink)"}
    last = {"values": rows[-1:]}
    layers = [
        {"mark": under, "encoding": {"x": x, "y": y}},
        {"mark": line, "encoding": {"x": x, "y": y}},
        {"data": last, "mark": dot, "encoding": {"x": x, "y": y}},
        {"data": last, "mark": text | {"text": label}, "encoding": {"x": x, "y": y}},
    ]
    return _drawn({"data": {"values": rows}, "layer": layers}, size)


def bars(points: Sequence[_Point], size: str) -> str:
    """More above the line, fewer below it, one bar for each backup in a row."""
    rows = [{"n": number, "t": when.isoformat(), "v": value} for number, (when, value) in enumerate(points)]
    first = {str(row["n"]): f"{when:%d %b}" for row, (when, _) in zip(rows, points, strict=True)}
    every = max(len(rows) // _TICKS[size], 1)
    label = " : ".join(f"datum.value == {n} ? '{text}'" for n, text in first.items() if int(n) % every == 0)
    x = {
        "field": "n",
        "type": "ordinal",
        "scale": {"paddingInner": 0.25},
        "axis": _AXIS | {"grid": False, "labelAngle": 0, "labelExpr": f"{label} : ''", "labelOverlap": True},
    }
    y = {"field": "v", "type": "quantitative", "axis": _amounts("")}
    colour = {"condition": {"test": "datum.v < 0", "value": "var(--warn)"}, "value": "var(--accent)"}
    return _drawn(
        {"data": {"values": rows}, "mark": {"type": "bar"}, "encoding": {"x": x, "y": y, "color": colour}}, size
    )


def sparkline(values: Sequence[float]) -> tuple[str, float, float]:
    """A path in a box of 120 by 24, and the point where it ends."""
    thin = [value for _, value in _thinned([(None, value) for value in values], most=_SPARK[0])]
    low, high = min(thin), max(thin)
    reach, (width, height) = (high - low) or 1, _SPARK
    step = (width - 6) / max(len(thin) - 1, 1)
    flat = high == low
    places = [
        (3 + at * step, height / 2 if flat else height - 4 - (value - low) / reach * (height - 8))
        for at, value in enumerate(thin)
    ]
    if len(places) == 1:
        places = [(3, height / 2), (width - 3, height / 2)]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    return path, places[-1][0], places[-1][1]


def _amounts(unit: str) -> dict[str, Any]:
    """An axis whose numbers stay short: 20k; with a unit, 1.5 GB."""
    shown = "format(datum.value, '~s')"
    if unit:
        words = f"datum.value ? replace({shown}, regexp('([kMGTP]?)$'), ' $1') + '{unit}' : '0'"
    else:
        words = f"datum.value % 1 ? '' : replace({shown}, 'G', 'B')"  # there is no half a record
    return _AXIS | {"tickCount": 4, "tickMinStep": 1, "labelExpr": words}


def _thinned(points: Sequence[Any], most: int = _MOST_POINTS) -> list[Any]:
    """At most so many, evenly, the last one always among them."""
    every = -(-len(points) // most)
    return list(points) if every <= 1 else [*points[:-1][::every], points[-1]]


def _drawn(spec: dict[str, Any], size: str) -> str:
    import vl_convert

    whole = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": WIDTHS[size],
        "height": _HEIGHTS[size],
        "autosize": {"type": "fit", "contains": "padding"},
        "padding": {"left": 10, "right": 6, "top": 22, "bottom": 5},
        "background": None,
        "config": _CONFIG,
        **spec,
    }
    # No address may be asked: all the data is here.
    return vl_convert.vegalite_to_svg(whole, allowed_base_urls=[])
