"""Keys are read as people write them; what is wrong with one is said, with its line, and never with any part of it."""

from __future__ import annotations

import io
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("cryptography", "48", reason="the extra age is not installed")

from tests.age.opening import WAYS, encrypted
from wrikebackup_age.age import bech32, hybrid, keys
from wrikebackup_age.age.errors import KeyProblem, NoMatch
from wrikebackup_age.age.hybrid import HybridIdentity
from wrikebackup_age.age.scrypt import ScryptRecipient
from wrikebackup_age.age.x25519 import X25519Identity

CLASSIC, HYBRID = X25519Identity(bytes(range(32))), HybridIdentity(bytes(range(32, 64)))


def openssh() -> str:
    """An SSH private key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = Ed25519PrivateKey.from_private_bytes(bytes(range(64, 96)))
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


OPENSSH = openssh()
FILE = f"# created: 2026-11-26\n# public key: {CLASSIC.recipient()}\n{CLASSIC.secret()}\n\n  {HYBRID.secret()}\n"
# The examples of the specification (c2sp.org/age)
KNOWN = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
ITS_RECIPIENT = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
KNOWN_HYBRID = "AGE-SECRET-KEY-PQ-1XX76JRALNLXDMEW0CRK45QMCCH4X06SE84UN3VPM33W6HWDX0H3SK3ZQFR"


def nobody() -> str | None:
    raise AssertionError("a passphrase is asked for where there is none")


def reasons(value: object) -> str:
    """Names of tests hold no keys."""
    return value if isinstance(value, str) and " " in value else ""


# Files


@pytest.mark.parametrize(
    "change",
    [str, lambda text: text.replace("\n", "\r\n"), lambda text: "\ufeff" + text, str.lower],
    ids=["as made", "Windows' lines", "Windows' mark", "lower case"],
)
def test_a_key_file_gives_its_keys_whatever_editor_it_was_in(change: Callable[[str], str]) -> None:
    found = keys.identities(change(FILE).encode(), nobody)
    for key, other in ((CLASSIC, HYBRID), (HYBRID, CLASSIC)):
        data = encrypted(b"content", [key.recipient()])
        assert WAYS["streaming"](data, found) == (b"content", None)
        assert WAYS["streaming"](data, [other])[1] is NoMatch


def test_a_file_of_recipients_gives_them_in_their_order() -> None:
    lines = [str(HYBRID.recipient()), str(HybridIdentity.generate().recipient()), str(CLASSIC.recipient())]
    text = f"\ufeff# who may read\r\n{lines[0]}\r\n\r\n{lines[1]}\n#{lines[0]}\n   {lines[2]}   "
    assert [str(recipient) for recipient in keys.recipients(text)] == lines


def test_the_keys_of_the_specification_belong_together() -> None:
    (identity,) = keys.identities(KNOWN.encode(), nobody)
    assert isinstance(identity, X25519Identity)
    assert (identity.secret(), str(identity.recipient())) == (KNOWN, ITS_RECIPIENT)
    (identity,) = keys.identities(KNOWN_HYBRID.encode(), nobody)
    assert isinstance(identity, HybridIdentity)
    assert identity.secret() == KNOWN_HYBRID
    assert str(identity.recipient()).startswith("age1pq1x34nzsvr0rxjsgdn8zgyhfe8j7ceq5r9rdelkjuh3y235jzxshfg87pzf5zr")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "there is no key in it"),
        (b"# only a comment\n\n", "there is no key in it"),
        (FILE.encode("utf-16"), "UTF-8"),
        (b"\x89PNG\r\n\x1a\n\0\0", "UTF-8"),
        (str(CLASSIC.recipient()).encode(), "line 1: this is a recipient"),
        (
            b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE8 ada",
            "line 1: this is a public key; what opens files is the private one",
        ),
        (b"\n\nhello\n", "line 3: this is not a key"),
        (bech32.encode("age-plugin-yubikey-", bytes(20)).upper().encode(), "line 1: keys of age plugins"),
        (bech32.encode("bc", bytes(20)).encode(), "line 1: a key begins with AGE-SECRET-KEY-"),
        (bech32.encode("age-secret-key-", bytes(31)).upper().encode(), "line 1: this is not a key"),
        (
            bech32.encode("age-secret-key-pq-", bytes(33)).upper().encode(),
            "line 1: this is not a key: it has 33 bytes, not 32",
        ),
        (b"#" * (1 << 20) + b"\n", "too long"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", "not as OpenSSH writes"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "ssh-keygen -p -f FILE"),
        (b"-----BEGIN AGE ENCRYPTED FILE-----\nAAAA\n", "the text does not begin and end"),
        (b"age-encryption.org/v1\n-> X", "the file ends in its header"),
        (b"age-encryption.org/v2\n", "not known here"),
    ],
    ids=reasons,
)
def test_a_file_that_gives_no_keys_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(KeyProblem) as caught:
        keys.identities(data, nobody)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "this is not a recipient"),
        ("hello", "it is no Bech32"),
        (CLASSIC.secret(), "this is a secret key"),
        (HYBRID.secret().lower(), "this is a secret key"),
        (ITS_RECIPIENT[:-1] + "q", "checksum"),
        (ITS_RECIPIENT[:-1] + "b", "a character that Bech32 does not know"),
        (ITS_RECIPIENT.replace("a", "A", 1), "upper and lower case"),
        (bech32.encode("age", bytes(31)), "it has 31 bytes, not 32"),
        (bech32.encode("age1pq", bytes(1215)), "it has 1,215 bytes, not 1,216"),
        (bech32.encode("age1pq", b"\xff" * 1216), "this is not a recipient"),
        (bech32.encode("age1yubikey", bytes(33)), "recipients of the age plugin yubikey cannot be used here"),
        (bech32.encode("bc", bytes(20)), "a recipient begins with age1 or ssh-"),
        ("ssh-ed25519 AAAA", "it is not what OpenSSH writes"),
        ("ssh-dss AAAA", "only ssh-ed25519 and ssh-rsa"),
        ("ecdsa-sha2-nistp256 AAAA", "only ssh-ed25519 and ssh-rsa"),
        ("sk-ssh-ed25519@openssh.com AAAA", "only ssh-ed25519 and ssh-rsa"),
    ],
    ids=reasons,
)
def test_what_is_no_recipient_says_why(text: str, reason: str) -> None:
    with pytest.raises(KeyProblem) as caught:
        keys.recipient(text)
    assert reason in str(caught.value)


ZERO = bytes(32)  # with it everybody agrees on zero


@pytest.mark.parametrize(
    "text",
    [
        bech32.encode("age", ZERO),
        bech32.encode("age1pq", b"".join([bytes(HYBRID.recipient()._bytes)[:-32], ZERO])),
        # the point with y = 1, which has no twin on the other curve
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ],
    ids=["classic", "post-quantum", "ssh"],
)
def test_a_recipient_that_everybody_could_read_for_is_refused(text: str) -> None:
    with pytest.raises(KeyProblem, match="no proper point"):
        keys.recipient(text)


def test_a_cryptography_without_lattices_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As version 47 is, and builds on an older OpenSSL are."""
    from cryptography.exceptions import UnsupportedAlgorithm

    class Lacking:
        @staticmethod
        def from_public_bytes(data: bytes) -> None:
            raise UnsupportedAlgorithm("ML-KEM-768 is not supported by this backend.")

    line = str(HYBRID.recipient())
    monkeypatch.setattr(hybrid, "MLKEM768PublicKey", Lacking)
    with pytest.raises(KeyProblem, match="the installed cryptography has no ML-KEM"):
        keys.recipient(line)


