"""The numbers inside ids: published samples, and what must hold for every text."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrikebackup_core.format.ids import account_number, number, permalink_number

INT32 = st.integers(-(2**31), 2**31 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)
UINT32 = st.integers(0, 2**32 - 1)
LETTER = st.sampled_from("CFGTHIKLMWZabhi")


def base32(*parts: bytes) -> str:
    return base64.b32encode(b"".join(parts)).decode().rstrip("=")


def signed(value: int, length: int) -> bytes:
    return value.to_bytes(length, "big", signed=True)


@pytest.mark.parametrize(
    ("id_", "expected"),
    [
        ("IEAAAEDYIYAB7DLK", 2067818),
        ("IEAGXR2EIMBGYQMR", 40649105),
        ("IEAG5DAKIYX57P5D", 803192739),
        ("IEAGXR2EI7777777", -1),
        ("IEAFXAOHI7777776", -2),
        ("IEACGXLUJAAACP54", 81852),
        ("IEAGXR2EJEAVFLCG", 22195270),
        ("IEAG5DAKJQAC56AU", 3078164),
        ("IEAGXR2EK77ZIOF4", -7063364),
        ("IEAGXR2ENQAAAAABMUI3U3A", 0x1_6511BA6C),
        ("KX7XIKVN", -9164115),
        ("MAAAAAEFzzde", 4392433502),
        ("MAAAAAEQ_HoO", 4579949070),
        ("MQAAAAEQ_HoI", 4579949064),
        ("IEAAAEDY", 4216),
    ],
)
def test_published_samples_have_the_numbers_that_were_published_with_them(id_: str, expected: int) -> None:
    assert number(id_) == expected


@pytest.mark.parametrize(
    "id_",
    [
        "",
        "IEACGXLUIUIHWJQTKMIHWJQX",  # a dependency is two numbers
        "MgAAAAEFzzdeMwAAAAEFzzdb",
        "MgAAAAEFzzde",  # a tag that stands for no item
        "ieaaaedyiyab7dlk",
        "IEAAAEDYIYAB7DL0",  # 0 and 1 are not in base32
        "IEAAAEDYIYAB7DL=",
        " IEAAAEDYIYAB7DLK",
        "IEAAAEDYIYAB7DLK\n",
        "MAAAAAEQ_HoO\n",
        "MAAAAAEQ+HoO",
        "IEAGXR2ENQAAAAABMUI3U3B",  # the same bytes as …3A, not canonically written
        "１２３４５６７８",
        "KU_AAAAA",
    ],
)
def test_what_is_not_certain_has_no_number(id_: str) -> None:
    assert number(id_) is None


@given(UINT32, LETTER, INT32)
def test_the_number_of_a_classic_id_is_found(account: int, letter: str, value: int) -> None:
    assert number(base32(b"A", account.to_bytes(4, "big"), letter.encode(), signed(value, 4))) == value


@given(st.sampled_from([b"0", b"1"]), INT64)
def test_the_number_of_a_new_id_is_found(tag: bytes, value: int) -> None:
    assert number(base64.urlsafe_b64encode(tag + signed(value, 8)).decode()) == value


@given(INT32)
def test_people_and_groups_have_the_sign_of_their_number(value: int) -> None:
    assert number(base32(b"U", signed(value, 4))) == value


@given(UINT32)
def test_an_account_has_a_number_and_nothing_else_is_an_account(account: int) -> None:
    id_ = base32(b"A", account.to_bytes(4, "big"))
    assert account_number(id_) == number(id_) == account
    assert account_number(id_.lower()) == (account if id_ == id_.lower() else None)
    assert account_number(base32(b"U", account.to_bytes(4, "big"))) is None


@given(st.text(), st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=8, max_size=24))
def test_no_text_makes_it_raise(text: str, letters: str) -> None:
    for id_ in (text, letters, letters[:8], letters[:16], letters[:12]):
        assert number(id_) is None or isinstance(number(id_), int)
        assert account_number(id_) is None or 0 <= account_number(id_) < 2**32  # type: ignore[operator]


@pytest.mark.parametrize(
    ("permalink", "expected"),
    [
        ("https://www.wrike.com/open.htm?id=4579949064", 4579949064),
        ("https://app-eu.wrike.com/open.htm?a=b&id=7&x=y#z", 7),
        ("http://127.0.0.1:8750/workspace/open.htm?id=12", 12),
        ("https://www.wrike.com/open.htm?pid=7", None),
        ("https://www.wrike.com/open.htm?id=", None),
        ("https://www.wrike.com/open.htm?id=7x", None),
        ("https://www.wrike.com/open.htm?id=99999999999999999999", None),
        ("https://www.wrike.com/open.htm?id=9223372036854775808", None),
        ("https://www.wrike.com/other.htm?id=7", None),
        ("https://www.wrike.com/open.htm?id=٧", None),
        ("open.htm?id=7", None),
        ("", None),
        (None, None),
    ],
)
def test_a_permalink_tells_its_number_or_none(permalink: str | None, expected: int | None) -> None:
    assert permalink_number(permalink) == expected
