"""The promises of a source, as tests."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

import msgspec
import pytest

from wrikebackup_core.decoders import json_decoder
from wrikebackup_core.errors import Forbidden, NotFound, NotOffered
from wrikebackup_core.model import Account, Attachment, Kind, Record
from wrikebackup_core.ports import Page, Recounting, Source, Table
from wrikebackup_core.testing.crawled import MemoryCrawled, crawl

__all__ = ["SourceContract"]


class _File(msgspec.Struct):
    id: str
    name: str
    type: str | None = None
    size: int | None = None
    version: int = 1


class SourceContract:
    """Inherit it in a class called `Test…` and override the fixture `source` with a source of a small account.

    The account should have an attachment or two, and more records of some kind than fit on one page.
    """

    resumes = 12
    """After at most so many pages of each kind a resumed crawl is tried; the first and the last pages are always among them."""

    absent = "IEAAAAAAIYAAAAAA"
    """An attachment id, well formed, that the account does not have."""

    @pytest.fixture
    def source(self) -> Source:
        raise NotImplementedError("a contract needs the fixture `source`: a source of a small account")

    def stored_attachments(self, source: Source) -> list[Attachment]:
        """The attachments whose bytes the source can give: those that Wrike itself stores."""
        records = crawl(source)[0].records(Kind.ATTACHMENTS)
        files = [json_decoder(_File)(record) for record in records]
        return [Attachment(file.id, file.name, file.size, file.version) for file in files if file.type == "Wrike"]

    def test_the_account_has_an_id_that_can_name_a_folder(self, source: Source) -> None:
        account = source.account()
        assert isinstance(account, Account)
        assert account.id
        assert account.id.replace("-", "").replace("_", "").isalnum()
        assert isinstance(account.name, str)
        assert source.account() == account

    def test_waves_name_kinds_and_stay_the_same(self, source: Source) -> None:
        waves = [list(wave) for wave in source.waves()]
        assert any(waves)
        for wave in waves:
            assert all(isinstance(kind, Kind) for kind in wave)
            assert len(set(wave)) == len(wave), "a kind stands once in a wave, for each has a thread of its own"
        assert [list(wave) for wave in source.waves()] == waves

    def test_every_record_is_one_json_object_on_one_line(self, source: Source) -> None:
        crawled, _ = crawl(source)
        for kind in Kind:
            for record in crawled.records(kind):
                assert type(record) is bytes
                assert isinstance(msgspec.json.decode(record), dict)
                assert record.count(b"\n") == 0
                assert record == record.strip()

    def test_totals_are_counts(self, source: Source) -> None:
        for _, page in self._all_pages(source):
            assert page.total is None or page.total >= 0
            assert isinstance(page.cursor, str)

    def test_a_second_crawl_brings_the_same(self, source: Source) -> None:
        first, second = crawl(source), crawl(source)
        assert first[1].keys() == second[1].keys()
        for kind in Kind:
            assert sorted(first[0].records(kind)) == sorted(second[0].records(kind))

    def test_a_crawl_goes_on_after_any_page(self, source: Source) -> None:
        """What came before a kill and what comes after its cursor is the whole; nothing is lost in between."""
        crawled = MemoryCrawled()
        for number, wave in enumerate(source.waves()):
            before = crawled.copy()
            for kind in wave:
                pages = self._pages(source, kind, number, before)
                whole = {record for page in pages for record in page.records}
                for cut in self._cuts(len(pages)):
                    known = before.copy()
                    for page in pages[:cut]:
                        known.add(kind, page.records)
                    rest = list(source.pages(kind, number, known, pages[cut - 1].cursor))
                    assert self._records([*pages[:cut], *rest]) == whole, f"{kind} after page {cut} of {len(pages)}"
                for page in pages:
                    crawled.add(kind, page.records)

    def test_attachments_are_read_whole(self, source: Source) -> None:
        for attachment in self.stored_attachments(source):
            with source.open_attachment(attachment) as reader:
                data = reader.read()
                assert reader.start == 0
                assert reader.size in (None, len(data))
                assert reader.read(1) == b""
            assert attachment.size in (None, len(data))
            with source.open_attachment(attachment) as reader:
                assert b"".join(iter(lambda: reader.read(1000), b"")) == data

    def test_an_attachment_can_be_read_on_from_an_offset(self, source: Source) -> None:
        for attachment in self.stored_attachments(source):
            with source.open_attachment(attachment) as reader:
                data = reader.read()
            for offset in {1, len(data) // 2, len(data) - 1} & set(range(1, len(data))):
                with source.open_attachment(attachment, offset) as reader:
                    assert reader.start in (0, offset)
                    assert reader.size in (None, len(data))
                    assert reader.read() == data[reader.start :]

    def test_a_reader_may_be_closed_early_and_twice(self, source: Source) -> None:
        for attachment in self.stored_attachments(source)[:3]:
            reader = source.open_attachment(attachment)
            reader.close()
            reader.close()

    def test_an_attachment_that_is_not_there_is_not_found(self, source: Source) -> None:
        with pytest.raises((NotFound, Forbidden)):
            source.open_attachment(Attachment(self.absent, "gone.txt", None)).read()

    def test_an_export_has_an_edition_and_tables_or_is_not_offered(self, source: Source) -> None:
        try:
            export = source.export()
        except NotOffered:
            with pytest.raises(NotOffered):
                source.export_edition()
            return
        assert export.edition
        assert source.export_edition() == export.edition, "until another export is made, the edition stays"
        assert source.export().edition == export.edition
        assert export.completed is None or export.completed.tzinfo is not None
        assert isinstance(msgspec.json.decode(export.schema), list)
        assert len({table.name for table in export.tables}) == len(export.tables)

    def test_the_tables_of_an_export_are_csv_with_the_columns_of_the_schema(self, source: Source) -> None:
        for table in self._tables(source):
            text = self._read(table, 0).decode("utf-8-sig")
            header, *rows = csv.reader(io.StringIO(text, newline=""))
            assert len(set(header)) == len(header)
            assert {len(row) for row in rows} <= {len(header)}
            if table.columns is not None:
                assert len(header) == len(table.columns)
                assert all({column.name, column.alias} & set(header) for column in table.columns)
                assert {column.data_type for column in table.columns} <= {"Number", "String", "Date", "Boolean"}

    def test_a_table_can_be_read_on_from_an_offset(self, source: Source) -> None:
        for table in self._tables(source):
            data = self._read(table, 0)
            for offset in {1, len(data) // 2, len(data) - 1} & set(range(1, len(data))):
                assert self._read(table, offset) == data

    def test_a_second_listing_has_what_the_first_one_has(self, source: Source) -> None:
        if not isinstance(source, Recounting):
            return  # it need know no second way to list
        crawled, forbidden = crawl(source)
        for kind in {kind for wave in source.waves() for kind in wave} - forbidden.keys():
            try:
                listed = [one.id for some in source.recount(kind, crawled) for one in some]
            except NotOffered:
                continue
            assert crawled.missing(kind, listed) == [], (
                f"the account stands still, and {kind} has more in a second listing"
            )

    def test_what_it_does_not_show_does_not_come_when_it_is_looked_up(self, source: Source) -> None:
        if not isinstance(source, Recounting):
            return  # it need look up nothing
        crawled, _ = crawl(source)
        found = list(source.look_up(Kind.ATTACHMENTS, [self.absent, 2**40], crawled))
        assert not any(page.records or page.recycled for _, page in found)

    def test_checks_report_and_do_not_raise(self, source: Source) -> None:
        checks = list(source.checks())
        assert checks
        assert all(check.name and check.detail for check in checks)

    def test_it_can_be_closed(self, source: Source) -> None:
        source.account()
        source.close()

    def _tables(self, source: Source) -> Sequence[Table]:
        try:
            return source.export().tables
        except NotOffered:
            return ()

    def _read(self, table: Table, offset: int) -> bytes:
        """All of the table; what stands before the offset as it came before."""
        with table.open(offset) as reader:
            rest = reader.read()
            assert reader.start in (0, offset)
            assert reader.size in (None, reader.start + len(rest))
        if not reader.start:
            return rest
        with table.open(0) as whole:
            return whole.read(offset) + rest

    def _pages(self, source: Source, kind: Kind, wave: int, crawled: MemoryCrawled) -> list[Page]:
        try:
            return list(source.pages(kind, wave, crawled, None))
        except Forbidden:
            return []

    def _all_pages(self, source: Source) -> Iterator[tuple[Kind, Page]]:
        crawled = MemoryCrawled()
        for number, wave in enumerate(source.waves()):
            for kind in wave:
                for page in self._pages(source, kind, number, crawled):
                    crawled.add(kind, page.records)
                    yield kind, page

    def _records(self, pages: Sequence[Page]) -> set[Record]:
        return {record for page in pages for record in page.records}

    def _cuts(self, pages: int) -> list[int]:
        step = max(1, pages // self.resumes)
        return sorted({*range(1, pages + 1, step), pages} - {0})
