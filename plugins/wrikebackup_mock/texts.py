"""The words of the generated account; the first of each list are there to be awkward."""

from __future__ import annotations

from functools import lru_cache
from html import unescape
from re import sub

HOSTILE_NAMES = (
    "../../etc/passwd",
    "CON",
    "a/b\\c",
    "x" * 300 + ".txt",
    "nul\x00 and tab\t and newline\n.txt",
    "empty.bin",
    "big.bin",
    "trailing dots...",
    "trailing space ",
    "\u202egnp.exe",
    "🚀 наконец 完成.pdf",
    "Cafe\u0301 NFD.txt",
    "Café NFC.txt",
    'quo"te; filename="evil.txt"',
    "..",
    ".",
    "",
    " ",
    "C:\\Windows\\system32\\drivers\\etc\\hosts",
    "aux.txt",
    "README.TXT",
    "readme.txt",
    "日本語" * 60 + ".docx",
    "percent%2Fencoded%00.txt",
    "line\u2028separator.txt",
    "-rf",
    "colon:stream",
    "question?*<>|.txt",
    "\x7f\x1b[31mred",
    ".hidden",
    "👩‍👩‍👧‍👦" * 12 + ".png",
    "COM1.tar.gz",
)

EMPTY_FILES = (5, 35)
"""Which of the files are empty: the fifth is called so."""

BIG_FILE = 6
"""A file larger than any buffer."""

FILE_WORDS = ("report", "invoice", "photo", "contract", "draft", "протокол", "見積書", "größe", "scan")
FILE_TYPES = (
    ("pdf", "application/pdf"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("csv", "text/csv"),
    ("zip", "application/zip"),
)

EXTERNAL = (
    ("Google", "https://docs.google.com/document/d/{key}/edit?usp=sharing"),
    ("Box", "https://app.box.com/s/{key}"),
    ("DropBox", "https://www.dropbox.com/s/{key}/file?dl=0"),
    ("OneDrive", "https://onedrive.live.com/edit.aspx?resid={key}"),
    ("SharePoint", "https://example.sharepoint.com/:w:/s/team/{key}"),
    ("External", "https://files.example.com/{key}"),
    ("DAM", "https://dam.example.com/assets/{key}"),
    ("Whiteboard", "https://whiteboard.example.com/boards/{key}"),
    ("Google", "https://docs.google.com/spreadsheets/d/{key}/edit#gid=0"),
    ("Google", "https://drive.google.com/file/d/{key}/view"),
)
"""Types of files that Wrike links to, each with the form of its address."""

AWKWARD_TITLES = (
    "First task 🚀",
    "שלום עולם",
    'Quotes " and \\ backslashes',
    "Line one\nline two\ttabbed",
    "<b>not bold</b> & so on",
    "Zero\u200bwidth and \u2028 separator",
    "e\u0301 against é",
    "",
    "   ",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 beyond the first plane",
    "=1+1",
    "NULL",
)

VERBS = ("Review", "Prepare", "Send", "Check", "Plan", "Fix", "Überarbeiten", "Переслать", "確認", "Draft", "Ship")
THINGS = (
    "the budget",
    "launch notes",
    "contract no. 7",
    "Größen",
    "отчёт",
    "資料",
    "the landing page",
    "invoices",
    "tests",
)

PARAGRAPHS = tuple(
    "".join(
        f"<p>{VERBS[(number * 7 + line) % len(VERBS)]} {THINGS[(number * 3 + line) % len(THINGS)]} before Friday; "
        f"ask &quot;{THINGS[(number + line) % len(THINGS)]}&quot; first &#128512; and note the result in the sheet.</p>"
        for line in range(1 + number % 9)
    )
    for number in range(61)
)

REMARKS = (
    "Done &amp; dusted 🎉",
    "See the <b>second</b> version, please.",
    "Готово, проверьте",
    "承認しました",
    "Why <i>three</i> of them?<br />One would do.",
    "+1",
    "Line\u2028separator and a \\ backslash",
)

FIRST_NAMES = ("Ada", "Zoë", "Jürgen", "Мария", "太郎", "Nguyễn", "Siân", "Ömer", "Chris", "Fatima", "O'Neil", "José")
LAST_NAMES = (
    "Lovelace",
    "van der Berg",
    "Müller-Lüdenscheidt",
    "Иванова",
    "山田",
    "Văn A",
    "Evans",
    "Şahin",
    "",
    "al-Sayed",
)
TEAMS = ("My Team", "Design ✏️", "Разработка", "財務", "Legal & Compliance", "Nested", "Ops")
PLACES = (
    "Marketing",
    "Кампания",
    "プロジェクト",
    "R&D",
    "Archive/2024",
    "Website \\ relaunch",
    "Clients",
    "Ideas 💡",
    "Q3",
)


@lru_cache(1024)
def brief(description: str) -> str:
    """The beginning of a description as plain text."""
    return unescape(sub("<[^>]*>", " ", description)).strip()[:60]
