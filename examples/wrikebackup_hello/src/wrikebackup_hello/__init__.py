"""An example plugin: what it brings and which options a profile may set. The parts are imported when they are used."""

from pydantic import BaseModel, ConfigDict, Field

from wrikebackup_core import Context, Register, Sink, Source, Transform, hookimpl


class SourceOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    path: str | None = Field(default=None, description="a folder with JSON files; the plugin's own example without it")


class SinkOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    path: str = Field(min_length=1, description="the SQLite file; created if missing")


class TransformOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    greeting: str = Field(default="Hello", description="how the README.txt begins")


def make_source(options: SourceOptions, _context: Context) -> Source:
    from wrikebackup_hello.source import HelloSource

    return HelloSource(options.path)


def make_sink(options: SinkOptions, _context: Context) -> Sink:
    from wrikebackup_hello.sink import HelloSink

    return HelloSink(options.path)


def make_transform(options: TransformOptions, _context: Context) -> Transform:
    from wrikebackup_hello.transform import HelloTransform

    return HelloTransform(options.greeting)


@hookimpl
def register_sources(register: Register) -> None:
    register("hello", options=SourceOptions, make=make_source)


@hookimpl
def register_sinks(register: Register) -> None:
    register("hello", options=SinkOptions, make=make_sink)


@hookimpl
def register_transforms(register: Register) -> None:
    register("hello", options=TransformOptions, make=make_transform)
