"""Where everything that a run reads or makes lies."""

import ast
import dataclasses
import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.settings import FILES, PARTS, Settings
from transform.errors import MarqueeError

ROOT = Path(__file__).resolve().parent.parent

RUN_FILE, PAGE_FILE = "run.json", "index.html"  # of a report


@dataclass(frozen=True, kw_only=True)
class Paths:
    """Absolute paths of one work folder and of the data that it is fed."""

    data: Path
    work: Path
    schema: Path | None  # the curated schema, where there is one

    @classmethod
    def bind(cls, settings: Settings) -> "Paths":
        work = Path(settings.work).expanduser().resolve()
        schema = Path(settings.schema.file).expanduser().resolve()
        data = Path(settings.data.root).expanduser().resolve() if settings.data.root else work / "sample"
        return cls(data=data, work=work, schema=schema if schema.is_file() else None)

    @property
    def metadata(self) -> Path:
        return self.work / "metadata.sqlite"

    @property
    def artifacts(self) -> Path:
        return self.work / "artifacts"

    @property
    def serving(self) -> Path:
        return self.work / "serving_model"

    @property
    def reports(self) -> Path:
        return self.work / "reports"

    @property
    def logs(self) -> Path:
        return self.work / "logs"

    @property
    def tfx_home(self) -> Path:
        return self.work / "tfx"

    @property
    def lock(self) -> Path:
        """Held by the runner while it runs a pipeline."""
        return self.work / ".lock"

    @property
    def command_lock(self) -> Path:
        """Held by `marquee run` as a whole."""
        return self.work / ".command.lock"


def require_writable(work: Path) -> None:
    """Makes the work folder.

    Raises:
        MarqueeError: nothing can be written in it.
    """
    if set("[*?") & set(str(work)):
        raise MarqueeError(f"work folder {work}: Beam takes [, * and ? in a path for a pattern. Set WORK to another.")
    try:
        work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=work):
            pass
    except OSError as error:
        raise MarqueeError(f"work folder {work}: cannot be written ({error.strerror}). Set WORK to another.") from error


def snapshot_of_schema(paths: Paths) -> Paths:
    """The same paths with the curated schema copied under a name that its content decides.

    ImportSchemaGen's cache key holds the file's path alone: an edited file has to be another path.

    Raises:
        MarqueeError: the schema cannot be read or is none, or the work folder cannot be written.
    """
    if paths.schema is None:
        return paths
    from pipeline import schema_changes  # takes seconds to import

    try:
        content = paths.schema.read_bytes()
        schema_changes.parse(content.decode(), str(paths.schema))
        copy = paths.work / "schemas" / hashlib.sha256(content).hexdigest()[:16] / "schema.pbtxt"
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(content)
    except UnicodeDecodeError as error:
        raise MarqueeError(f"{paths.schema}: not a schema: {error}") from error
    except OSError as error:
        raise MarqueeError(f"{error.filename}: the schema cannot be read or copied ({error.strerror}).") from error
    return dataclasses.replace(paths, schema=copy)


def source_fingerprint(module: str) -> str:
    """SHA-256 over the sources of a module and of what it imports of Marquee, directly or not.

    Transform and Trainer are given their code by import path, which their cache keys do not look into: with this
    among their settings, changed code is a changed input, and code that they do not reach is none.

    Args:
        module: its import path, such as `trainer.cnn`.
    """
    digest = hashlib.sha256()
    for path in sorted(_reached(module)):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _reached(module: str) -> set[Path]:
    """The files of a module, of the packages around it, and of all that these import, wherever in them."""
    found: set[Path] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        parts = name.split(".")
        waiting += [".".join(parts[:length]) for length in range(1, len(parts))]
        base = ROOT.joinpath(*parts)
        path = next((each for each in (base / "__init__.py", base.with_suffix(".py")) if each.is_file()), None)
        if path is not None and path not in found:
            found.add(path)
            for node in ast.walk(ast.parse(path.read_bytes())):
                if isinstance(node, ast.Import):
                    waiting += [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and node.module:  # none of ours is relative
                    waiting += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found


def with_absolute_files(settings: Settings) -> Settings:
    """The same settings with the files that Trainers read named as data.root is: from this folder, or from home."""
    for name in PARTS:
        training = settings.training(name)
        given = {key: getattr(training, key) for key in FILES if getattr(training, key)}
        found: dict[str, Any] = {key: str(Path(path).expanduser().resolve()) for key, path in given.items()}
        changed: dict[str, Any] = {name: dataclasses.replace(training, **found)}
        settings = dataclasses.replace(settings, **changed)
    return settings


def files_fingerprints(settings: Settings) -> dict[str, str]:
    """Fingerprints of the files that the settings of a model name, by model: its cache key has their paths alone."""
    named = {name: [getattr(settings.training(name), key) for key in FILES] for name in PARTS}
    return {name: fingerprint(*filter(None, paths)) for name, paths in named.items() if any(paths)}


def fingerprint(*paths: str) -> str:
    """SHA-256 over files, and all files of folders; what is not there is for its reader to complain of."""
    digest = hashlib.sha256()
    for path in map(Path, paths):
        for file in sorted(each for each in (path, *path.rglob("*")) if each.is_file()):
            digest.update(file.relative_to(path).as_posix().encode() + b"\0")
            with file.open("rb") as content:
                while block := content.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()[:16]
