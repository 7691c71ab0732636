"""`wrikebackup verify`: reads backups again, byte by byte, and says what is wrong with them."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

import click
import msgspec

from wrikebackup_core.cli.ending import Ended, worst
from wrikebackup_core.cli.progress import progress
from wrikebackup_core.cli.reading import Reading, keys, open_reading, with_keys
from wrikebackup_core.cli.session import Session, options
from wrikebackup_core.cli.shelves import Shelf, named, shelves
from wrikebackup_core.cli.signers import verifiers_of, with_signers
from wrikebackup_core.cli.terminal import Terminal
from wrikebackup_core.cli.words import clean, count, plural, size
from wrikebackup_core.errors import ExitCode, UsageError, WrikeBackupError

if TYPE_CHECKING:
    from wrikebackup_core.engine.findings import Report
    from wrikebackup_core.engine.lineage import Lineage
    from wrikebackup_core.engine.sampling import Sampling
    from wrikebackup_core.ports import Sink
    from wrikebackup_core.transforms import Verifier

__all__ = ["verify"]

_SEEDS = 1 << 32
_Held = list[tuple["Sink", Sequence[Shelf]]]


def _amount(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[float, bool] | None:
    """`5%` or `200`: the number, and whether it is a percentage."""
    if value is None:
        return None
    digits, percent = value.strip().removesuffix("%").rstrip(), value.strip().endswith("%")
    plain = digits.isascii() and digits.replace(".", "", int(percent)).isdigit()
    amount = float(digits) if plain else 0.0
    if amount <= 0 or (percent and amount > 100):
        raise click.BadParameter(f"{value!r} is no share from above 0% up to 100%, and no number of files from 1 on")
    return amount, percent


@click.command(short_help="Read a backup again and compare.")
@click.argument("place", metavar="PROFILE")
@click.argument("backup", required=False)
@click.option("--all", "all_", is_flag=True, help="Every backup, not only the newest.")
@click.option(
    "--sample",
    callback=_amount,
    metavar="5%|200",
    help="Read only some of the attachments, drawn at random: a share or a number of them.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Draw the same sample again that an earlier report names.")
@with_signers
@with_keys
@options
@click.pass_obj
def verify(
    session: Session,
    place: str,
    backup: str | None,
    *,
    all_: bool,
    sample: tuple[float, bool] | None,
    seed: int | None,
    signer: tuple[str, ...],
    identity: tuple[str, ...],
) -> None:
    """Check a backup in every sink of the profile: the newest, or BACKUP.

    Every byte is read and compared with its checksum, both zips are looked into and compared with each other, and every file
    that the JSON names has to be there. The account is not asked. The beginning of a backup's name will do. Ends with exit code 4 when something is damaged or
    missing, and with 3 when a sink has no backups at all while another has.

    PROFILE may also be a folder, or the address of a store, with backups in it.

    Where the profile names a key, encrypted backups are looked into as others are; with --identity every file is decrypted while it is read. With
    --signer a backup is refused that is not signed by one of these keys, or was altered, exchanged or set back since.

    With --sample everything is still listed, and the zips are read whole; of the attachments some are read, and of the others only
    presence and length are compared. For stores that bill what is read.
    """
    if all_ and backup is not None:
        raise UsageError("give a backup or --all, not both")
    sampling = _sampling(sample, seed)
    terminal, codes = session.terminal, list[ExitCode]()
    verifiers = verifiers_of(signer, session.plugins)
    results: list[dict[str, object] | None] = []
    with open_reading(session, place) as reading:
        looking = _Looking(reading, codes, verifiers, identity, sampling, every=all_)
        held = _held(reading.sinks, terminal, codes)
        for sink, _ in held:
            results += looking.set_back(sink)
        uid = None if backup is None else _named(held, backup, codes)
        chosen = [(sink, _chosen(found, uid, all_=all_)) for sink, found in held]
        if not any(picks for _, picks in chosen) and not codes:
            raise UsageError("there is nothing to verify: no backups in the profile's sinks yet", hint=_begun(held))
        for sink, picks in chosen:
            if not picks:
                results.append(_lacking(terminal, sink, uid, codes))
            shelves_ = {shelf.account: _Shelved(shelf) for shelf, _ in picks}
            results += [looking.verify(shelves_[shelf.account], one) for shelf, one in picks]
    if terminal.json:
        terminal.document([result for result in results if result is not None])
    raise Ended(worst(codes))


def _sampling(sample: tuple[float, bool] | None, seed: int | None) -> Sampling | None:
    from wrikebackup_core.engine.sampling import Sampling

    if sample is None:
        if seed is not None:
            raise UsageError("--seed belongs to --sample", hint="give the sample that the report is about, too")
        return None
    return Sampling(*sample, secrets.randbelow(_SEEDS) if seed is None else seed)


def _held(sinks: Iterable[Sink], terminal: Terminal, codes: list[ExitCode]) -> _Held:
    """What each sink holds. A sink that does not answer is told of, and the others are looked at."""
    held: _Held = []
    for sink in sinks:
        try:
            held.append((sink, list(shelves(sink))))
        except WrikeBackupError as error:
            terminal.fail(error.message, error.hint)
            codes.append(error.exit_code)
    return held


def _named(held: _Held, backup: str, codes: Sequence[ExitCode]) -> str:
    uids = [uid for _, found in held for shelf in found for uid in _uids(shelf)]
    try:
        return named(uids, backup)
    except UsageError:
        if codes:  # the sink that did not answer may have it
            raise Ended(worst(codes)) from None
        raise


def _chosen(held: Sequence[Shelf], uid: str | None, *, all_: bool) -> Sequence[tuple[Shelf, str]]:
    """The backups of one sink to look at."""
    if uid is not None:
        return [(shelf, uid) for shelf in held if uid in _uids(shelf)]
    return [(shelf, one.uid) for shelf in held for one in (shelf.backups if all_ else shelf.backups[-1:])]


def _uids(shelf: Shelf) -> Sequence[str]:
    return [*(one.uid for one in shelf.backups), *shelf.unfinished]


def _begun(held: _Held) -> str | None:
    """A hint at what is there and is no backup."""
    uids = [uid for _, found in held for shelf in found for uid in shelf.unfinished]
    return f"not finished, or without a manifest.json: {', '.join(uids[-3:])}" if uids else None


def _lacking(terminal: Terminal, sink: Sink, uid: str | None, codes: list[ExitCode]) -> dict[str, object]:
    terminal.warn(f"{sink.name} has no backup {uid}" if uid else f"{sink.name} has no backups: nothing to verify there")
    codes.append(ExitCode.DAMAGED if uid else ExitCode.PARTIAL)
    return {"sink": sink.name, "backup_uid": uid, "missing": True}


@dataclass(frozen=True)
class _Shelved:
    """One account in one sink, and how its backups hang together: found out when it is asked for, and once."""

    shelf: Shelf

    @cached_property
    def lineage(self) -> Lineage:
        from wrikebackup_core.engine.lineage import Lineage

        return Lineage(self.shelf.sink, self.shelf.account)


@dataclass(frozen=True)
class _Looking:
    """What is asked of each backup. `every`: all of them are looked at."""

    reading: Reading
    codes: list[ExitCode]
    verifiers: Sequence[Verifier]
    identity: Sequence[str]
    sampling: Sampling | None
    every: bool

    @property
    def _terminal(self) -> Terminal:
        return self.reading.session.terminal

    def verify(self, shelved: _Shelved, uid: str) -> dict[str, object] | None:
        from wrikebackup_core.engine.verify import Checks
        from wrikebackup_core.engine.verify import verify as look

        shelf, profile = shelved.shelf, self.reading.profile
        given = bool(keys(self.identity, self._terminal).files)
        opening = partial(self.reading.decoding_at_hand, identity=self.identity)
        checks = Checks(self.verifiers, opening, decode_all=given)  # one that a passphrase opens takes a second
        try:
            with progress(_without_events(self._terminal), profile.name if profile else shelf.sink.name) as notify:
                report = look(shelf.sink, shelf.account, uid, notify, self.sampling, checks=checks)
            return self._told(shelf, self._with_lineage(report, shelved))
        except WrikeBackupError as error:
            self._terminal.fail(error.message, error.hint)
            self.codes.append(error.exit_code)
            return None

    def _with_lineage(self, report: Report, shelved: _Shelved) -> Report:
        """With the newest one alone, how all of them hang together is told; else of each only its own part."""
        shelf, lineage = shelved.shelf, shelved.lineage
        newest = bool(shelf.backups) and report.backup_uid == shelf.backups[-1].uid
        others = [sink for sink in self.reading.sinks if sink is not shelf.sink]
        uid = None if newest and not self.every else report.backup_uid
        found = lineage.findings(uid, self.verifiers, others)
        for one in () if self.verifiers else lineage.doubtful(uid, others):
            self._terminal.warn(
                f"{shelf.sink.name}: {one.key}: {one.detail}, or copied from another sink; --signer tells"
            )
        if newest and self.verifiers and (gone := sorted({uid for uid, _ in lineage.gone()})):
            named = ", ".join(map(clean, gone[-3:])) + (f" and {count(len(gone) - 3)} more" if gone[3:] else "")
            text = f"{shelf.sink.name}: named by later backups, and not here: {named} (pruned, deleted, or never copied here)"
            self._terminal.say(text)
        return replace(report, findings=tuple(sorted({*report.findings, *found}, key=lambda one: (one.key, one.what))))

    def set_back(self, sink: Sink) -> Iterator[dict[str, object]]:
        """Whether what this host has stored last is still there: a finding where signatures are asked for, else a warning."""
        from wrikebackup_core.engine.findings import Finding, Report
        from wrikebackup_core.engine.remembered import recall, rolled_back
        from wrikebackup_core.format import layout

        if self.reading.profile is None:
            return
        for newest in recall(self.reading.profile.state, sink.name):
            if (why := rolled_back(sink, newest)) is None:
                continue
            if not self.verifiers:
                self._terminal.warn(f"{sink.name}: {why}")
                continue
            finding = Finding(layout.manifest_key(newest.account, newest.backup_uid), "rolled back", why)
            yield self._told(Shelf(sink, newest.account, (), ()), Report(newest.backup_uid, 0, 0, (finding,)))

    def _told(self, shelf: Shelf, report: Report) -> dict[str, object]:
        self.codes.append(report.exit_code)
        if not self._terminal.json and (report.findings or not self._terminal.quiet):
            _print(self._terminal, shelf, report)
        return {"sink": shelf.sink.name, "account": shelf.account, **msgspec.to_builtins(report)}


def _without_events(terminal: Terminal) -> Terminal:
    """With --json the result is one document, and events would be others."""
    return Terminal(quiet=True) if terminal.json else terminal


def _print(terminal: Terminal, shelf: Shelf, report: Report) -> None:
    from rich.padding import Padding
    from rich.text import Text

    number = len(report.findings)
    sample, partly, whole = report.sample, "", "whole"
    if sample is not None and sample.read < sample.of:  # what was not read is not known to be whole
        partly, whole = f" in a sample of {count(sample.read)} of {plural(sample.of, 'file')}", "no damage found"
    head = Text.assemble(
        (clean(report.backup_uid), "bold"),
        f" in {clean(shelf.sink.name)}: ",
        (whole, "bold green") if not number else (plural(number, "finding"), "bold red"),
        partly,
        f" (seed {sample.seed})" if sample is not None and partly else "",
        f", signed by {clean(report.signed_by)}" if report.signed_by else "",
        f"; {plural(report.objects, 'object')}, {size(report.bytes)} read",
    )
    terminal.show(head)
    for finding in report.findings:
        text = Text.assemble((finding.what, "red"), f"  {clean(finding.key)}\n", (clean(finding.detail), "dim"))
        terminal.show(Padding(text, (0, 0, 0, 2)))