# Behind a passphrase


def test_a_passphrase_is_asked_for_once_and_only_where_one_is_needed() -> None:
    asked: list[str] = []

    def ask() -> str:
        asked.append("asked")
        return "correct horse"

    keys.identities(encrypted(FILE.encode(), [ScryptRecipient("correct horse", work=4)]), ask)
    assert len(asked) == 1
    keys.identities(FILE.encode(), ask)
    with pytest.raises(KeyProblem, match="not with a passphrase"):
        keys.identities(encrypted(FILE.encode(), [CLASSIC.recipient()]), ask)
    assert len(asked) == 1


def test_an_encrypted_key_file_that_does_not_open_says_why() -> None:
    file = encrypted(FILE.encode(), [ScryptRecipient("correct horse", work=4)])
    with pytest.raises(NoMatch, match="the passphrase does not open it"):
        keys.identities(file, lambda: "another")
    with pytest.raises(KeyProblem, match="it is encrypted with a passphrase"):
        keys.identities(file, lambda: None)
    with pytest.raises(KeyProblem, match="cut off"):
        keys.identities(file[:-1], lambda: "correct horse")
    twice = encrypted(file, [ScryptRecipient("correct horse", work=4)])
    with pytest.raises(KeyProblem, match="it is encrypted with a passphrase"):
        keys.identities(twice, lambda: "correct horse")


