"""Adds a README.txt to each backup, for whoever finds it in ten years."""

from collections.abc import Iterator

from wrikebackup_core import Artifact, Kind, Run, Transform, of_kind


class HelloTransform(Transform):
    kind = "hello"

    def __init__(self, greeting: str = "Hello") -> None:
        self.greeting = greeting

    def add(self, run: Run) -> Iterator[Artifact]:
        tasks = sum(1 for _ in run.crawled.ids(Kind.TASKS))
        text = (
            f"{self.greeting}!\n\n"
            f"This is a backup of the Wrike account {run.account.name} ({run.account.id}), begun {run.started:%Y-%m-%d %H:%M} UTC.\n"
            f"It holds {of_kind(tasks, Kind.TASKS)}. `sha256sum -c SHA256SUMS` in this folder checks that it is whole.\n"
        ).encode()
        yield Artifact("README.txt", lambda: iter([text]))

    def describe(self) -> dict[str, object]:
        return {"greeting": self.greeting}
