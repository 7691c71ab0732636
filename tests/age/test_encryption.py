"""The transform `encrypt`, as the engine and a profile use it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

pytest.importorskip("cryptography", reason="the extra age")

from wrikebackup_age.age.hybrid import HybridIdentity
from wrikebackup_age.age.scrypt import ScryptRecipient
from wrikebackup_age.age.x25519 import X25519Identity
from wrikebackup_age.encryption import Encryption, decryption, encryption
from wrikebackup_age.options import EncryptOptions
from wrikebackup_core import Context, FormatError, KeyRefused, Keys, SecretError, Transform, UsageError
from wrikebackup_core.testing import MemoryReader, MemorySink, TransformContract

ADA, BEN = HybridIdentity.generate(), HybridIdentity.generate()


def nothing(reference: str) -> str:
    raise SecretError(f"no secret {reference}")


CONTEXT = Context(nothing)


def stored(transform: Transform, data: bytes) -> bytes:
    sink = MemorySink()
    writer = transform.encode(sink.create("a"))
    writer.write(data)
    writer.commit()
    return sink.objects["a"]


def key_file(folder: Path, *identities: HybridIdentity | X25519Identity, mode: int = 0o600) -> Path:
    file = folder / "key.txt"
    file.write_text("".join(f"{identity.secret()}\n" for identity in identities))
    file.chmod(mode)
    return file


class TestHybrid(TransformContract):
    @pytest.fixture
    def transform(self) -> Transform:
        return Encryption([ADA.recipient(), BEN.recipient()], [BEN])


class TestClassic(TransformContract):
    @pytest.fixture
    def transform(self) -> Transform:
        identity = X25519Identity.generate()
        return Encryption([identity.recipient()], [identity])


def test_each_recipient_opens_what_is_stored_and_nobody_else() -> None:
    data = stored(Encryption([ADA.recipient(), BEN.recipient()]), b"plain")
    for identity in (ADA, BEN):
        assert Encryption([], [identity]).decode(MemoryReader(data)).read() == b"plain"
    with pytest.raises(KeyRefused, match="none of the keys"):
        Encryption([], [HybridIdentity.generate()]).decode(MemoryReader(data)).read()


def test_a_host_with_the_public_key_alone_cannot_read_what_it_wrote() -> None:
    transform = encryption(EncryptOptions(recipients=(str(ADA.recipient()),)), CONTEXT)
    data = stored(transform, b"plain")
    assert b"plain" not in data
    assert not transform.has_keys
    with pytest.raises(KeyRefused, match="there is no key"):
        transform.decode(MemoryReader(data)).read()


def test_a_backup_is_opened_without_its_profile_by_a_key_file(tmp_path: Path) -> None:
    data = stored(Encryption([ADA.recipient()]), b"plain")
    opened = decryption(Keys((str(key_file(tmp_path, BEN, ADA)),)))
    assert opened.decode(MemoryReader(data)).read() == b"plain"


def test_a_key_file_with_a_passphrase_is_opened_by_who_knows_it(tmp_path: Path) -> None:
    from wrikebackup_age.age import files

    text = f"{ADA.secret()}\n".encode()
    file = tmp_path / "key.age"
    file.write_bytes(b"".join(map(bytes, files.encrypt([text], [ScryptRecipient("right", work=10)]))))
    data = stored(Encryption([ADA.recipient()]), b"plain")
    opened = decryption(Keys((str(file),), lambda _question: "right"))
    assert opened.decode(MemoryReader(data)).read() == b"plain"
    with pytest.raises(KeyRefused, match=r"key\.age.*passphrase"):
        decryption(Keys((str(file),), lambda _question: "wrong"))
    with pytest.raises(UsageError, match=r"key\.age.*passphrase"):
        decryption(Keys((str(file),)))


def test_a_key_file_that_others_can_read_is_warned_of(tmp_path: Path) -> None:
    told: list[str] = []
    decryption(Keys((str(key_file(tmp_path, ADA, mode=0o644)),), warn=told.append))
    assert len(told) == 1
    assert "chmod 600" in told[0]
    decryption(Keys((str(key_file(tmp_path, ADA)),), warn=told.append))
    assert len(told) == 1


def test_a_passphrase_is_asked_for_once_and_only_where_one_opens_the_file() -> None:
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return "right"

    transform = Encryption([ScryptRecipient("right", work=4)])
    data = stored(transform, b"plain")
    opened = decryption(Keys(ask=ask))
    assert [opened.decode(MemoryReader(data)).read() for _ in range(2)] == [b"plain"] * 2
    assert len(asked) == 1
    with pytest.raises(KeyRefused, match="there is no key"):
        decryption(Keys(ask=ask)).decode(MemoryReader(stored(Encryption([ADA.recipient()]), b"x"))).read()
    assert len(asked) == 1


def test_where_nobody_can_be_asked_it_is_said_what_to_do(tmp_path: Path) -> None:
    data = stored(Encryption([ScryptRecipient("correct horse", work=1)]), b"plain")
    with pytest.raises(KeyRefused, match="nobody is there to give it") as missing:
        decryption(Keys()).decode(MemoryReader(data)).read()
    file = tmp_path / "key.age"
    file.write_bytes(data)
    file.chmod(0o600)
    with pytest.raises(UsageError, match=r"key\.age: it is encrypted with a passphrase") as unasked:
        decryption(Keys((str(file),)))
    assert missing.value.hint == "give the profile that names it, or run this in a terminal"
    assert unasked.value.hint == "run this in a terminal, which asks for it"


def test_a_passphrase_of_the_profile_both_writes_and_reads() -> None:
    transform = encryption(EncryptOptions(passphrase="env:P"), Context(lambda _reference: "right"))
    assert transform.has_keys
    assert transform.decode(MemoryReader(stored(transform, b"plain"))).read() == b"plain"


def test_a_run_needs_no_key_file_that_the_profile_names_and_reading_says_what_it_lacks(tmp_path: Path) -> None:
    file = tmp_path / "key.txt"
    transform = encryption(EncryptOptions(recipients=(str(ADA.recipient()),), identity=(str(file),)), CONTEXT)
    data = stored(transform, b"plain")
    assert transform.has_keys
    with pytest.raises(UsageError, match=r"key\.txt: no such file"):
        transform.decode(MemoryReader(data))
    key_file(tmp_path, ADA)
    assert transform.decode(MemoryReader(data)).read() == b"plain"
    file.unlink()
    assert transform.decode(MemoryReader(data)).read() == b"plain"


def test_a_key_file_of_a_profile_with_a_passphrase_is_to_be_given_by_hand(tmp_path: Path) -> None:
    from wrikebackup_age.age import files

    file = tmp_path / "key.age"
    text = f"{ADA.secret()}\n".encode()
    file.write_bytes(b"".join(map(bytes, files.encrypt([text], [ScryptRecipient("right", work=10)]))))
    transform = encryption(EncryptOptions(recipients=(str(ADA.recipient()),), identity=(str(file),)), CONTEXT)
    data = stored(transform, b"plain")
    with pytest.raises(UsageError, match=r"key\.age has a passphrase") as caught:
        transform.decode(MemoryReader(data))
    assert caught.value.hint == f"give it with --identity {file}"


@pytest.mark.parametrize("secret", [ADA.secret(), X25519Identity.generate().secret()], ids=["hybrid", "classic"])
@pytest.mark.parametrize("form", ["{}", " {}", "./{}", "# created: 2026\n{}\n"])
def test_a_key_in_place_of_its_files_name_is_never_repeated(secret: str, form: str) -> None:
    given = form.format(secret)
    profile = EncryptOptions(recipients=(str(ADA.recipient()),), identity=(given,))
    recipients = EncryptOptions(recipient_files=(given,))
    for made in (
        lambda: decryption(Keys((given,))),
        lambda: encryption(profile, CONTEXT).decode(MemoryReader(b"")),
        lambda: encryption(recipients, CONTEXT),
    ):
        with pytest.raises(UsageError, match="this is a secret key, not the name of a file") as caught:
            made()
        said = f"{caught.value} {caught.value.hint}"
        assert not any(secret[start : start + 6] in said for start in range(17, len(secret)))


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero here")
def test_of_a_file_without_end_little_is_read() -> None:
    with pytest.raises(UsageError, match="too long for a file of keys"):
        decryption(Keys(("/dev/zero",)))
    with pytest.raises(UsageError, match="too long for a file of keys"):
        encryption(EncryptOptions(recipient_files=("/dev/zero",)), CONTEXT)


def test_names_that_no_file_can_have_are_told_of_in_one_line() -> None:
    from wrikebackup_age.key_files import located

    for name, words in (("~no-such-user/key", "no such home folder"), ("a\0b", "no name of a file")):
        with pytest.raises(UsageError, match=words):
            decryption(Keys((name,)))
        with pytest.raises(UsageError, match=words):
            encryption(EncryptOptions(recipient_files=(name,)), CONTEXT)
    with pytest.raises(UsageError, match="no such home folder"):
        located("~no-such-user/key", "cannot write")


def test_recipients_come_from_files_too(tmp_path: Path) -> None:
    file = tmp_path / "admins.txt"
    file.write_text(f"# second admin\n{BEN.recipient()}\n")
    transform = encryption(EncryptOptions(recipients=(str(ADA.recipient()),), recipient_files=(str(file),)), CONTEXT)
    data = stored(transform, b"plain")
    assert Encryption([], [BEN]).decode(MemoryReader(data)).read() == b"plain"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((ADA.secret(),), "secret key"),
        (("age1abc",), "not a recipient"),
        (("ssh-dss AAAA",), "SSH"),
        ((str(ADA.recipient()), str(X25519Identity.generate().recipient())), "must not be mixed"),
    ],
)
def test_recipients_that_cannot_be_used_are_one_clear_line_without_any_key(given: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        encryption(EncryptOptions(recipients=given), CONTEXT)
    assert "\n" not in str(caught.value)
    assert not any(ADA.secret()[start : start + 6] in str(caught.value) for start in range(17, 60))


@pytest.mark.parametrize("more", [{"recipients": ("age1x",)}, {"recipient_files": ("x",)}])
def test_a_passphrase_beside_recipients_is_refused_with_the_profile(more: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(ValueError, match="alone"):
        EncryptOptions(passphrase="env:P", **more)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="say to whom"):
        EncryptOptions()


def test_an_altered_byte_is_refused_on_the_way_out() -> None:
    data = bytearray(stored(Encryption([ADA.recipient()]), b"plain" * 50_000))
    data[-1] ^= 1
    with pytest.raises(FormatError):
        Encryption([], [ADA]).decode(MemoryReader(bytes(data))).read()


def test_the_manifest_knows_recipients_by_their_ends_and_no_comment() -> None:
    line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJb2GOdR4KJ4CrBvz3Y1v6a0wQY1eGSqsaiSgGOWIYN4 ada@example.com"
    described = encryption(EncryptOptions(recipients=(line,)), CONTEXT).describe()
    assert "ada@example.com" not in str(described)
    assert "GOWIYN4" in str(described)
    assert len(str(encryption(EncryptOptions(recipients=(str(ADA.recipient()),)), CONTEXT).describe())) < 200


def test_what_is_stored_is_opened_by_the_age_program(tmp_path: Path) -> None:
    identity = X25519Identity.generate()
    sink_file = tmp_path / "stored.age"
    sink_file.write_bytes(stored(Encryption([identity.recipient()]), b"plain" * 100_000))
    try:
        key = key_file(tmp_path, identity)
        done = subprocess.run(["age", "-d", "-i", str(key), str(sink_file)], capture_output=True, check=True)
    except FileNotFoundError:
        pytest.skip("the program age is not installed")
    assert done.stdout == b"plain" * 100_000
