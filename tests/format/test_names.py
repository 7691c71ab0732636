"""The names of attachment files, on every system and for every name that an API may hand out."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from wrikebackup_core.format.names import attachment_file_name

ANYTHING = st.text(st.characters(), max_size=300)  # lone surrogates included
CLASSIC = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=16, max_size=16)
NEW = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,15}", fullmatch=True)
TRICKY = st.text("aAbB01~-_.f ", max_size=12)
IDS = st.one_of(CLASSIC, NEW, TRICKY, ANYTHING)
NAMES = st.one_of(ANYTHING, TRICKY)
SUFFIXES = st.sampled_from(["", ".age", ".zst.age"])
RESERVED = re.compile(r"(CON|PRN|AUX|NUL|CLOCK\$|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³])\s*(\.|$)", re.IGNORECASE)


@given(IDS, NAMES, SUFFIXES)
@example("IEAAAEDYIYAB7DLK", "/", "")
@example("", "", ".age")
@example("..", "..", "")
@example("IEAAAEDYIYAB7DLK", "x" * 300 + ".", "")
def test_every_name_is_a_file_name_on_every_system(id_: str, name: str, suffix: str) -> None:
    made = attachment_file_name(id_, name, suffix)
    assert 0 < len(made.encode()) <= 255  # encodable: no lone surrogates
    assert not set(made) & set('/\\:*?"<>|')
    assert not {unicodedata.category(letter) for letter in made} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert unicodedata.is_normalized("NFC", made)
    assert made[-1] not in " ."
    assert made[0] not in "-~."
    assert not RESERVED.match(made)
    assert made.endswith(suffix)


@given(st.text(st.characters(codec="utf-8"), max_size=60), SUFFIXES)
def test_windows_reserved_names_are_not_used_even_behind_the_id(name: str, suffix: str) -> None:
    for reserved in ("CON", "nul.txt", "Com1.", "LPT³.tar.gz", "aux .md"):
        assert not RESERVED.match(attachment_file_name("IEAAAEDYIYAB7DLK", reserved, suffix).partition("-")[2])
    assert not RESERVED.match(attachment_file_name("IEAAAEDYIYAB7DLK", name, suffix).partition("-")[2])


def folded(name: str) -> str:
    """A name as a file system sees it that ignores case and skips what has no width (ext4's casefold, APFS)."""
    skipped = "\u034f\u180b\u180c\u180d\u180f\ufe0e\ufe0f\u3164\u115f\u1160"
    plain = "".join(letter for letter in unicodedata.normalize("NFD", name) if letter not in skipped)
    return unicodedata.normalize("NFD", plain.casefold())


@given(IDS, NAMES, IDS, NAMES, SUFFIXES)
@example("A", "B-x", "A-B", "x", "")
@example("A", "b-~1~x", "A-b", "x", "")
@example("A", "b-~\ufb00~x", "A-b", "~ff~x", "")
@example("A", "b-~1\ufe0f~x", "A-b", "x", "")
def test_different_ids_never_share_a_name_where_case_does_not_count(
    first: str, name: str, second: str, other: str, suffix: str
) -> None:
    assume(first != second)
    assert folded(attachment_file_name(first, name, suffix)) != folded(attachment_file_name(second, other, suffix))


@given(NEW, NAMES)
def test_ids_that_differ_by_case_only_do_not_collide(id_: str, name: str) -> None:
    for other in {id_.upper(), id_.lower(), id_.swapcase()} - {id_}:
        assert folded(attachment_file_name(id_, name)) != folded(attachment_file_name(other, name))


@given(CLASSIC, st.text("abcXYZ019 _-+(){}[]!@#$%&',;=äöü漢字.", min_size=1, max_size=60))
def test_harmless_names_stay_as_wrikes_tool_would_write_them(id_: str, name: str) -> None:
    name = unicodedata.normalize("NFC", name)
    assume(name[-1] not in " ." and not RESERVED.match(name))
    assert attachment_file_name(id_, name) == f"{id_}-{name}"


@given(
    IDS,
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=400),
    st.from_regex(r"[a-z0-9]{1,10}", fullmatch=True),
)
def test_the_extension_survives_the_cut(id_: str, stem: str, extension: str) -> None:
    assert attachment_file_name(id_, f"x{stem}.{extension}").endswith(f".{extension}")


@given(IDS, st.text("é漢🚀a", min_size=300, max_size=400), SUFFIXES)
def test_a_long_name_is_cut_no_shorter_than_it_must_be(id_: str, name: str, suffix: str) -> None:
    assert 255 - 4 < len(attachment_file_name(id_, name, suffix).encode()) <= 255


@given(NEW, NAMES, SUFFIXES)
def test_an_ordinary_id_can_be_found_by_what_names_start_with(id_: str, name: str, suffix: str) -> None:
    assert attachment_file_name(id_, name, suffix).startswith(f"{id_}-")


@pytest.mark.parametrize(
    ("id_", "name", "expected"),
    [
        ("IEAAAEDYIYAB7DLK", "test+doc+box.webdoc", "IEAAAEDYIYAB7DLK-test+doc+box.webdoc"),
        ("IEAAAEDYIYAB7DLK", "~$plan.docx", "IEAAAEDYIYAB7DLK-~$plan.docx"),
        ("IEAAAEDYIYAB7DLK", "", "IEAAAEDYIYAB7DLK-unnamed"),
        ("IEAAAEDYIYAB7DLK", " . ", "IEAAAEDYIYAB7DLK-unnamed"),
        ("IEAAAEDYIYAB7DLK", "../../etc/passwd", "IEAAAEDYIYAB7DLK-.._.._etc_passwd"),
        ("IEAAAEDYIYAB7DLK", "a\u202etxt.exe", "IEAAAEDYIYAB7DLK-atxt.exe"),
        ("IEAAAEDYIYAB7DLK", "a\ud800b", "IEAAAEDYIYAB7DLK-a_b"),
        ("IEAAAEDYIYAB7DLK", "c\ufffdd", "IEAAAEDYIYAB7DLK-c_d"),
        ("IEAAAEDYIYAB7DLK", "NUL.txt", "IEAAAEDYIYAB7DLK-NUL_.txt"),
        ("IEAAAEDYIYAB7DLK", "-rf", "IEAAAEDYIYAB7DLK--rf"),
        ("IEAAAEDYIYAB7DLK", "cafe\u0301.png", "IEAAAEDYIYAB7DLK-caf\u00e9.png"),
        ("MQAAAAEJMtN_", "plan.pdf", "MQAAAAEJMtN_-~4~plan.pdf"),
        ("MQAAAAEJMTN_", "plan.pdf", "MQAAAAEJMTN_-plan.pdf"),
        ("IEAAAEDYIYAB7DLK", "x.~1~", "IEAAAEDYIYAB7DLK-~0~x.~1~"),
    ],
)
def test_names_by_example(id_: str, name: str, expected: str) -> None:
    assert attachment_file_name(id_, name) == expected


def test_a_suffix_that_leaves_no_room_is_refused() -> None:
    with pytest.raises(ValueError, match="suffix"):
        attachment_file_name("IEAAAEDYIYAB7DLK", "x", "." + "y" * 32)
