"""What hangs on folders and tasks: comments, files, time logs, dependencies, approvals; by index, computed both ways."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from wrikebackup_mock import ids
from wrikebackup_mock.chance import DAY, Dice, Share, Spread, Timeline
from wrikebackup_mock.ids import Ids
from wrikebackup_mock.series import Group, Series
from wrikebackup_mock.shape import Shape
from wrikebackup_mock.tree import Tree

_EVERY = 25
"""One file in 25 has three older versions, another one older version, others get one from a generation."""

_OLD = (("old 1", 0, 1, 3), ("old 2", 0, 2, 2), ("old 3", 0, 3, 1), ("old", 3, 1, 1))
"""Groups of older versions: name, which file of the 25, version, how many tenths of all time before the newest."""


class Owned:
    """A series whose things belong to folders, tasks or comments."""

    def __init__(self, series: Series, spreads: list[Spread | None]) -> None:
        self.series = series
        self._spreads = spreads
        self.gone: set[int] = set()
        """What a generation has deleted."""

    def owner(self, index: int) -> tuple[str, int]:
        """`folder`, `task` or `comment`, and its index."""
        which = self.series.groups.index(self.series.place(index)[0])
        spread = self._spreads[which]
        assert spread is not None
        return spread.owner(index - self.series.starts[which])

    def of(self, target: str, owner: int) -> Iterator[int]:
        """What the folder, task or comment has itself."""
        for start, spread in zip(self.series.starts, self._spreads, strict=True):
            if spread is not None:
                for local in spread.things(target, owner):
                    if start + local not in self.gone:
                        yield start + local


class File(NamedTuple):
    """What there is to know of an attachment: its chain of versions, and the newest of them."""

    version: int
    first: int
    newest: int
    external: bool


class Belongings:
    def __init__(self, make: Ids, shape: Shape, tree: Tree) -> None:
        self._shape, self._make, self._tree = shape, make, tree
        self._salt = Dice(shape.seed).roll("spread", 0)
        count = shape.comments
        self.comments = self._owned(
            ids.COMMENT,
            (100_000_000, 30_000_000_000),
            count,
            [("folder", 1), ("task", 7)],
            max(8, count // 50) if count else 0,
        )
        self.timelogs = self._owned(
            ids.TIMELOG, (10_000_000, 30_000_000_000), shape.timelogs, [("task", 1)], 4 if shape.timelogs else 0
        )
        self.attachments = self._files()
        approvals = Timeline(shape.start, shape.end(0), shape.approvals)
        group = Group("live", shape.approvals, approvals.at, shape.approvals)
        self.approvals = Series(make, ids.APPROVAL, 0, (60_000_000, 30_000_000_000), [group])
        self._delete()

    def _owned(
        self, letter: str, numbers: tuple[int, int], count: int, parts: list[tuple[str, int]], binned: int
    ) -> Owned:
        shape = self._shape
        start, end = shape.start, shape.end(0)
        groups = [
            Group("live", count, Timeline(start, end, count).at, count),
            Group("bin", binned, Timeline(start, end, binned).at, binned, trashed=True),
        ]
        spreads = [self._spread(count, parts, "live"), self._spread(binned, parts, "bin")]
        for number in range(1, shape.generation + 1):
            extra = shape.added(count)
            line = Timeline(shape.end(number - 1), shape.end(number), extra)
            groups.append(Group(f"added {number}", extra, line.at, extra, generation=number))
            spreads.append(self._added(extra, number))
        return Owned(Series(self._make, letter, 0, numbers, groups), list(spreads))

    def _spread(self, count: int, parts: list[tuple[str, int]], group: str) -> Spread:
        """Deals `count` things of a group to the folders, tasks and comments of the same group; `parts` are weights."""
        whole = sum(weight for _, weight in parts)
        shares = []
        left = count
        for position, (target, weight) in enumerate(parts):
            part = left if position == len(parts) - 1 else count * weight // whole
            left -= part
            series = {"folder": self._tree.folders, "task": self._tree.tasks}.get(target) or self.comments.series
            owners = next(each.count for each in series.groups if each.name == group)
            shares.append(Share(target, part, series.start(group), owners))
        return Spread(shares, self._salt)

    def _added(self, count: int, number: int) -> Spread:
        tasks = self._tree.tasks
        name = f"added {number}"
        new = Share("task", count // 2, tasks.start(name), self._shape.added(self._shape.tasks))
        return Spread([new, Share("task", count - count // 2, 0, self._shape.tasks)], self._salt + number)

    # Files

    def _files(self) -> Owned:
        shape = self._shape
        count, start, end = shape.attachments, shape.start, shape.end(0)
        line = Timeline(start, end, count)
        chains = (count - 4) // _EVERY + 1 if count >= 4 else 0
        parts = [("comment", 2), ("folder", 1), ("task", 7)] if shape.comments else [("folder", 1), ("task", 9)]
        binned = max(6, count // 50) if count else 0
        old = count * 5 // 6 if shape.modern_attachments else count
        groups = [
            Group("live", count, line.at, old),
            Group("external", shape.external, Timeline(start, end, shape.external).at, shape.external),
            Group("bin", binned, Timeline(start, end, binned).at, binned, trashed=True),
        ]
        linked = Share("task", shape.external, 0, shape.tasks)
        spreads: list[Spread | None] = [
            self._spread(count, parts, "live"),
            Spread([linked], self._salt),
            self._spread(binned, parts, "bin"),
        ]
        for name, which, _, tenths in _OLD:

            def at(index: int, which: int = which, tenths: int = tenths) -> int:
                return max(start, line.at(index * _EVERY + which) - tenths * 30 * DAY)

            groups.append(Group(name, chains, at, chains))
            spreads.append(None)
        for number in range(1, shape.generation + 1):
            extra = shape.added(count)
            versions = self._new_versions(number)
            for name, size in ((f"added {number}", extra), (f"version {number}", versions)):
                added = Timeline(shape.end(number - 1), shape.end(number), size)
                groups.append(Group(name, size, added.at, size, generation=number))
            spreads += [self._added(extra, number), None]
        series = Series(self._make, ids.ATTACHMENT, ids.MODERN_ATTACHMENT, (500_000_000, 60_000_000_000), groups)
        return Owned(series, spreads)

    def _new_versions(self, generation: int) -> int:
        """How many files get a new version in a generation: the first ones that are 6 + generation after a multiple of 25."""
        count = self._shape.attachments
        possible = (count - 7 - generation) // _EVERY + 1 if count > 6 + generation else 0
        return min(possible, self._shape.added(count))

    def chain(self, index: int) -> tuple[int, int]:
        """The live file that an attachment is a version of (itself for all others), and its version."""
        group, local = self.attachments.series.place(index)
        for name, which, version, _ in _OLD:
            if group.name == name:
                return local * _EVERY + which, version
        if group.name.startswith("version "):
            return local * _EVERY + 6 + group.generation, 2
        if group.name == "live" and local % _EVERY in (0, 3):
            chains = (group.count - 4) // _EVERY + 1 if group.count >= 4 else 0
            return index, 1 if local // _EVERY >= chains else 4 if local % _EVERY == 0 else 2
        return index, 1

    def file(self, index: int) -> File:
        series = self.attachments.series
        chain, version = self.chain(index)
        external = series.place(index)[0].name == "external"
        first = newest = chain
        if chain < self._shape.attachments:
            block, which = divmod(chain, _EVERY)
            of_chain = self.chain(chain)[1]
            if of_chain > 1:
                first = series.start("old 1" if which == 0 else "old") + block
            elif 1 <= which - 6 <= self._shape.generation and block < self._new_versions(which - 6):
                newest = series.start(f"version {which - 6}") + block
        return File(version, first, newest, external)

    def versions(self, index: int) -> list[int]:
        """All versions of the file that an attachment belongs to, oldest first."""
        chain, _ = self.chain(index)
        file = self.file(chain)
        series = self.attachments.series
        if file.first == chain:
            return [chain] if file.newest == chain else [chain, file.newest]
        if chain % _EVERY == 3:
            return [file.first, chain]
        return [series.start(f"old {version}") + chain // _EVERY for version in (1, 2, 3)] + [chain]

    def file_owner(self, index: int) -> tuple[str, int]:
        """`folder`, `task` or `comment` that an attachment is on, and its index."""
        return self.attachments.owner(self.chain(index)[0])

    def files_on(self, target: str, owner: int) -> Iterator[int]:
        """The newest versions of the files on a folder or task, those on its comments with them."""
        for chain in self.attachments.of(target, owner):
            yield self.file(chain).newest
        if target != "comment":
            for comment in self.comments.of(target, owner):
                yield from self.files_on("comment", comment)

    def _delete(self) -> None:
        """Each generation deletes one comment and one file that nothing else hangs on."""
        for number in range(1, self._shape.generation + 1):
            for index in range(number * 3, self._shape.comments):
                if index not in self.comments.gone and not any(True for _ in self.attachments.of("comment", index)):
                    self.comments.gone.add(index)
                    break
            for index in range(self._shape.attachments - 1, 30, -1):
                if index not in self.attachments.gone and self._is_plain(index):
                    self.attachments.gone.add(index)
                    break

    def _is_plain(self, index: int) -> bool:
        return index % _EVERY not in (0, 3) and not 6 < index % _EVERY <= 18

    # Dependencies and approvals

    def dependency(self, index: int) -> tuple[int, int]:
        """Predecessor and successor of a dependency, as indices of tasks."""
        return index * 5, index * 5 + 3

    def dependencies_of(self, task: int) -> list[int]:
        """A task with an index that is 0 or 3 after a multiple of five has one."""
        index, rest = divmod(task, 5)
        return [index] if rest in (0, 3) and index < self._shape.dependencies else []

    def dependency_id(self, index: int) -> str:
        tasks = self._tree.tasks
        before, after = self.dependency(index)
        modern = tasks.is_modern(before) or tasks.is_modern(after)
        return self._make.dependency(tasks.number(before), tasks.number(after), modern=modern)

    def find_dependency(self, text: str) -> int | None:
        parsed = self._make.parse(text)
        if parsed is None or parsed.letter != ids.DEPENDENCY:
            return None
        task = self._tree.tasks.index(parsed.number)
        found = self.dependencies_of(task) if task is not None else []
        return found[0] if found and self.dependency_id(found[0]) == text else None

    def approval_task(self, index: int) -> int:
        return index * 97 % self._shape.tasks
