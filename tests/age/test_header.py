"""Headers: who may stand beside whom, what is refused before any work is done, and that size has a limit."""

from __future__ import annotations

import pytest

pytest.importorskip("cryptography", "48", reason="the extra age is not installed")

from tests.age.opening import WAYS, encrypted
from wrikebackup_age.age import base64, files
from wrikebackup_age.age.errors import HeaderError, NoMatch
from wrikebackup_age.age.header import Header, Recipient, Stanza
from wrikebackup_age.age.hybrid import HybridIdentity
from wrikebackup_age.age.scrypt import ScryptIdentity, ScryptRecipient
from wrikebackup_age.age.x25519 import X25519Identity

CLASSIC, HYBRID = X25519Identity.generate(), HybridIdentity.generate()
PASSPHRASE = ScryptRecipient("correct horse", work=4)
WAY = pytest.mark.parametrize("way", WAYS)


# Recipients


def test_a_file_without_a_recipient_is_not_begun() -> None:
    with pytest.raises(ValueError, match="no recipient"):
        files.begin([])


@pytest.mark.parametrize("other", [PASSPHRASE, CLASSIC.recipient(), HYBRID.recipient()])
def test_a_passphrase_stands_alone(other: Recipient) -> None:
    with pytest.raises(ValueError, match="only recipient"):
        files.begin([PASSPHRASE, other])


def test_post_quantum_recipients_are_not_mixed_with_others() -> None:
    with pytest.raises(ValueError, match="post-quantum"):
        files.begin([HYBRID.recipient(), CLASSIC.recipient()])


@WAY
def test_a_passphrase_beside_another_recipient_is_refused_whoever_wrote_it(way: str) -> None:
    stanzas = b"".join(one.wrap(bytes(16)).encode() for one in (PASSPHRASE, CLASSIC.recipient()))
    data = b"age-encryption.org/v1\n" + stanzas + b"--- " + base64.encode(bytes(32)).encode() + b"\n" + bytes(32)
    for identity in (CLASSIC, ScryptIdentity("correct horse")):
        assert WAYS[way](data, [identity]) == (b"", HeaderError)


@WAY
def test_each_of_fifty_post_quantum_recipients_opens_the_file(way: str) -> None:
    keys = [HybridIdentity.generate() for _ in range(50)]
    data = encrypted(b"for all of them", [key.recipient() for key in keys])
    for key in (keys[0], keys[25], keys[49]):
        assert WAYS[way](data, [HYBRID, CLASSIC, key]) == (b"for all of them", None)
    assert WAYS[way](data, [keys[7]], 100) == (b"for all of them", None)
    assert WAYS[way](data, [HYBRID]) == (b"", NoMatch)


@pytest.mark.parametrize("wrong", ["", "correct hors", "correct horse "])
def test_another_passphrase_does_not_match(wrong: str) -> None:
    data = encrypted(b"secret", [PASSPHRASE])
    assert WAYS["streaming"](data, [ScryptIdentity("correct horse")]) == (b"secret", None)
    assert WAYS["streaming"](data, [ScryptIdentity(wrong)]) == (b"", NoMatch)


def test_a_passphrase_may_be_bytes_that_are_no_text() -> None:
    """As they come from the environment."""
    passphrase = b"p\xff\xfe".decode(errors="surrogateescape")
    data = encrypted(b"secret", [ScryptRecipient(passphrase, work=4)])
    assert WAYS["streaming"](data, [ScryptIdentity(passphrase)]) == (b"secret", None)


def test_an_empty_passphrase_protects_nothing_and_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        ScryptRecipient("")


# Work


@pytest.mark.parametrize("work", ["21", "23", "40", "64", "255", "999", "1000", "99999999999999999999"])
def test_a_file_that_asks_for_endless_work_is_refused_before_it_is_done(work: str) -> None:
    """2^40 steps would take months: that this ends says that they are not done."""
    stanza = Stanza("scrypt", (base64.encode(bytes(16)), work), bytes(32))
    with pytest.raises(HeaderError):
        ScryptIdentity("correct horse").unwrap([stanza])


@pytest.mark.parametrize("work", [0, 21, 64])
def test_no_file_is_written_that_would_be_refused_for_its_work(work: int) -> None:
    with pytest.raises(ValueError, match="work"):
        ScryptRecipient("correct horse", work=work)


# Size


class Endless:
    """A reader of a header that never ends."""

    def __init__(self, start: bytes, more: bytes) -> None:
        self.start, self.more, self.given = start, more, 0

    def read(self, size: int) -> bytes:
        assert self.given < 4 << 20, "who reads on here reads for ever"
        piece = (self.start if not self.given else b"") + self.more * (size // len(self.more) + 1)
        self.given += size
        return piece[:size]


@pytest.mark.parametrize(
    "more",
    [b"A", b"A" * 64 + b"\n", b"-> X " + b"a" * 1000 + b"\n\n", b"-> X " + b"a " * 10_000],
    ids=["a line", "a body", "stanzas", "words"],
)
def test_a_header_that_does_not_end_is_given_up(more: bytes) -> None:
    reader = Endless(b"age-encryption.org/v1\n-> X25519 ", more)
    with pytest.raises(HeaderError):
        next(files.decrypt(reader.read, [CLASSIC]))


def test_what_is_no_age_file_is_known_by_its_first_bytes() -> None:
    reader = Endless(b"PK\3\4", bytes(100))
    with pytest.raises(HeaderError, match="not an age file"):
        next(files.decrypt(reader.read, [CLASSIC]))
    assert reader.given < 2 << 20


def test_no_header_is_written_that_would_be_too_long_to_be_read() -> None:
    class Wide:
        post_quantum = alone = False

        def wrap(self, file_key: bytes) -> Stanza:
            return Stanza("wide", (), bytes(100_000))

    assert len(Header.write(bytes(16), [Wide()] * 7)) < 1 << 20
    with pytest.raises(ValueError, match="more than"):
        Header.write(bytes(16), [Wide()] * 8)


def test_recipients_of_kinds_that_are_not_known_are_passed_over() -> None:
    class Grease:
        post_quantum = alone = False

        def wrap(self, file_key: bytes) -> Stanza:
            return Stanza("x-grease", ("any", "thing"), bytes(48))  # a body of full lines: its end is an empty one

    data = encrypted(b"content", [Grease(), CLASSIC.recipient(), Grease()])
    assert b"\n\n-> " in data
    assert WAYS["streaming"](data, [CLASSIC]) == (b"content", None)
