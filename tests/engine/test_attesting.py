"""How a backup's parts hold together, and the backups of a sink: nothing can be exchanged unnoticed."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator

import pytest

from tests.engine.test_backup import Shout, folder, manifest, run
from wrikebackup_core import Artifact, PluginError, Transform
from wrikebackup_core.engine.job import Job
from wrikebackup_core.testing import MemorySink

MakeJob = Callable[..., Job]


class Vouching(Transform):
    """Stores a hash beside each of the two files."""

    kind = "vouch"

    def attest(self, name: str, content: Callable[[], Iterator[bytes]]) -> Iterator[Artifact]:
        def said() -> Iterator[bytes]:
            yield hashlib.sha512(b"".join(content())).hexdigest().encode()

        yield Artifact(f"{name}.sha512", said)


class Hiding(Shout):
    hides_names = True


def test_the_manifest_says_which_checksums_are_its_own(make_job: MakeJob) -> None:
    sink = MemorySink()
    outcome = run(make_job(sink))
    sums = sink.objects[f"{folder(outcome)}/SHA256SUMS"]
    assert manifest(sink, outcome)["sha256sums"] == hashlib.sha256(sums).hexdigest()


def test_each_manifest_names_the_one_before_it_and_the_first_names_none(make_job: MakeJob) -> None:
    sink = MemorySink()
    outcomes = [run(make_job(sink)) for _ in range(3)]
    assert manifest(sink, outcomes[0])["previous"] is None
    for before, after in itertools.pairwise(outcomes):
        data = sink.objects[f"{folder(before)}/manifest.json"]
        assert manifest(sink, after)["previous"] == {
            "backupUID": before.backup_uid,
            "manifest": hashlib.sha256(data).hexdigest(),
        }


def test_what_vouches_for_manifest_and_checksums_lies_beside_them_before_the_manifest_is_there(
    make_job: MakeJob,
) -> None:
    sink, order = MemorySink(), list[str]()
    sink.before = lambda operation, key: order.append(key.rpartition("/")[2]) if operation == "commit" else None
    outcome = run(make_job(sink, transforms=[Vouching()]))
    for name in ("SHA256SUMS", "manifest.json"):
        content, said = (sink.objects[f"{folder(outcome)}/{name}{tail}"] for tail in ("", ".sha512"))
        assert said.decode() == hashlib.sha512(content).hexdigest()
    assert order[-3:] == ["SHA256SUMS.sha512", "manifest.json.sha512", "manifest.json"]
    files = manifest(sink, outcome)["files"]
    assert files["attestations"] == ["SHA256SUMS.sha512", "manifest.json.sha512"]  # type: ignore[index]


def test_what_vouches_may_not_take_another_name(make_job: MakeJob) -> None:
    class Wrong(Transform):
        kind = "wrong"

        def attest(self, name: str, content: Callable[[], Iterator[bytes]]) -> Iterator[Artifact]:
            yield Artifact("../manifest.json", content)

    with pytest.raises(PluginError, match=r"'\.\./manifest\.json'"):
        run(make_job(MemorySink(), transforms=[Wrong()]))


@pytest.mark.parametrize("name", ["manifest.json.sha512", "SHA256SUMS.sha512"])
def test_what_a_transform_adds_may_not_take_the_place_of_what_vouches(make_job: MakeJob, name: str) -> None:
    class Adding(Transform):
        kind = "adding"

        def add(self, run: object) -> Iterator[Artifact]:
            yield Artifact(name, lambda: iter([b"x"]))

    with pytest.raises(PluginError, match=f"the reserved name '{name}'"):
        run(make_job(MemorySink(), transforms=[Adding()]))


def test_two_transforms_may_not_vouch_under_one_name(make_job: MakeJob) -> None:
    with pytest.raises(PluginError, match=r"'SHA256SUMS\.sha512', as another does"):
        run(make_job(MemorySink(), transforms=[Vouching(), Vouching()]))


def test_where_names_are_hidden_neither_keys_nor_the_manifest_tell_any(source, make_job: MakeJob) -> None:
    sink = MemorySink()
    outcome = run(make_job(sink, transforms=[Hiding()]))
    names = {key.rpartition("/")[2] for key in sink.objects if "/attachments/" in key}
    assert names == {f"IEAAAEDYIYAAAAA{letter}.loud" for letter in "BCD"}
    account = manifest(sink, outcome)["account"]
    assert account == {"id": "IEAAAEDY", "name": ""}
    source.asked.clear()
    assert run(make_job(sink, transforms=[Hiding()])).attachments_new == 0
