"""Reading records as they came."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrikebackup_core.errors import FormatError
from wrikebackup_core.format.records import RecordDecoder, date, figure, repaired, text
from wrikebackup_core.model import Record

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64) | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip


class Titled(msgspec.Struct):
    title: str


decode = RecordDecoder("tasks", Titled)


@given(JSON)
def test_what_is_whole_is_not_changed_by_repairing(value: object) -> None:
    assert json.loads(repaired(json.dumps(value).encode())) == value
    assert json.loads(repaired(json.dumps(value, ensure_ascii=False).encode())) == value


@given(st.text(st.characters()))
def test_any_text_that_python_holds_can_be_read(title: str) -> None:
    expected = "".join("\ufffd" if "\ud800" <= letter <= "\udfff" else letter for letter in title)
    body = json.dumps({"title": title})
    # Two lone halves side by side in JSON's escapes are one character.
    joined = json.loads(body)["title"]
    wanted = "".join("\ufffd" if "\ud800" <= letter <= "\udfff" else letter for letter in joined)
    assert decode(Record(body.encode())).title == wanted
    assert wanted == expected or len(wanted) < len(expected)


def test_an_error_names_the_kind_the_id_and_the_field() -> None:
    with pytest.raises(FormatError, match=r"^tasks MAAAAAEQ_HoO: .*`str`.*\$\.title"):
        decode(Record(b'{"title": 7, "id": "MAAAAAEQ_HoO"}'))
    with pytest.raises(FormatError, match=r"^tasks without an id: .*title"):
        decode(Record(b"{}"))
    with pytest.raises(FormatError, match=r"^tasks A: "):
        decode(Record(b'{"id":"A","title":"x"'))
    with pytest.raises(FormatError, match=r"^tasks without an id: "):
        decode(Record(b"[" * 100_000))


def test_a_record_that_is_nested_without_end_is_a_format_error() -> None:
    for deep in (b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000, b'0,"title":"\\ud800","y":' + b'{"x":' * 100_000):
        with pytest.raises(FormatError, match=r"^tasks A: nested too deeply$"):
            decode(Record(b'{"id":"A","x":' + deep + b"}"))


def test_texts_figures_and_dates_pass_through_as_they_stand() -> None:
    raw = msgspec.Raw
    assert bytes(text(raw(b'"a\\u00e9"'))) == b'"a\\u00e9"'
    assert bytes(text(raw(b"null"))) == b'""'
    assert bytes(figure(raw(b"1.50"))) == b"1.50"
    assert bytes(figure(raw(b"-3"))) == b"-3"
    assert bytes(figure(raw(b"null"))) == b"0"
    assert date(raw(b'"2026-10-07T01:48:56Z"')) == b'"2026-10-07 01:48:56"'
    for reader, wrong in ((text, b"7"), (text, b"true"), (figure, b'"7"'), (figure, b"[1]"), (date, b"7")):
        with pytest.raises(TypeError, match="expected"):
            reader(raw(wrong))
    for wrong in (b'"07.10.2026"', b'"yesterday at noon..."'):
        with pytest.raises(ValueError, match="isoformat"):
            date(raw(wrong))
