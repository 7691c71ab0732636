"""Which folder and task stands where: parents and children by index, computed both ways."""

from __future__ import annotations

from collections.abc import Iterator

from wrikebackup_mock import ids
from wrikebackup_mock.chance import Dice, Share, Spread, Timeline
from wrikebackup_mock.ids import BIN, ROOT, Ids
from wrikebackup_mock.series import Group, Series
from wrikebackup_mock.shape import Shape

_FAN = 6
_BIN_FAN = 3
_BLOCK = 20
_TOPS = 10
_SUPERS = {10: (0,), 11: (10,), 12: (11,), 13: (12,), 14: (13,), 15: (14,), 16: (1,), 17: (1,), 18: (2,), 19: (2, 3)}
"""A block of 20 tasks: ten on top, then a chain of subtasks six deep, some shallow ones, and one with two super tasks."""
_SUBS = {upper: tuple(sub for sub, supers in _SUPERS.items() if upper in supers) for upper in range(_BLOCK)}


class Tree:
    """The folders (the first are the spaces) and tasks of an account, by index; ROOT and BIN stand for the virtual folders."""

    def __init__(self, make: Ids, shape: Shape) -> None:
        self._shape = shape
        start, end = shape.start, shape.end(0)

        def groups(count: int, binned: int, extra: int) -> list[Group]:
            listed = [
                Group("live", count, Timeline(start, end, count).at, count * 5 // 6),
                Group("bin", binned, Timeline(start, end, binned).at, binned // 2, trashed=True),
            ]
            for number in range(1, shape.generation + 1):
                line = Timeline(shape.end(number - 1), shape.end(number), extra)
                listed.append(Group(f"added {number}", extra, line.at, 0, generation=number))
            return listed

        self.folders = Series(
            make,
            ids.FOLDER,
            ids.MODERN_FOLDER,
            (1_000_000_000, 9_000_000_000),
            groups(shape.folders, shape.bin_folders, 2),
        )
        self.tasks = Series(
            make,
            ids.TASK,
            ids.MODERN_TASK,
            (100_000_000, 4_400_000_000),
            groups(shape.tasks, shape.bin_tasks, shape.added(shape.tasks)),
        )
        blocks, rest = divmod(shape.tasks, _BLOCK)
        tops = blocks * _TOPS + min(rest, _TOPS)
        self._homes = Spread([Share("folder", tops, 0, shape.folders)], Dice(shape.seed).roll("homes", 0), even=True)

    # Folders

    def is_space(self, folder: int) -> bool:
        return 0 <= folder < self._shape.spaces

    def space_of(self, folder: int) -> int | None:
        """The space that a live folder is in, by its first parents."""
        while folder >= self._shape.spaces:
            folder = self.folder_parents(folder)[0]
        return folder if folder >= 0 else None

    def folder_parents(self, folder: int) -> tuple[int, ...]:
        """Parents of a folder, the main one first."""
        group, local = self.folders.place(folder)
        spaces = self._shape.spaces
        if group.trashed:
            return (BIN,) if local == 0 else (self.folders.starts[1] + (local - 1) // _BIN_FAN,)
        if group.generation:
            return ((group.generation + local) % spaces,)
        if local <= spaces:
            return (ROOT,)
        parent = (local - spaces) // _FAN
        return (parent, parent + 1) if local % 17 == 3 and parent + 1 < local else (parent,)

    def folder_children(self, folder: int) -> list[int]:
        """Folders directly inside, also for ROOT and BIN."""
        spaces, live = self._shape.spaces, self._shape.folders
        if folder == ROOT:
            return list(range(spaces + 1))
        if folder == BIN:
            return [self.folders.starts[1]]
        group, local = self.folders.place(folder)
        if group.trashed:
            start = self.folders.starts[1]
            first = local * _BIN_FAN + 1
            return [start + child for child in range(first, min(first + _BIN_FAN, group.count))]
        if group.generation:
            return []

        def of(parent: int) -> range:
            return range(min(live, max(spaces + 1, spaces + _FAN * parent)), min(live, spaces + _FAN * parent + _FAN))

        found = list(of(folder))
        if folder:
            found += [child for child in of(folder - 1) if folder in self.folder_parents(child)]
        if folder < spaces:
            for start, added in zip(self.folders.starts[2:], self.folders.groups[2:], strict=True):
                found += [start + each for each in range(added.count) if (added.generation + each) % spaces == folder]
        return found

    def subtree(self, folder: int) -> list[int]:
        """Everything below a folder, each once, not the folder itself; nearest first."""
        found: dict[int, None] = {}
        waiting = [folder]
        for each in waiting:
            for child in self.folder_children(each):
                if child not in found:
                    found[child] = None
                    waiting.append(child)
        return list(found)

    # Tasks

    def supers(self, task: int) -> tuple[int, ...]:
        """The tasks that this one is a subtask of."""
        _, local = self.tasks.place(task)
        position = local % _BLOCK
        return tuple(task - position + upper for upper in _SUPERS.get(position, ()))

    def subs(self, task: int) -> list[int]:
        """The subtasks directly below."""
        group, local = self.tasks.place(task)
        position = local % _BLOCK
        return [task - position + sub for sub in _SUBS[position] if local - position + sub < group.count]

    def task_parents(self, task: int) -> tuple[int, ...]:
        """The folders that a task is in itself; a subtask mostly is in none."""
        group, local = self.tasks.place(task)
        position = local % _BLOCK
        if position >= _TOPS:
            return self.task_parents(task - position + 1) if position == 17 else ()
        home = self._home(group, local)
        if position == 4 and not group.trashed and not group.generation and home + 1 < self._shape.folders:
            return (home, home + 1)
        return (home,)

    def super_parents(self, task: int) -> list[int]:
        """The folders that a task is in through its super tasks."""
        found: dict[int, None] = {}
        for upper in self.supers(task):
            found |= dict.fromkeys(self.task_parents(upper))
            found |= dict.fromkeys(self.super_parents(upper))
        return list(found)

    def _home(self, group: Group, local: int) -> int:
        if group.trashed:
            return BIN if local % 3 == 0 else self.folders.starts[1] + local % self._shape.bin_folders
        rank = local // _BLOCK * _TOPS + local % _BLOCK
        if group.generation:
            return (rank * 7 + group.generation) % self._shape.folders
        return self._homes.owner(rank)[1]

    def tasks_in(self, folder: int) -> Iterator[int]:
        """The top-level tasks directly in a folder."""
        if folder >= 0 and not self.folders.trashed(folder):
            yield from self._live_in(folder)
        first = 1 if folder == BIN or (folder >= 0 and self.folders.trashed(folder)) else 2
        last = first + 1 if first == 1 else len(self.tasks.groups)
        for start, group in zip(self.tasks.starts[first:last], self.tasks.groups[first:last], strict=True):
            for local in range(group.count):
                if local % _BLOCK < _TOPS and self._home(group, local) == folder:
                    yield start + local

    def _live_in(self, folder: int) -> Iterator[int]:
        if folder < self._shape.folders:
            yield from (rank // _TOPS * _BLOCK + rank % _TOPS for rank in self._homes.things("folder", folder))
        if 0 < folder < self._shape.folders:
            for rank in self._homes.things("folder", folder - 1):
                if rank % _TOPS == 4:
                    yield rank // _TOPS * _BLOCK + 4

    def below(self, task: int) -> Iterator[int]:
        """All subtasks of a task, at any depth."""
        for sub in self.subs(task):
            yield sub
            yield from self.below(sub)
