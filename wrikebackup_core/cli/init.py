"""`wrikebackup init`: asks, tries the token, and writes a profile with comments. The token itself is never written into it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wrikebackup_core.cli.doctor import checks_of, print_checks
from wrikebackup_core.cli.session import PATH, Session, options
from wrikebackup_core.cli.terminal import Terminal
from wrikebackup_core.errors import SecretError, UsageError, WrikeBackupError
from wrikebackup_core.homes import expand_home, private_folder
from wrikebackup_core.masking import keep_secret
from wrikebackup_core.plugins import Plugins, Registration
from wrikebackup_core.ports import Context
from wrikebackup_core.secrets import keyring_entry, resolve, write_keyring

if TYPE_CHECKING:
    from pydantic import ValidationError

__all__ = ["init"]

_PLACES = {
    "env": "an environment variable, set by whatever starts the run",
    "file": "a file that only you can read",
    "keyring": "the keyring of this computer",
}


@click.command(short_help="Ask what is needed and write a profile.")
@click.argument("profile", type=PATH, default=Path("wrikebackup.yaml"))
@options
@click.pass_obj
def init(session: Session, profile: Path) -> None:
    """Ask what is needed, try the token, and write PROFILE (by default wrikebackup.yaml)."""
    from wrikebackup_core.profile import load
    from wrikebackup_core.profile.template import Answers, render

    terminal, plugins = session.terminal, session.plugins
    if profile.exists():
        raise UsageError(f"{profile} exists already", hint="name another file: `wrikebackup init OTHER.yaml`")
    source = _ask_part("source", plugins.sources, prefer="wrike")
    secrets = _Secrets(source, profile.stem, terminal)
    options_ = _ask_options(source, secrets)
    if not _tried(terminal, plugins, source, options_, secrets) and not click.confirm(
        "Write the profile all the same?", default=False, err=True
    ):
        raise WrikeBackupError("no profile was written", hint="mend what failed above and run the command again")
    sink = _ask_part("sink", plugins.sinks, prefer="local")
    answers = Answers(source.kind, options_, sink.kind, _ask_options(sink, secrets), _ask_attachments())
    secrets.keep()
    _write(profile, render(answers))
    load(profile, plugins)  # what we write is checked as anything else
    terminal.say(f"written: {profile}", style="green")
    for line in secrets.advice:
        terminal.say(line)
    terminal.say(f"next: wrikebackup doctor {profile}, then wrikebackup backup {profile}")


def _ask_part(what: str, known: Mapping[str, Registration], *, prefer: str) -> Registration:
    if not known:
        raise UsageError(f"no installed plugin brings a {what}", hint="`wrikebackup plugins` says more")
    default = prefer if prefer in known else min(known)
    if len(known) == 1:
        return known[default]
    kind = click.prompt(f"Kind of {what}", type=click.Choice(sorted(known)), default=default, err=True)
    return known[kind]


def _ask_attachments() -> str:
    return str(
        click.prompt("Which files", type=click.Choice(["latest", "all versions", "none"]), default="latest", err=True)
    )


def _ask_options(registration: Registration, secrets: _Secrets) -> dict[str, Any]:
    """What has no default, where the account is, and where its secret is."""
    answers: dict[str, Any] = {}
    for name, field in registration.options.model_json_schema().get("properties", {}).items():
        required = registration.options.model_fields.get(name)
        needed = required is not None and required.is_required()
        if _is_secret(field):
            answers[name] = secrets.ask(name)
        elif needed or name == "host":
            default = "www.wrike.com" if name == "host" else "./backups" if name == "path" else None
            about = str(field.get("description", "")).partition(" (")[0].partition(";")[0]
            key, answer = click.prompt(
                f"{name}: {about}" if about else name,
                default=default,
                value_proc=lambda text, name=name: _checked(registration, name, text),
                err=True,
            )
            answers[key] = answer
    return answers


def _checked(registration: Registration, name: str, text: str) -> tuple[str, str]:
    """An answer and the option that it is for. Raises click.UsageError where it will not do: it is asked for again."""
    from pydantic import ValidationError

    if name == "host" and "://" in text and "base_url" in registration.options.model_fields:
        name = "base_url"  # of a proxy or the mock server
    try:
        registration.options.model_validate({name: text})
    except ValidationError as error:  # the other options are not there yet
        if said := _said(error, about=name):
            raise click.UsageError(said) from None
    return name, text


def _said(error: ValidationError, about: str | None = None) -> str:
    found = error.errors(include_input=False, include_url=False)
    said = [str(one["msg"]).removeprefix("Value error, ") for one in found if about is None or about in one["loc"][:1]]
    return "; ".join(said)


def _is_secret(field: Mapping[str, Any]) -> bool:
    return any(branch.get("secret") for branch in [field, *field.get("anyOf", ())])


@dataclass(slots=True)
class _Typed:
    """A secret that was typed: where it is to be kept, and itself."""

    reference: str
    value: str


class _Secrets:
    """The secrets asked for. They go where the user wants them kept, and into a source that is tried; nowhere else."""

    def __init__(self, source: Registration, profile: str, terminal: Terminal) -> None:
        self._kind, self._profile, self._terminal = source.kind, profile, terminal
        self._typed: list[_Typed] = []
        self.advice: list[str] = []

    def ask(self, name: str) -> str:
        """Returns a reference."""
        click.echo(f"\nThe {name} does not go into the profile. Where is it to be?", err=True)
        for place, meaning in _PLACES.items():
            click.echo(f"  {place:<8} {meaning}", err=True)
        place = click.prompt("Place", type=click.Choice([*_PLACES]), default="file", err=True)
        reference = f"{place}:" + self._asked_place(place, name)
        if self._there(reference):
            self._terminal.say(f"{reference} is there already, and is used")
            return reference
        value = keep_secret(click.prompt(f"The {name} itself (not shown)", hide_input=True, err=True).strip())
        self._typed.append(_Typed(reference, value))
        return reference

    def _asked_place(self, place: str, name: str) -> str:
        if place == "env":
            return str(click.prompt("Name of the variable", default=f"{self._kind}_{name}".upper(), err=True))
        if place == "keyring":
            return str(click.prompt("Service and user", default=f"wrikebackup/{self._profile}", err=True))
        import platformdirs

        folder = platformdirs.user_config_path("wrikebackup", appauthor=False)
        return str(click.prompt("File", default=str(folder / f"{self._profile}.{name}"), err=True))

    def _there(self, reference: str) -> bool:
        try:
            return bool(resolve(reference))
        except Exception:  # noqa: BLE001 - a missing keyring is told when it is written to
            return False

    def resolver(self, plugins: Plugins) -> Callable[[str], str]:
        """Typed secrets first: nothing is kept yet while they are tried."""
        typed = {one.reference: one.value for one in self._typed}
        return lambda reference: typed.get(reference) or plugins.secret(reference)

    def keep(self) -> None:
        """Puts the typed secrets where they are to be. Raises SecretError."""
        for one in self._typed:
            place, _, where = one.reference.partition(":")
            if place == "file":
                _keep_in_file(expand_home(where), one.value)
            elif place == "keyring":
                write_keyring(
                    *keyring_entry(where), one.value, otherwise="keep it in a file on a machine without a desktop"
                )
            else:
                self.advice.append(f"before a run: export {where}=… (the secret is kept nowhere yet)")


def _keep_in_file(path: Path, value: str) -> None:
    try:
        private_folder(path.parent)
        # Created for nobody else from the first moment on; what is there already is not ours to overwrite.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(value + "\n")
    except OSError as error:
        raise SecretError(f"cannot write the secret file {path}: {(error.strerror or str(error)).lower()}") from None


def _tried(
    terminal: Terminal, plugins: Plugins, source: Registration, answers: Mapping[str, Any], secrets: _Secrets
) -> bool:
    """Whether the source can be read with these options; its checks are shown."""
    import json

    from pydantic import ValidationError

    try:
        model = source.options.model_validate_json(json.dumps(answers), strict=True)
    except ValidationError as error:
        raise UsageError(_said(error)) from None
    if terminal.lines is None:
        click.echo(err=True)  # between the questions and what came of them
    context = Context(secret=secrets.resolver(plugins))
    checks = list(checks_of(lambda: plugins.make_source(source.kind, model, context)))
    print_checks(terminal, f"source {source.kind}", checks)
    return all(check.ok is not False for check in checks)


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {(error.strerror or str(error)).lower()}") from None
