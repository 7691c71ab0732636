"""An account kept as JSON files: `tasks.json` is an array of tasks as API v4 gives them, `files/<id>` is an attachment's content."""

import io
import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from wrikebackup_core import (
    Account,
    Attachment,
    Check,
    Crawled,
    Export,
    Kind,
    NotFound,
    NotOffered,
    Page,
    Reader,
    Record,
    SourceError,
)

PAGE = 2  # records; a real source takes what its server gives at once


class BytesReader:
    """A Reader over bytes that are there already."""

    def __init__(self, data: bytes, start: int) -> None:
        self.size = len(data)
        self.start = start
        self._stream = io.BytesIO(data[start:])

    def read(self, size: int = -1, /) -> bytes:
        return self._stream.read(size)

    def close(self) -> None:
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class HelloSource:
    def __init__(self, path: str | None = None) -> None:
        self._folder = Path(path).expanduser() if path else Path(__file__).parent / "account"

    def account(self) -> Account:
        (account,) = self._load(Kind.ACCOUNT)
        return Account(account["id"], account["name"])

    def waves(self) -> Sequence[Sequence[Kind]]:
        # One wave is enough: no kind needs what another one brought.
        return [[kind for kind in Kind if self._file(kind).exists()]]

    def pages(self, kind: Kind, wave: int, crawled: Crawled, cursor: str | None) -> Iterator[Page]:
        records = [Record(json.dumps(record, ensure_ascii=False).encode()) for record in self._load(kind)]
        # The cursor is how many records came before: all that is needed to go on after a kill.
        for start in range(int(cursor or 0), len(records), PAGE):
            end = min(start + PAGE, len(records))
            yield Page(records[start:end], cursor=str(end), total=len(records))

    def open_attachment(self, attachment: Attachment, offset: int = 0) -> Reader:
        # The id comes from a record: only a plain name may become a part of a path.
        path = self._folder / "files" / attachment.id
        if not attachment.id.isalnum() or not path.is_file():
            raise NotFound(f"there is no attachment {attachment.id}")
        return BytesReader(path.read_bytes(), offset)

    def export(self, max_age: timedelta | None = None, wait: timedelta = timedelta()) -> Export:
        raise NotOffered("JSON files have no BI export")

    def export_edition(self) -> str:
        raise NotOffered("JSON files have no BI export")

    def checks(self) -> Iterator[Check]:
        try:
            yield Check("account", True, f"{self.account().name} in {self._folder}")
        except SourceError as error:
            yield Check("account", False, str(error), hint="set `path` to a folder with an account.json")

    def close(self) -> None:
        pass

    def _file(self, kind: Kind) -> Path:
        return self._folder / f"{kind}.json"

    def _load(self, kind: Kind) -> list[dict[str, Any]]:
        try:
            records = json.loads(self._file(kind).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SourceError(f"cannot read {self._file(kind)}: {error}") from error
        if not isinstance(records, list):
            raise SourceError(f"{self._file(kind)} holds no array of records")
        return records
