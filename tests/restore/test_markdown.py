"""HTML of Wrike's texts as Markdown: what it says stays, and nothing of it does anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrikebackup_core.engine.restore.markdown import from_html, line


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("", ""),
        ("plain &amp; simple", "plain & simple"),
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("One<br/>Two<br>Three", "One  \nTwo  \nThree"),
        ("<b>bold</b> <i>it</i> <s>no</s> <code>x</code>", "**bold** *it* ~~no~~ `x`"),
        ("<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>", "- a\n- b\n\n    - c"),
        ("<ol><li>a</li><li>b</li></ol>", "1. a\n2. b"),
        ("<h1>Head</h1>text", "### Head\n\ntext"),
        ('<a href="https://x.example/a?b=1&amp;c=2">here</a>', "[here](<https://x.example/a?b=1&c=2>)"),
        ('<a href="javascript:alert(1)">here</a>', "here"),
        ('<a class="stream-user-id avatar" rel="KUAGVUB5">&#64;Ada</a> hi', "@Ada hi"),
        ('<img src="https://x.example/i.png">', "[image](<https://x.example/i.png>)"),
        ("<script>alert(1)</script>text<style>p{}</style>", "text"),
        ("<pre>a  b\n  c</pre>", "```\na  b\n  c\n```"),
        ("<blockquote>said</blockquote>", "> said"),
        ("<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>", "a | b  \n1 | 2"),
        ("1 * 2 _x_ snake_case [a] `c` \\", "1 \\* 2 \\_x\\_ snake_case \\[a\\] \\`c\\` \\\\"),
        ("&lt;script&gt;", "\\<script>"),
        ("# no heading", "\\# no heading"),
        ("1. no list", "1\\. no list"),
        ("<p>unclosed <b>tags", "unclosed **tags"),
        ("a < b and c > d", "a \\< b and c > d"),
        ("\x1b[31mred\x00", "\\[31mred"),
    ],
)
def test_html_becomes_markdown(html: str, markdown: str) -> None:
    assert from_html(html) == markdown


@given(st.text())
def test_any_text_can_be_made_into_markdown(text: str) -> None:
    assert "\x1b" not in from_html(text)
    assert "\n" not in line(text)


@given(st.text(alphabet="ab *_`[]()<>#-1.\\", max_size=40))
def test_text_without_tags_makes_no_html(text: str) -> None:
    escaped = from_html(text.replace("&", "&amp;").replace("<", "&lt;"))
    assert all(escaped[at - 1 : at] == "\\" for at, char in enumerate(escaped) if char == "<")


@pytest.mark.parametrize(
    "piece", ["<b>", "<", "<ul>", "<blockquote>", "<a href=", "<!--", "&", "<pre>", "<li>", "<table><tr><td>"]
)
def test_what_is_nested_or_broken_without_end_takes_no_stack(piece: str) -> None:
    from_html(piece * 20_000 + "x")
