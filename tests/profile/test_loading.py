"""What a profile may say, and what is said of one that may not."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from wrikebackup_core import AttachmentMode, Context, Kind, Register, Secret, hookimpl
from wrikebackup_core.errors import ExitCode, ProfileError
from wrikebackup_core.plugins import Broken, Plugins
from wrikebackup_core.profile import Part, ProfileProblems, load

NOT_A_REFERENCE = "must be a reference such as env:NAME, file:PATH, credential:NAME, keyring:SERVICE/USER or command:..., not the secret itself"
SECRET = "eyJhbGciOiJIUzI1NiJ9"


class Login(BaseModel):
    model_config = ConfigDict(extra="forbid")
    user: str
    password: Secret


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")
    token: Secret | None = None
    login: Login | None = None
    level: int = Field(3, ge=1, le=9)
    ratio: float = 0.5
    on: bool = True
    color: Literal["red", "green"] = "red"
    tags: list[str] = []
    either: int | bool | None = None


class Needs(BaseModel):
    model_config = ConfigDict(extra="forbid")
    path: str = Field(min_length=1)


def _never(options: object, context: Context) -> object:
    raise AssertionError("loading a profile opens nothing")


def _plugins() -> Plugins:
    plugins = Plugins()

    class Module:
        @staticmethod
        def register_sources(register):  # type: ignore[no-untyped-def]
            register("wiki", options=Options, make=_never)

        @staticmethod
        def register_sinks(register):  # type: ignore[no-untyped-def]
            register("shelf", options=Needs, make=_never)
            register("void", options=Options, make=_never)

        @staticmethod
        def register_transforms(register):  # type: ignore[no-untyped-def]
            register("shout", options=Options, make=_never)

    from wrikebackup_core import hookimpl

    for name in ("register_sources", "register_sinks", "register_transforms"):
        setattr(Module, name, staticmethod(hookimpl(getattr(Module, name))))
    plugins.add("test", Module)
    return plugins


@pytest.fixture
def plugins() -> Plugins:
    return _plugins()


def _problems(tmp_path: Path, plugins: Plugins, text: str | bytes) -> list[ProfileError]:
    path = tmp_path / "p.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ProfileError) as caught:
        load(path, plugins)
    assert caught.value.exit_code is ExitCode.USAGE
    problems = list(getattr(caught.value, "problems", (caught.value,)))
    for problem in problems:
        assert str(problem).startswith(str(path)), "file first"
        assert SECRET not in f"{problem}{problem.hint}", "values are never repeated"
    return problems


def _one(tmp_path: Path, plugins: Plugins, text: str | bytes) -> tuple[str, str | None]:
    [problem] = _problems(tmp_path, plugins, text)
    return str(problem).removeprefix(str(tmp_path / "p.yaml")), problem.hint


GOOD = "source: wiki\nsinks: [void]\n"


def test_a_short_profile_has_the_defaults(tmp_path: Path, plugins: Plugins) -> None:
    path = tmp_path / "acme backup.yaml"
    path.write_text(GOOD, encoding="utf-8")
    profile = load(path, plugins)
    assert profile.name == "acme backup"
    assert profile.source == Part("wiki", Options())
    assert profile.sinks == (Part("void", Options()),)
    assert (profile.attachments, profile.skip, profile.transfers) == (AttachmentMode.LATEST, frozenset(), 96)
    assert profile.state.name == "wrikebackup"


def test_every_key_is_read(tmp_path: Path, plugins: Plugins) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(
        """\
# yaml-language-server: $schema=x
name: Acme — nightly
source:
  wiki: {token: "env:X", level: 9, login: {user: u, password: "file:/p"}, color: green, tags: [no, '22']}
sinks:
  - shelf: {path: 22:22}
  - void:
  - void: {}
