"""Screens of a terminal as one animated SVG: CSS shows each for its time; a reader that ignores CSS animation sees the last."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyte
from pyte.screens import Char

CELL, LINE, SIZE, MARGIN, BAR = (
    8.4,
    20,
    14,
    16,
    34,
)  # pixels: width and height of a cell, font, around the text, title bar
BACKGROUND, FOREGROUND = "#171b22", "#d5dbe3"
COLOURS = {
    "black": "#4b5563",
    "red": "#f2777a",
    "green": "#7fce8d",
    "brown": "#e3c26b",
    "blue": "#74aef5",
    "magenta": "#c99bea",
    "cyan": "#5fcbc4",
    "white": "#e8edf3",
}
Row = tuple[tuple[str, str, bool], ...]
"""Runs of equal cells: text, colour, bold."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A screen, and for how many seconds it shows."""

    rows: tuple[Row, ...]
    seconds: float


def rows_of(screen: pyte.Screen) -> tuple[Row, ...]:
    """What the screen shows, without empty rows at the end."""
    rows = [tuple(_runs([screen.buffer[y][x] for x in range(screen.columns)])) for y in range(screen.lines)]
    while rows and not "".join(text for text, _, _ in rows[-1]).strip():
        rows.pop()
    return tuple(rows)


def _runs(cells: Sequence[Char]) -> Iterator[tuple[str, str, bool]]:
    text, style = "", ("", False)
    for cell in cells:
        now = (_colour(cell), cell.bold)
        if text and now != style:
            yield text, *style
            text = ""
        text, style = text + cell.data, now
    if text.strip():
        yield text.rstrip(), *style


def _colour(cell: Char) -> str:
    name = (cell.bg if cell.reverse else cell.fg).removeprefix("bright")
    if name in COLOURS:
        return COLOURS[name]
    is_hex = len(name) == 6 and all(letter in "0123456789abcdef" for letter in name.lower())
    return f"#{name}" if is_hex else FOREGROUND


def render(frames: Sequence[Frame], *, columns: int, title: str) -> str:
    """The whole picture. The last frame is what shows where nothing moves."""
    lines = max(len(frame.rows) for frame in frames)
    width, height = columns * CELL + 2 * MARGIN, lines * LINE + BAR + MARGIN
    total = sum(frame.seconds for frame in frames)
    styles, groups, start = [], [], 0.0
    for number, frame in enumerate(frames):
        end = start + frame.seconds
        styles.append(_animation(number, start / total, end / total))
        groups.append(f'<g class="f f{number}">{"".join(_row(y, row) for y, row in enumerate(frame.rows))}</g>')
        start = end
    font = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height}" role="img" aria-label="{title}">',
            f"<title>{title}</title>",
            f"<style>text{{font:{SIZE}px {font};white-space:pre;fill:{FOREGROUND}}}.b{{font-weight:700}}",
            f".f{{visibility:hidden}}.f{len(frames) - 1}{{visibility:visible}}",
            f"@media (prefers-reduced-motion:no-preference){{.f{{animation:{total:g}s step-end infinite}}",
            *styles,
            "}",
            "</style>",
            f'<rect width="{width:g}" height="{height}" rx="9" fill="{BACKGROUND}"/>',
            *(f'<circle cx="{20 + 18 * n}" cy="17" r="5.5" fill="{dot}"/>' for n, dot in enumerate(_DOTS)),
            *groups,
            "</svg>",
            "",
        ]
    )


_DOTS = ("#f2777a", "#e3c26b", "#7fce8d")


def _animation(number: int, start: float, end: float) -> str:
    before = "0%{visibility:hidden}" if start else ""
    after = f"{end * 100:.2f}%{{visibility:hidden}}" if end < 1 else ""
    shown = f"{start * 100:.2f}%{{visibility:visible}}"
    return f"@keyframes k{number}{{{before}{shown}{after}}}.f{number}{{animation-name:k{number}}}"


def _row(y: int, row: Row) -> str:
    spans, x = [], 0
    for text, colour, bold in row:
        if text.strip():
            fill = f' fill="{colour}" style="fill:{colour}"' if colour != FOREGROUND else ""
            mark = ' class="b"' if bold else ""
            # textLength keeps columns aligned whatever the reader's font is.
            place = f'x="{MARGIN + x * CELL:g}" textLength="{len(text) * CELL:g}" lengthAdjust="spacingAndGlyphs"'
            spans.append(f"<tspan {place}{mark}{fill}>{html.escape(text)}</tspan>")
        x += len(text)
    return f'<text y="{BAR + SIZE + y * LINE}">{"".join(spans)}</text>' if spans else ""
