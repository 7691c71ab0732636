"""One run's completeness: the witness that there is, the comparison, and what it comes to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from wrikebackup_core.engine.attempt import Attempt
from wrikebackup_core.engine.coverage.asking import look_up
from wrikebackup_core.engine.coverage.differences import Differences, Moments
from wrikebackup_core.engine.coverage.listing import RECOUNTED, recount
from wrikebackup_core.engine.coverage.report import Naming
from wrikebackup_core.engine.coverage.spaces import mark_missing, place, take_spaces
from wrikebackup_core.engine.coverage.told import BI_EXPORT, LISTING, Told
from wrikebackup_core.format.coverage import FILE, LISTED_IDS, Coverage, Report, encode_report
from wrikebackup_core.model import CoverageMode, Gap, Kind, Message, StageFinished, StageStarted
from wrikebackup_core.plurals import plural
from wrikebackup_core.ports import Run
from wrikebackup_core.transforms import Artifact, Transform
from wrikebackup_core.witnesses import Part

__all__ = ["Covered", "Covering", "cover"]

STAGE = "coverage"
_PARTS = {
    Kind.TASKS: Part.ITEMS,
    Kind.FOLDERS: Part.ITEMS,
    Kind.CONTACTS: Part.PEOPLE,
    Kind.ATTACHMENTS: Part.FILES,
    Kind.TIMELOGS: Part.TIMELOGS,
}
_WHY = {
    BI_EXPORT: "the BI export has it, no list of the API does, and it cannot be looked up",
    LISTING: "a second listing has it and the first does not, and it cannot be read by its id",
}


@dataclass(frozen=True, slots=True)
class Covered:
    """What a comparison came to: counts, and the content of `coverage.json`."""

    coverage: Coverage
    content: bytes


class Covering(Transform):
    """Adds `coverage.json` to the backup, as any file that a transform adds is added."""

    kind = STAGE

    def __init__(self, covered: Covered | None) -> None:
        self._covered = covered

    def add(self, run: Run) -> Iterator[Artifact | Gap]:
        if self._covered is not None:
            content = self._covered.content
            yield Artifact(FILE, lambda: iter([content]), hashlib.sha256(content).hexdigest())


def cover(attempt: Attempt) -> Covered | None:
    """Compares what was crawled with a second witness, as the profile says. None where there is none."""
    mode, told = attempt.job.coverage, Told(attempt.spool)
    if mode is CoverageMode.NONE:
        return None
    facts = told.facts()
    if facts is not None and facts.whole and mode is not CoverageMode.LISTING:
        return _Comparison(attempt, told, BI_EXPORT).made()
    if mode is CoverageMode.EXPORT:
        text = "there is no BI export to compare the backup with: whether it is whole is not known from a second side"
        attempt.notify(Message(text, warning=True))
        return None
    kinds = recount(attempt, told)
    return _Comparison(attempt, told, LISTING, kinds).made() if kinds else None


class _Comparison:
    def __init__(self, attempt: Attempt, told: Told, witness: str, listed: list[Kind] | None = None) -> None:
        self._attempt, self._told, self._witness = attempt, told, witness
        self._facts = told.facts() if witness == BI_EXPORT else None
        refused = {gap.kind for gap in attempt.spool.gaps() if gap.id is None}
        crawled = {kind for wave in attempt.job.source.waves() for kind in wave} - attempt.job.skip
        whole = set() if self._facts is None else {*self._facts.whole}
        wanted = [kind for kind in RECOUNTED if kind in crawled and kind not in refused]
        self._kinds = [kind for kind in wanted if (kind in listed if listed is not None else _PARTS[kind] in whole)]
        self._left_out = [kind.value for kind in RECOUNTED if kind in crawled and kind not in self._kinds]

    def made(self) -> Covered:
        self._attempt.notify(StageStarted(STAGE))
        differences = self._compare()
        if look_up(self._attempt, self._told, differences):
            differences = self._compare()
        mark_missing(differences.db)
        if self._witness == LISTING:
            differences.refused_is_missing()
        covered = self._report(differences)
        self._attempt.notify(
            StageFinished(STAGE, f"compared with the {self._witness} of {plural(len(self._kinds), 'kind')}")
        )
        return covered

    def _compare(self) -> Differences:
        started = int(self._attempt.run.started.timestamp())
        facts = self._facts
        heard = started if facts is None or facts.completed is None else int(facts.completed.timestamp())
        differences = Differences(self._attempt.spool, Moments(started, heard))
        if facts is None:
            take_spaces(differences.db)
            for kind in self._kinds:
                differences.listed(kind)
            return differences
        items = [kind for kind in self._kinds if _PARTS[kind] is Part.ITEMS]
        if items:
            differences.items(items, facts.unfit.get(Part.ITEMS, 0))
        take_spaces(differences.db)
        for kind in self._kinds:
            part = _PARTS[kind]
            if part is Part.FILES:
                differences.files(facts.unfit.get(part, 0))
            elif part is not Part.ITEMS:
                differences.numbered(kind, part, facts.unfit.get(part, 0))
        place(differences.db)
        return differences

    def _report(self, differences: Differences) -> Covered:
        naming, run, facts = Naming(differences), self._attempt.run, self._facts
        self._miss(differences, naming)
        all_groups, groups = naming.groups()
        coverage = Coverage(
            witness=self._witness,
            heard=run.started if facts is None else facts.completed,
            kinds=differences.final_counts(),
            hidden_spaces=naming.hidden_spaces(),
            not_compared=tuple(self._left_out),
        )
        report = Report(
            backup_uid=run.backup_uid,
            account=run.account.id,
            edition="" if facts is None else facts.edition,
            counts=coverage,
            all_groups=all_groups,
            groups=groups,
            differences={kind: naming.differences(kind) for kind in coverage.kinds},
        )
        return Covered(coverage, encode_report(report))

    def _miss(self, differences: Differences, naming: Naming) -> None:
        """What is missing is a gap. Those of an attempt that was killed are told anew, if they are still so."""
        why = _WHY[self._witness]
        for gap in self._attempt.spool.gaps():
            if gap.reason in _WHY.values() and gap.id is not None:
                self._attempt.spool.drop_gaps(gap.kind, [gap.id])
        for kind in differences.counts:
            count, names = naming.missing(kind)
            for name in names:
                self._attempt.miss(Gap(kind, name, why))
            if count > len(names):
                self._attempt.miss(Gap(kind, f"{count - LISTED_IDS:,} more", why))