transforms: [shout, shout: {on: false}]
attachments: all versions
skip: [audit_log, timelogs]
transfers: 256
state: ~/spool
""",
        encoding="utf-8",
    )
    profile = load(path, plugins)
    options = profile.source.options
    assert isinstance(options, Options)
    assert (options.tags, options.level, options.color) == (["no", "22"], 9, "green"), "YAML 1.2: `no` is text"
    assert [part.options for part in profile.sinks] == [Needs(path="22:22"), Options(), Options()]
    assert [part.options for part in profile.transforms] == [Options(), Options(on=False)]
    assert profile.skip == {Kind.AUDIT_LOG, Kind.TIMELOGS}
    assert profile.attachments is AttachmentMode.ALL_VERSIONS
    assert profile.state == Path("~/spool").expanduser()
    assert profile.name == "Acme — nightly"


CASES = {
    "empty": ("", ": the profile is empty", "`wrikebackup init` writes one"),
    "only a comment": ("# nothing\n", ": the profile is empty", "`wrikebackup init` writes one"),
    "a list": ("- a\n", ":1: a profile is a mapping of keys and values, this is a list", None),
    "a word": (SECRET, ":1: a profile is a mapping of keys and values, this is a single value", None),
    "a tab": (f"{GOOD}transforms:\n\t- shout\n", ":4: not valid YAML: found character '\\t' that cannot start any token",
              "indent with blanks: YAML has no tabs"),
    "a key twice": (f"{GOOD}name: a\nname: {SECRET}\n", ":4: the key name is there twice", "keep one of them"),
    "an option twice": (f"source:\n  wiki:\n    token: {SECRET}\n    token: {SECRET}\nsinks: [void]\n",
                        ":4: the key token is there twice", "keep one of them"),
    "not UTF-8": (GOOD.encode() + b"name: \xff\n", ":3: this is not UTF-8 text", "save the file as UTF-8"),
    "a control character": (GOOD + "name: a\x07b\n", ":3: a character that no YAML file may hold: U+0007", None),
    "a comma too few": ("source: {wiki: {}\nsinks: [void]\n", ":2: not valid YAML: expected ',' or '}', but got '<scalar>'", None),
    "a key inside a schedule": (f"{GOOD}schedule: {{corn: daily, cron: daily}}\n", ":3: schedule.corn: unknown key", "did you mean cron?"),
    "two documents": (GOOD + "---\n" + GOOD, ":3: not valid YAML: but found another document", None),
    "an alias of nothing": (f"{GOOD}name: *{SECRET}\n", ":3: not valid YAML: found undefined alias …", None),
    "a tag": (f"{GOOD}name: !secret {SECRET}\n", ":3: name: a value with a tag",
              "leave out the `!`; put text that starts with `!` in quotes"),
    "a tag on a mapping": (f"sinks: [void]\nsource: !x {{wiki: {SECRET}}}\n", ":2: source: a value with a tag", "leave out the `!`"),
    "a number that is none": (f"{GOOD}transfers: !!int {SECRET}\n", ": not valid YAML: a value cannot be understood", None),
    "a key that is not text": (f"{GOOD}1: x\n", ":3: a key that is not text", "put it in quotes"),
    "a character that is none": (GOOD + 'name: "\\ud800"\n', ":3: name: text with a character that no text may hold", None),
    "unknown key": (f"{GOOD}attachements: none\n", ":3: attachements: unknown key", "did you mean attachments?"),
    "unknown key unlike any": (f"{GOOD}zzz: 1\n", ":3: zzz: unknown key",
                               "known here: name, source, sinks, transforms, monitors, schedule, min_interval, objective, attachments, skip, coverage, transfers, state"),
    "no source": ("sinks: [void]\n", ":1: source: is missing", None),
    "no sinks": ("source: wiki\n", ":1: sinks: is missing", None),
    "sinks empty": ("source: wiki\nsinks: []\n", ":2: sinks: must name at least one sink", None),
    "sinks not a list": ("source: wiki\nsinks:\n  void: {}\n", ":2: sinks: must be a list of sinks",
                         "write `sinks:` and below it, indented, `- kind: {…}` for each"),
    "unknown kind": ("source:\n  wikki: {}\nsinks: [void]\n", ":2: source.wikki: no installed plugin brings this kind of source",
                     "did you mean wiki? known here: wiki"),
    "unknown bare kind": ("source: wikki\nsinks: [void]\n", ":1: source: no installed plugin brings a source of the kind wikki",
                          "did you mean wiki? known here: wiki"),
    "a secret as kind": (f"source: wiki={SECRET}\nsinks: [void]\n", ":1: source: no installed plugin brings this kind of source",
                         "known here: wiki"),
    "options not indented": ("source:\n  wiki:\n  level: 3\nsinks: [void]\n",
                             ":1: source: must name one kind of source, this names 2", "indent the options below the kind"),
    "source null": ("source:\nsinks: [void]\n", ":1: source: must name one kind of source", "known here: wiki"),
    "options not a mapping": (f"source: {{wiki: {SECRET}}}\nsinks: [void]\n",
                              ":1: source.wiki: must be a mapping of keys and values", None),
    "unknown option": ("source:\n  wiki:\n    levle: 3\nsinks: [void]\n", ":3: source.wiki.levle: unknown key", "did you mean level?"),
    "unknown option deep down": (f"source: {{wiki: {{login: {{user: a, password: 'env:X', pasword: {SECRET}}}}}}}\nsinks: [void]\n",
                                 ":1: source.wiki.login.pasword: unknown key", "did you mean password?"),
    "option missing": ("source: wiki\nsinks:\n  - void\n  - shelf: {}\n", ":4: sinks[1].shelf.path: is missing", None),
    "option missing, bare": ("source: wiki\nsinks:\n  - shelf\n", ":3: sinks[0].path: is missing", None),
    "empty text": ("source: wiki\nsinks:\n  - shelf: {path: ''}\n", ":3: sinks[0].shelf.path: must not be empty", None),
    "a number for text": ("source: wiki\nsinks:\n  - shelf: {path: 22}\n", ":3: sinks[0].shelf.path: must be text", "put it in quotes"),
    "text for a number": (f"source: {{wiki: {{level: {SECRET}}}}}\nsinks: [void]\n", ":1: source.wiki.level: must be a whole number", None),
    "quoted number": ("source: {wiki: {level: '3'}}\nsinks: [void]\n", ":1: source.wiki.level: must be a whole number", None),
    "true for a number": (f"{GOOD}transfers: true\n", ":3: transfers: must be a whole number", None),
    "too small": (f"{GOOD}transfers: 0\n", ":3: transfers: must be at least 1", None),
    "too large": (f"{GOOD}transfers: 257\n", ":3: transfers: must be at most 256", None),
    "text for a truth": ("source: {wiki: {on: yes}}\nsinks: [void]\n", ":1: source.wiki.on: must be true or false", None),
    "no such value": ("source: {wiki: {color: gren}}\nsinks: [void]\n", ":1: source.wiki.color: must be 'red' or 'green'", "did you mean green?"),
    "attachments": (f"{GOOD}attachments: all\n", ":3: attachments: must be 'latest', 'all versions' or 'none'", None),
    "attachments null": (f"{GOOD}attachments: ~\n", ":3: attachments: must be 'latest', 'all versions' or 'none'", None),
    "skip the account": (f"{GOOD}skip: [account]\n", ":3: skip: account cannot be skipped: a backup has to say whose it is", None),
    "skip unknown": (f"{GOOD}skip:\n  - tasks\n  - coments\n", ":5: skip[1]: no such value is known", "did you mean comments?"),
    "skip not a list": (f"{GOOD}skip: tasks\n", ":3: skip: must be a list", None),
    "literal secret": (f"source: {{wiki: {{token: {SECRET}}}}}\nsinks: [void]\n",
                       f":1: source.wiki.token: {NOT_A_REFERENCE}", None),
    "literal secret deep down": (f"source:\n  wiki:\n    login:\n      user: u\n      password: {SECRET}\nsinks: [void]\n",
                                 f":5: source.wiki.login.password: {NOT_A_REFERENCE}", None),
    "secret as a list": (f"source: {{wiki: {{token: [{SECRET}]}}}}\nsinks: [void]\n", ":1: source.wiki.token: must be text", None),
    "a name of two lines": (f'{GOOD}name: "a\\nb"\n', ":3: name: must be one line of printable text", None),
    "nested deeply": ("a: " + "[" * 60 + "]" * 60, ":1: is nested too deeply, or an alias stands for itself", None),
    "nested very deeply": ("[" * 50_000, ": is nested too deeply", None),
    "an alias of itself": ("&a\nsource: wiki\nsinks: [*a]\n", ":2: is nested too deeply, or an alias stands for itself", None),
    "too large a file": ("#" * (1 << 20) + "\n", ": is larger than a megabyte, so hardly a profile", None),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_told_with_line_and_key(name: str, tmp_path: Path, plugins: Plugins) -> None:
    text, message, hint = CASES[name]
    assert _one(tmp_path, plugins, text) == (message, hint)


def test_many_aliases_of_aliases_are_refused_before_they_fill_the_memory(tmp_path: Path, plugins: Plugins) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    message, _ = _one(tmp_path, plugins, "\n".join(lines))
    assert message.endswith("holds too much; aliases multiply what they stand for")


def test_an_unknown_option_is_refused_whether_or_not_the_plugin_thought_of_it(tmp_path: Path) -> None:
    class Plain(BaseModel):
        greeting: str = "HELLO"

    class Open(Plain):
        model_config = ConfigDict(extra="allow")

    class Shelf:
        @hookimpl
        def register_sinks(self, register: Register) -> None:
            register("plain", options=Plain, make=lambda options, context: None)
            register("open", options=Open, make=lambda options, context: None)

    plugins = Plugins.load()
    plugins.add("shelf", Shelf())
    message, hint = _one(tmp_path, plugins, "source: mock\nsinks: [plain: {greting: x}, open: {greting: x}]\n")
    assert message.endswith("sinks[0].plain.greting: unknown key")
    assert hint == "did you mean greeting?"
    path = tmp_path / "p.yaml"
    path.write_text("source: mock\nsinks: [plain: {greeting: x}]\n")
    assert isinstance(load(path, plugins).sinks[0].options, Plain)


def test_aliases_and_merges_may_be_used(tmp_path: Path, plugins: Plugins) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("source: {wiki: &w {level: 5, on: &t true}}\nsinks:\n  - void: {<<: *w, level: 6}\n  - void: *w\n")
    profile = load(path, plugins)
    assert [part.options for part in profile.sinks] == [Options(level=6), Options(level=5)]


def test_all_mistakes_are_told_at_once_in_the_order_of_the_lines(tmp_path: Path, plugins: Plugins) -> None:
    text = "nam: x\nsource: {wiki: {level: 10, colour: red}}\nattachments: some\nsinks:\n  - shelf: {}\n  - nope\n"
    problems = _problems(tmp_path, plugins, text)
    assert [problem.line for problem in problems] == [1, 2, 2, 3, 5, 6]
    assert [problem.key for problem in problems] == [
        "nam", "source.wiki.level", "source.wiki.colour", "attachments", "sinks[0].shelf.path", "sinks[1]",
    ]  # fmt: skip


def test_problems_are_one_error_too(tmp_path: Path, plugins: Plugins) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("a: 1\nb: 2\n" + GOOD)
    with pytest.raises(ProfileProblems, match=r"p\.yaml:1: a: unknown key") as caught:
        load(path, plugins)
    assert len(caught.value.problems) == 2


def test_a_plugin_that_is_set_aside_is_named_where_a_kind_is_missing(tmp_path: Path, plugins: Plugins) -> None:
    plugins.broken.append(Broken("azure", "acme-azure", "ModuleNotFoundError: No module named 'azure'"))
    _, hint = _one(tmp_path, plugins, "source: wiki\nsinks: [azure: {}]\n")
    assert hint is not None
    assert "the plugin azure of acme-azure is set aside: ModuleNotFoundError" in hint


def test_a_file_that_is_not_there_and_a_folder(tmp_path: Path, plugins: Plugins) -> None:
    with pytest.raises(ProfileError, match=r"nowhere\.yaml: there is no such profile"):
        load(tmp_path / "nowhere.yaml", plugins)
    with pytest.raises(ProfileError, match="this is a folder, not a profile"):
        load(tmp_path, plugins)


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path, plugins: Plugins) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load(path, plugins).source.kind == "wiki"


PLUGINS = _plugins()
SOUP = st.text(alphabet=st.sampled_from(list("abcsk: -[]{},\n\"'&*!|>%@`#?~0.\\\t<=")), max_size=60)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["wiki", "void", "level", "token", "x"]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(text=SOUP | st.text(max_size=40) | st.binary(max_size=40))
def test_whatever_the_file_holds_the_answer_is_a_profile_error(
    text: str | bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "soup.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(errors="surrogatepass"))
    with pytest.raises(ProfileError):
        load(path, PLUGINS)


@given(
    values=st.dictionaries(
        st.sampled_from(["source", "sinks", "skip", "transfers", "name", "state", "transforms"]), VALUES
    )
)
def test_whatever_the_values_are_they_are_taken_or_refused_in_words(
    values: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> None:
    import json

    path = tmp_path_factory.getbasetemp() / "values.yaml"
    path.write_text(json.dumps(values).replace("NaN", ".nan").replace("Infinity", ".inf"))
    with contextlib.suppress(ProfileError):
        load(path, PLUGINS)
