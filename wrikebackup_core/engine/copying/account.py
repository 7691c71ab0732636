"""The backups of one account on their way, the oldest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from wrikebackup_core.engine.copying.catalog import Catalog
from wrikebackup_core.engine.copying.finishing import finish
from wrikebackup_core.engine.copying.job import CopyJob, Planned, Results
from wrikebackup_core.engine.copying.objects import STAGE, Objects
from wrikebackup_core.engine.copying.originals import Original, Unusable, originals
from wrikebackup_core.engine.copying.targets import Crew, Target
from wrikebackup_core.engine.copying.wrikes import WrikesOwn
from wrikebackup_core.engine.findings import Finding
from wrikebackup_core.engine.threads import each
from wrikebackup_core.errors import FormatError, KeyNotFound, SinkError
from wrikebackup_core.format import layout
from wrikebackup_core.model import Message, StageFinished, StageStarted
from wrikebackup_core.plurals import plural

__all__ = ["AccountCopy"]

LOOK = "look"
_NOT_WHOLE = "it would not be whole"
_TOOLS = "Wrike's tool has put it there itself, or it is a copy of the tool's folder; copy to another place"
_OTHER = "there is a different backup under this uid, or one with a damaged manifest"


class AccountCopy:
    """One account. With `write` false nothing is changed anywhere, and what would be done is noted."""

    def __init__(
        self, job: CopyJob, account: str, catalog: Catalog, crew: Crew, results: Results, *, write: bool
    ) -> None:
        self._job, self._account, self._catalog, self._crew = job, account, catalog, crew
        self._results, self._notify, self._write = results, crew.notify, write
        self._objects = Objects(job.source, catalog, crew, job.transfers)

    def run(self, chosen: Callable[[str], bool]) -> None:
        """All backups whose names are `chosen`. Raises SinkError for the source, NothingLeft."""
        self._look()
        foreign = False
        for original in originals(self._job.source, self._account, self._catalog, chosen, self._notify):
            self._results.found += 1
            self._crew.demand()
            if isinstance(original, Unusable):
                self._crew.begin(original.uid, [one for one in self._crew.live if original.uid not in one.committed])
                self._give_up(original.finding)
            else:
                if isinstance(original, WrikesOwn) and not foreign:
                    self._tell_transforms()
                    foreign = True
                self._one(original)
        if self._write:
            self._settle()
        if foreign and not self._results.flaws and not self._job.backups:
            self._tell_unnamed()

    def _look(self) -> None:
        """What each target holds."""

        def look(target: Target) -> None:
            with self._crew.guarded(target):
                target.look(self._catalog, self._notify, write=self._write)

        live = self._crew.live
        self._notify(StageStarted(LOOK))
        each(live, look, threads=len(live), name=LOOK)
        self._crew.demand()
        names = ", ".join(f"{len(target.committed):,} in {target.sink.name}" for target in self._crew.live)
        self._notify(StageFinished(LOOK, f"account {self._account}, backups there: {names}"))

    def _settle(self) -> None:
        """A copy may have been killed between a manifest and the barrier behind it."""
        for target in self._crew.live:
            if target.there:
                with self._crew.guarded(target):
                    target.sink.sync(target.there)

    def _one(self, original: Original) -> None:
        live = [target for target in self._crew.live if not self._is_where_it_comes_from(target, original)]
        lacking = [target for target in live if self._lacks(target, original)]
        self._crew.begin(original.uid, lacking)
        if not lacking:
            return
        folder = layout.backup_folder(self._account, original.uid)
        try:
            self._catalog.want(original.objects(), folder, [target.number for target in lacking])
        except (FormatError, SinkError) as error:
            self._give_up(_finding(folder, error))
            return
        if self._write:
            self._bring(original)
        else:
            self._objects.foresee()
            self._results.planned += self._plans(original, self._crew.waiting())

    def _is_where_it_comes_from(self, target: Target, original: Original) -> bool:
        """A place may have two names: what Wrike's tool left there would be put there once more."""
        if not isinstance(original, WrikesOwn) or self._catalog.held(target.number, original.zip) is None:
            return False
        self._refuse(target, original.uid, _TOOLS)
        if not self._write:
            what = f"not to be copied: {_TOOLS}"
            self._results.planned.append(Planned(target.sink.name, self._account, original.uid, what))
        return True

    def _lacks(self, target: Target, original: Original) -> bool:
        """Whether there is anything to do for a backup in a target."""
        uid = original.uid
        if uid not in target.committed:
            return True
        with self._crew.guarded(target):
            there = target.store.manifest_bytes(uid)
            archive = self._catalog.held(target.number, layout.archive_key(self._account, uid))
            same = original.is_in(there, archive)
            if same and (uid in target.incomplete or self._unattested(target, original, there)):
                return True
            if same:
                target.received.skipped.append(uid)
                target.there.append(layout.manifest_key(self._account, uid))
            else:
                self._refuse(target, uid, _OTHER)
                self._notify(Message(f"{target.sink.name}: {uid} is not copied: {_OTHER}", warning=True))
            if not self._write:
                what = "there already" if same else _OTHER
                self._results.planned.append(Planned(target.sink.name, self._account, uid, what))
        return False

    def _unattested(self, target: Target, original: Original, manifest: bytes) -> bool:
        """Whether the target has lost what vouches for a backup. For a manifest of its own the source has nothing that could."""
        lost = any(self._catalog.held(target.number, key) is None for key in original.attestations)
        return lost and manifest == original.manifest()

    def _refuse(self, target: Target, uid: str, why: str) -> None:
        target.received.refused[uid] = why

    def _bring(self, original: Original) -> None:
        before = self._stored()
        self._notify(StageStarted(STAGE, *self._catalog.total()))
        self._objects.bring()
        places = [target.sink.name for target in self._crew.waiting() if self._finished(original, target)]
        if original.gaps and places:
            self._results.gaps[original.uid] = original.gaps
        ended = f"whole in {', '.join(places)}" if places else "not committed"
        self._notify(
            StageFinished(STAGE, f"{original.uid}: {plural(self._stored() - before, 'object')} stored; {ended}")
        )

    def _stored(self) -> int:
        return sum(one.files for one in self._results.received)

    def _finished(self, original: Original, target: Target) -> bool:
        """Whether the target has the backup now."""
        uid, there = original.uid, original.uid in target.committed
        self._look_at_sums(original, target)
        if not target.spoiled:
            with self._crew.guarded(target):
                try:
                    finish(original, target, self._catalog, self._account)
                except Unusable as error:
                    self._crew.spoil([target], error.finding)
        if target.spoiled:
            self._refuse(target, uid, _why_not(target))
        elif target.live:
            (target.received.filled if there else target.received.copied).append(uid)
        return target.live and not target.spoiled

    def _plans(self, original: Original, lacking: Sequence[Target]) -> Iterator[Planned]:
        for target in lacking:
            self._look_at_sums(original, target)
            if target.spoiled:
                self._refuse(target, original.uid, _NOT_WHOLE)
                yield Planned(target.sink.name, self._account, original.uid, f"not to be copied: {_NOT_WHOLE}")
                continue
            files, size, found = self._catalog.planned(target.number)
            what = "to be filled in" if original.uid in target.committed else "to be copied"
            yield Planned(target.sink.name, self._account, original.uid, what, files, size, found)
            self._catalog.suppose(target.number)
            if original.gaps:
                self._results.gaps[original.uid] = original.gaps

    def _look_at_sums(self, original: Original, target: Target) -> None:
        """What a backup in the target has lost cannot be told where its checksums are damaged."""
        if not target.spoiled and original.uid in target.broken:
            key = layout.sums_key(self._account, original.uid)
            self._crew.spoil([target], Finding(key, "damaged", target.broken[original.uid]), target.sink.name)

    def _give_up(self, finding: Finding) -> None:
        """The source's backup cannot be copied at all."""
        uid, lacking = self._crew.uid, self._crew.lacking
        self._crew.spoil(lacking, finding)
        for target in lacking:
            self._refuse(target, uid, _NOT_WHOLE)
        self._notify(Message(f"{uid} is not copied: {finding.key}: {finding.detail}", warning=True))

    def _tell_transforms(self) -> None:
        """Whoever has encryption in the profile should know that these backups come without."""
        if self._job.transforms:
            kinds = ", ".join(self._job.transforms)
            text = f"backups of Wrike's tool are copied as they are; the profile's transforms are not applied: {kinds}"
            self._notify(Message(text, warning=True))

    def _tell_unnamed(self) -> None:
        """Wrike's tool may keep files that only earlier backups named: whoever deletes the folder should know."""
        count = self._catalog.unnamed(layout.attachments_folder(self._account))
        if count:
            text = f"named by no backup, and not copied: {plural(count, 'file')} in attachments/"
            self._notify(Message(f"{self._job.source.name}: {text}", warning=True))


def _finding(folder: str, error: FormatError | SinkError) -> Finding:
    """What is wrong with a backup whose contents cannot be made out. A FormatError's message begins with the key."""
    key, colon, detail = error.message.partition(": ")
    if isinstance(error, KeyNotFound):
        return Finding(f"{folder}/SHA256SUMS", "missing", "nothing says what the backup's bytes should be")
    if isinstance(error, FormatError) and colon:
        return Finding(key, "damaged", detail)
    return Finding(f"{folder}/SHA256SUMS", "unreadable", error.message)


def _why_not(target: Target) -> str:
    if not target.unfit:
        return _NOT_WHOLE
    key, said = min(target.unfit)
    more = f", nor of {len(target.unfit) - 1:,} more" if len(target.unfit) > 1 else ""
    return f"the store cannot hold an object of the name {key}{more}: {said}"
