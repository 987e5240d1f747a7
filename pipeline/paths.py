"""Where everything that a run reads or makes lies."""

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path

from pipeline.settings import Settings
from transform.errors import MarqueeError

ROOT = Path(__file__).resolve().parent.parent


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
        return self.work / ".lock"


def snapshot_of_schema(paths: Paths) -> Paths:
    """The same paths with the curated schema copied under a name that its content decides.

    ImportSchemaGen's cache key holds the file's path alone: an edited file has to be another path.

    Raises:
        MarqueeError: the schema cannot be read, or the work folder cannot be written.
    """
    if paths.schema is None:
        return paths
    try:
        content = paths.schema.read_bytes()
        copy = paths.work / "schemas" / hashlib.sha256(content).hexdigest()[:16] / "schema.pbtxt"
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(content)
    except OSError as error:
        raise MarqueeError(f"{error.filename}: the schema cannot be read or copied ({error.strerror}).") from error
    return dataclasses.replace(paths, schema=copy)


def source_fingerprint(*rooms: str) -> str:
    """SHA-256 over the Python sources of the rooms.

    Transform and Trainer are given their code by import path, which their cache keys do not look into:
    with this among their settings, changed code is a changed input.
    """
    digest = hashlib.sha256()
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.py")):
            digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def file_fingerprint(path: Path) -> str:
    """SHA-256 over a file; empty where there is none, which is for its reader to complain of."""
    if not path.is_file():
        return ""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()[:16]
