"""The file names of attachments: `<attachment id>-<name>`, made safe for Linux, macOS and Windows alike.

Promises, for any two strings:
- a valid file name on each of them: no separator, no control, bidi or zero-width format character, nothing that Windows refuses, no
  trailing dot or space, NFC, at most 255 bytes of UTF-8, suffix included; the extension survives;
- different ids never share a name, not even where case does not count;
- what is harmless stays as it is. The true name is in the JSON.

Ids of Wrike's old format are upper case throughout and need nothing. Ids that could differ by case only, or hold a `-`, get a tag
behind them, `MQAAAAEJMtN_-~4~plan.pdf`: a bit for each of the id's characters, set where it is lower case, in hex. No id holds a `~`,
and a name that looks as if it held a tag brings one too; so the first `~…~` of a name is its tag and what stands before it is its id,
or there is none and the id ends at the first `-`.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

__all__ = ["attachment_file_name", "hidden_file_name", "safe_name", "stored_name"]

_LONGEST = 255  # bytes: NAME_MAX of Linux; NTFS and APFS count at most as many units
_LONGEST_EXTENSION = 32
_LONGEST_SUFFIX = 32

_UPPER_CASE_ID = re.compile(r"[A-Z0-9][A-Z0-9_]{0,63}")
_ORDINARY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9_]+")
_TAG = re.compile(rb"~[0-9a-f]+~")

# Separators, what Windows refuses, line and paragraph separators, surrogates, non-characters, and the sign for what could not be decoded.
_REPLACED = re.compile(
    r'[/\\:*?"<>|\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufdd0-\ufdef\ufffd'
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000))
    + "]"
)
_RESERVED = re.compile(r"(CON|PRN|AUX|NUL|CLOCK\$|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9¹²³])(?= *(?:\.|$))", re.IGNORECASE)


def attachment_file_name(attachment_id: str, name: str, suffix: str = "") -> str:
    """The name of the file that holds an attachment. `suffix` is what transforms add (`.age`), at most 32 bytes."""
    if len(suffix.encode()) > _LONGEST_SUFFIX:
        raise ValueError(f"a suffix of more than {_LONGEST_SUFFIX} bytes: {suffix!r}")
    safe = _safe(name)
    head, tag = _identity(attachment_id)
    fitted = _fit(safe, _LONGEST - len(f"{head}-{tag}{suffix}"))
    if not tag and (_looks_tagged(safe) or _looks_tagged(fitted)):
        tag = "~0~"
        fitted = _fit(safe, _LONGEST - len(f"{head}-{tag}{suffix}"))
    return f"{head}-{tag}{fitted}{suffix}"


def hidden_file_name(attachment_id: str, suffix: str = "") -> str:
    """The name of a file that is to tell nothing but its id: `IEAAAEDYIYAB7DLK.age`."""
    head, tag = _identity(attachment_id)
    return f"{head}-{tag}{suffix}" if tag else f"{head}{suffix}"


def stored_name(attachment_id: str, name: str, suffix: str, *, hidden: bool) -> str:
    """Whichever of the two is asked for."""
    return hidden_file_name(attachment_id, suffix) if hidden else attachment_file_name(attachment_id, name, suffix)


def safe_name(name: str, room: int) -> str:
    """A name for people, of at most `room` bytes, that every system takes for a file or a folder; two may get the same one. It begins with
    no dot and no space: nothing is hidden, and nothing passes for a file that is not finished.
    """
    begun = _safe(name).lstrip(" ")
    shown = f"_{begun[1:]}" if begun.startswith(".") else begun
    return _safe(_fit(shown, room))


def _identity(attachment_id: str) -> tuple[str, str]:
    """The id as it stands in the name, and its tag, empty for the ids of the old format."""
    if _UPPER_CASE_ID.fullmatch(attachment_id):
        return attachment_id, ""
    if _ORDINARY_ID.fullmatch(attachment_id):
        bits = "".join("1" if letter.islower() else "0" for letter in attachment_id)
        return attachment_id, f"~{int(bits, 2):x}~"
    # Nothing that Wrike would give out. 32 digits: longer than the tag of any other id, so that the two cannot meet.
    digest = hashlib.sha256(attachment_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return _NOT_IN_AN_ID.sub("_", attachment_id)[:32] or "_", f"~{digest}~"


def _looks_tagged(name: str) -> bool:
    """Whether a file system that ignores case could take some of `name` for a tag. Some fold ligatures and skip what is not seen."""
    return name.count("~") > 1 and _TAG.search(name.casefold().encode("ascii", "ignore")) is not None


def _safe(name: str) -> str:
    safe = _REPLACED.sub("_", name)
    if not safe.isascii():
        visible = "".join(letter for letter in safe if unicodedata.category(letter) != "Cf")
        safe = unicodedata.normalize("NFC", visible)
    safe = safe.rstrip(" .")
    return _RESERVED.sub(r"\1_", safe, count=1) if _RESERVED.match(safe) else safe or "unnamed"


def _fit(name: str, room: int) -> str:
    """`name` cut to `room` bytes between characters, its extension kept."""
    if len(name.encode()) <= room:
        return name
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension.encode()) > _LONGEST_EXTENSION:
        stem, dot, extension = name, "", ""
    tail = dot + extension
    return stem.encode()[: room - len(tail.encode())].decode(errors="ignore").rstrip(" .") + tail
