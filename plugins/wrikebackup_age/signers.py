"""Whose signatures are trusted: a line of a .pub file, or a file with such lines or with those of `allowed_signers` of OpenSSH."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from wrikebackup_age import sshsig

__all__ = ["Trust", "trusted"]

_SPACE = " \t\r"
_WORD = re.compile(rf'(?:"[^"]*"|[^{_SPACE}"])+')
_AT_FIRST = re.compile(r'(?:^|,)(?:cert-authority(?:,|$)|[a-z-]+=")', re.IGNORECASE)  # an option where a name belongs
_OPTION = re.compile(r'([A-Za-z-]+)(?:="([^"]*)")?(?:,|$)')
_KINDS = re.compile(r"(?:sk-)?(?:ssh-(?:ed25519|rsa|dss)|ecdsa-sha2-nistp\d+)(?:-cert-v01)?(?:@openssh\.com)?")
_TIME = re.compile(r"(\d{8})(\d{4}(?:\d\d)?)?Z?")


@dataclass(frozen=True, slots=True)
class Trust:
    """What one line says of a key: whose it is, and when its signatures count."""

    name: str
    after: str = ""
    before: str = ""

    def refusal(self, at: datetime) -> str | None:
        """Why a signature of that time does not count."""
        if self.after and at < _time(self.after):
            return f"whose key is valid after {self.after} only"
        if self.before and at > _time(self.before):
            return f"whose key was valid before {self.before} only"
        return None


def trusted(text: str) -> dict[bytes, list[Trust]]:
    """The public keys in a text, and what its lines say of each: who it is of, where they say it, and when it is valid.

    Lines for another namespace are passed over, as `ssh-keygen -Y verify` does; so are keys of other kinds. Raises SignatureError
    where no key is left, or a line is none.
    """
    found: dict[bytes, list[Trust]] = {}
    others: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):  # at nothing else: a comment may hold a form feed
        if not (stripped := line.strip(_SPACE)) or stripped.startswith("#"):
            continue
        try:
            if (one := _key(line, others)) is not None:
                found.setdefault(one[0], []).append(one[1])
        except sshsig.SignatureError as error:
            raise sshsig.SignatureError(f"line {number}: {error}" if "\n" in text.strip() else str(error)) from None
    if not found:
        raise sshsig.SignatureError(others[0] if others else "there is no public key in it")
    return found


def _key(line: str, others: list[str]) -> tuple[bytes, Trust] | None:
    """The key of one line; none, with the reason in `others`, where it is not to be used."""
    matches = list(_WORD.finditer(line))
    words = [match[0] for match in matches]
    at = next((number for number, word in enumerate(words[:3]) if _KINDS.fullmatch(word)), None)
    if at is None or len(words) < at + 2:
        raise sshsig.SignatureError("it is no public key: a line begins with ssh-ed25519, or is one of allowed_signers")
    if _WORD.sub("", line[: matches[at].start()]).strip(_SPACE):
        raise sshsig.SignatureError("a quote before the key is not closed")
    if at and _AT_FIRST.search(words[0]):
        raise sshsig.SignatureError(
            "it begins with an option: in allowed_signers, the name of whose key it is comes first"
        )
    reason, times = _read(words[1]) if at == 2 else (None, {})
    if words[at] != sshsig.KEY_KIND:
        reason = f"it holds a key of the kind {words[at]}: only {sshsig.KEY_KIND} can be used"
    if reason is not None:
        others.append(reason)
        return None
    try:
        wire = base64.b64decode(words[at + 1], validate=True)
    except ValueError:  # binascii's own is one; what is not ASCII has another
        raise sshsig.SignatureError("the base64 of the public key is damaged") from None
    key = sshsig.public_key(wire)
    behind = line[matches[at + 1].end() :].strip()
    name = (words[0].strip('"') if at else behind) or sshsig.fingerprint(key)
    return key, Trust(name, times.get("valid-after", ""), times.get("valid-before", ""))


def _read(options: str) -> tuple[str | None, dict[str, str]]:
    """Why a line with these options vouches for no backup at all, and the times that they name."""
    reason, times = None, dict[str, str]()
    for name, value in _options(options):
        if name == "cert-authority":
            reason = "it holds a key that signs certificates: those cannot be used"
        elif name == "namespaces" and not _in_namespace(value.split(",")):
            reason = f"its key is for other namespaces than {sshsig.NAMESPACE}: {value}"
        elif name != "namespaces":
            _time(value)
            times[name] = value
    return reason, times


def _in_namespace(patterns: list[str]) -> bool:
    """As OpenSSH matches lists of patterns: `*` and `?` are wild, and what a pattern behind a `!` matches is out."""

    def fits(pattern: str) -> bool:
        wild = re.sub(r"\*+", "*", pattern)
        made = "".join({"*": ".*", "?": "."}.get(one, re.escape(one)) for one in wild)
        return re.fullmatch(made, sshsig.NAMESPACE, re.DOTALL) is not None

    refused = any(fits(one[1:]) for one in patterns if one.startswith("!"))
    return not refused and any(fits(one) for one in patterns if not one.startswith("!"))


def _options(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        found = _OPTION.match(text, at)
        if found is None or found[1].lower() not in ("cert-authority", "namespaces", "valid-after", "valid-before"):
            raise sshsig.SignatureError(f"options that are not known: {text[at:]}")
        yield found[1].lower(), found[2] or ""
        at = found.end()


def _time(text: str) -> datetime:
    """`YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS`, in local time, or in UTC with a Z behind it."""
    found = _TIME.fullmatch(text)
    digits = found[1] + (found[2] or "").ljust(6, "0") if found else ""
    try:
        moment = datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        raise sshsig.SignatureError(f"a time that is none: {text!r}") from None
    return moment if text.endswith("Z") else moment.replace(tzinfo=None).astimezone()
