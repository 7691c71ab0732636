"""What the quick test of raw lines must never do: pass over a line in which the text is found."""

from __future__ import annotations

import json
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrikebackup_core.engine.lookup import patterns
from wrikebackup_core.engine.lookup.patterns import Pattern, plain
from wrikebackup_core.errors import UsageError

_WORDS = st.text(st.sampled_from("inKkSsé\u0301資 -<&1"), min_size=1, max_size=6).filter(str.strip)
_NAMED = {"i": ["&imath;"], "k": ["&#8490;"], "<": ["&lt;"], "&": ["&amp;"], "f": ["&fjlig;"]}


@st.composite
def _disguised(draw: st.DrawFn, text: str) -> str:
    """HTML that reads as the text."""
    out = []
    for char in text:
        guises = [f"&#{ord(char)};", f"&#x{ord(char):x};", f"&#0{ord(char)};", f"&#{ord(char)}", *_NAMED.get(char, [])]
        plain_char = {"<": "&lt;", "&": "&amp;"}.get(char, char)
        out.append(draw(st.sampled_from([plain_char] * 4 + [plain_char.upper(), plain_char.lower(), *guises])))
        out.append(
            draw(
                st.sampled_from(
                    [""] * 5 + ["<b>", "</b>", '<a href="x">', "<b><i>", "<<p>", "<", ">", "\n", "<p>", "x"]
                )
            )
        )
    return "".join(out)


@st.composite
def _written(draw: st.DrawFn, value: str) -> bytes:
    """A JSON line in which the text stands, with whatever escapes JSON allows."""
    body = []
    for char in value:
        escaped = json.dumps(char)[1:-1]
        guises = [json.dumps(char, ensure_ascii=False)[1:-1]] * 5 + [escaped]
        if ord(char) < 0x10000:
            guises += [f"\\u{ord(char):04x}", f"\\u{ord(char):04X}"]
        if char == "/":
            guises.append("\\/")
        body.append(draw(st.sampled_from(guises)))
    return f'{{"id":"X","title":"a < b","description":"{"".join(body)}"}}'.encode()


@given(st.data(), _WORDS, st.booleans())
def test_a_line_that_has_the_text_in_any_guise_is_a_candidate(data: st.DataObject, wanted: str, case: bool) -> None:
    pattern = Pattern(wanted, case=case)
    lines = []
    for _ in range(data.draw(st.integers(1, 3))):
        around = data.draw(st.sampled_from(["", "x", "<p>", "資", "&", "k&#"]))
        lines.append(data.draw(_written(around + data.draw(_disguised(wanted)) + around)))
    found = list(pattern.candidates(b"".join(line + b"\n" for line in lines)))
    for line in lines:
        value = json.loads(line)["description"]
        if pattern.find(_normal(plain(value))):
            assert line in found, value


@given(st.data(), st.text(max_size=30), st.text(st.sampled_from("abk<>&;#\\n\\u /"), max_size=30))
def test_and_so_is_one_of_random_text(data: st.DataObject, one: str, other: str) -> None:
    text = plain(one + other)
    if not text:
        return
    at = data.draw(st.integers(0, len(text) - 1))
    wanted = text[at : at + data.draw(st.integers(1, 8))]
    if not wanted.strip():
        return
    line = json.dumps({"description": one + other}, ensure_ascii=data.draw(st.booleans())).encode(errors="replace")
    pattern = Pattern(wanted)
    value = json.loads(line)["description"]
    if pattern.find(_normal(plain(value))):
        assert list(pattern.candidates(line + b"\n")) == [line]


def _normal(text: str) -> str:
    import unicodedata

    return unicodedata.normalize("NFC", text)


def test_the_letters_that_equal_a_letter_of_ascii_are_all_known() -> None:
    ascii_letter = re.compile("[0-9a-z]", re.IGNORECASE)
    foreign = (chr(code) for code in range(128, sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    equal = {char for char in foreign if ascii_letter.match(_normal(char))}
    assert equal == set(patterns._FOLDED)


@pytest.mark.parametrize(
    "body",
    [
        "in",
        "IN",
        r"\u0069n",
        r"i\u006e",
        "&#105;n",
        "&#x69;n",
        "i&#0110;",
        "i<b>n",
        "<i>i</i><b>n",
        "&#<b>105;n",
        "\u0130n",
        "&imath;n",
        "i&#110",
    ],
)
def test_each_guise_of_a_text_is_found(body: str) -> None:
    line = f'{{"description":"{body}"}}'.encode()
    assert Pattern("in").find(_normal(plain(json.loads(line)["description"])))
    assert list(Pattern("in").candidates(line + b"\n")) == [line]


@pytest.mark.parametrize(("wanted", "body"), [("k", "\u212a"), ("s", "\u017f"), ("ij", "\u0131j"), ("fj", "&fjlig;")])
def test_letters_that_equal_one_of_ascii_are_found(wanted: str, body: str) -> None:
    line = f'{{"description":"{body}"}}'.encode()
    assert Pattern(wanted).find(_normal(plain(body)))
    assert list(Pattern(wanted).candidates(line)) == [line]


def test_lines_without_the_text_are_passed_over() -> None:
    lines = [
        b'{"id":"A","description":"<p>invoice &quot;7&quot; &#128512; &#64;</p>"}',
        b'{"id":"B","title":"in voice"}',
    ]
    assert list(Pattern("Invoice").candidates(b"\n".join(lines) + b"\n")) == lines[:1]
    assert list(Pattern("zebra").candidates(b"\n".join(lines) + b"\n")) == []


def test_what_stands_in_blocks_of_html_does_not_run_together() -> None:
    assert plain("<p>one</p><p>t<b>w</b>o<br>three</p> &lt;b&gt; &amp;") == "one two three <b> &"


@pytest.mark.parametrize("wanted", ["", "  \n"])
def test_an_empty_text_is_refused(wanted: str) -> None:
    with pytest.raises(UsageError, match="empty"):
        Pattern(wanted)


def test_a_wrong_expression_is_refused_in_one_line() -> None:
    with pytest.raises(UsageError, match=r"'\(' is no regular expression"):
        Pattern("(", regex=True)
