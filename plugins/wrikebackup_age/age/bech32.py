"""Bech32 (BIP 173), the way in which age writes keys: without the limit of 90 characters."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["decode", "encode"]

_CHARACTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUES = {character: value for value, character in enumerate(_CHARACTERS)}
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM = 6  # characters


def encode(prefix: str, data: bytes) -> str:
    """`prefix1…` in lower case."""
    values = _regroup(data, 8, 5, pad=True)
    check = _polymod([*_expanded(prefix), *values, *[0] * _CHECKSUM]) ^ 1
    values += [check >> 5 * (_CHECKSUM - 1 - place) & 31 for place in range(_CHECKSUM)]
    return f"{prefix}1{''.join(_CHARACTERS[value] for value in values)}"


def decode(text: str) -> tuple[str, bytes]:
    """The prefix, in lower case, and the data. Raises ValueError, which never holds the text: it may be a secret key."""
    if text not in (text.lower(), text.upper()):
        raise ValueError("upper and lower case are mixed")
    prefix, _, rest = text.lower().rpartition("1")
    # Of the whole text: the Kelvin sign's lower case is a k.
    if not prefix or len(rest) < _CHECKSUM or not all("!" <= character <= "~" for character in text):
        raise ValueError("it is no Bech32")
    if not all(character in _VALUES for character in rest):
        raise ValueError("it has a character that Bech32 does not know")
    values = [_VALUES[character] for character in rest]
    if _polymod([*_expanded(prefix), *values]) != 1:
        raise ValueError("its checksum does not fit: a character is wrong or missing")
    return prefix, bytes(_regroup(values[:-_CHECKSUM], 5, 8, pad=False))


def _expanded(prefix: str) -> list[int]:
    return [*(ord(character) >> 5 for character in prefix), 0, *(ord(character) & 31 for character in prefix)]


def _polymod(values: Iterable[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for place, generator in enumerate(_GENERATOR):
            if top >> place & 1:
                check ^= generator
    return check


def _regroup(values: Iterable[int], wide: int, narrow: int, *, pad: bool) -> list[int]:
    """Bits in groups of `wide` as groups of `narrow`. Raises ValueError for bits at the end that are no padding."""
    bits, held, groups = 0, 0, []
    for value in values:
        bits, held = bits << wide | value, held + wide
        while held >= narrow:
            held -= narrow
            groups.append(bits >> held)
            bits &= (1 << held) - 1
    if pad and held:
        groups.append(bits << narrow - held)
    elif not pad and (held >= wide or bits):
        raise ValueError("its end is not zero")
    return groups