# Secrets stay out of what is said


def told(error: BaseException) -> str:
    """All that a log, a report or a debugger's first look would show of an error and of those behind it."""
    parts = ["".join(traceback.format_exception(error))]
    one: BaseException | None = error
    while one is not None:
        parts += [str(one), repr(one), repr(one.args), repr(vars(one)), repr(getattr(one, "object", ""))]
        one = one.__cause__ or one.__context__
    return "\n".join(parts).lower()


def pieces(secret: str) -> Iterator[str]:
    """All of eight characters, but for what every key begins and ends with."""
    text = secret.lower().removeprefix("age-secret-key-").removeprefix("pq-")
    text = text.removeprefix("-----begin openssh private key-----").removesuffix("-----end openssh private key-----\n")
    return (text[start : start + 8] for start in range(len(text) - 7))


@given(
    secret=st.sampled_from([CLASSIC.secret(), HYBRID.secret(), OPENSSH]),
    place=st.integers(0, 500),
    typo=st.sampled_from(["", "b", "Q", "q", "1", "é", "\0", "\udcff", "\n", " ", "qq"]),
    width=st.integers(0, 3),
)
def test_no_part_of_a_key_with_a_typo_is_told(secret: str, place: int, typo: str, width: int) -> None:
    place %= len(secret)
    altered = secret[:place] + typo + secret[place + width :]
    data = altered.encode(errors="surrogateescape")
    for read in (
        lambda: keys.identities(data, lambda: None),
        lambda: keys.identities(b"# a comment\n" + data, lambda: None),
        lambda: keys.recipients(altered),
        lambda: keys.recipient(altered),
    ):
        try:
            read()
        except (KeyProblem, NoMatch) as error:
            text = told(error)
            assert [piece for piece in pieces(secret) if piece in text] == []


def test_an_ssh_key_that_was_cut_or_altered_is_refused_in_one_way() -> None:
    for end, letter in enumerate(OPENSSH):
        altered = OPENSSH[:end] + ("A" if letter != "A" else "B") + OPENSSH[end + 1 :]
        for text in (OPENSSH[:end], altered):
            with suppress(KeyProblem):  # a letter of the comment, or of white space, does not matter
                keys.identities(text.encode(), lambda: None)


def test_no_passphrase_is_told() -> None:
    secret = "correct horse \udcff battery staple"
    file = encrypted(FILE.encode(), [ScryptRecipient("another", work=4)])
    with pytest.raises(NoMatch) as caught:
        keys.identities(file, lambda: secret)
    assert [piece for piece in pieces(secret) if piece in told(caught.value)] == []


def test_what_shows_an_identity_does_not_show_its_key() -> None:
    for key in (CLASSIC, HYBRID):
        shown = f"{key} {key!r} {io.StringIO(repr(key)).getvalue()}".lower()
        assert [piece for piece in pieces(key.secret()) if piece in shown] == []


# Bech32

LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


@given(st.binary(max_size=80), st.sampled_from(["age", "age1pq", "age-secret-key-"]))
def test_bech32_gives_back_what_it_wrote(data: bytes, prefix: str) -> None:
    text = bech32.encode(prefix, data)
    assert bech32.decode(text) == bech32.decode(text.upper()) == (prefix, data)


@given(place=st.integers(4, len(ITS_RECIPIENT) - 1), letter=st.sampled_from(LETTERS))
def test_one_wrong_letter_is_always_noticed(place: int, letter: str) -> None:
    text = ITS_RECIPIENT[:place] + letter + ITS_RECIPIENT[place + 1 :]
    if text != ITS_RECIPIENT:
        with pytest.raises(ValueError, match="checksum"):
            bech32.decode(text)


@pytest.mark.parametrize("sign", ["\N{KELVIN SIGN}", "\N{FULLWIDTH LATIN CAPITAL LETTER K}"])
def test_what_only_looks_like_a_letter_is_none(sign: str) -> None:
    """The lower case of the Kelvin sign is a k."""
    assert "K" in KNOWN
    with pytest.raises(ValueError, match="no Bech32"):
        bech32.decode(KNOWN.replace("K", sign))
