"""What `tfx pipeline create --engine=local --pipeline_path=pipeline/local_runner.py` is given.

Settings come from the environment variable MARQUEE_SETTINGS (`marquee run` and `marquee env` set it), else
from marquee.toml in the current folder, else they are the defaults.
"""

import os
import sys
from pathlib import Path

from pipeline import settings as settings_module
from pipeline.dag import CODE, create_pipeline
from pipeline.environment import EXIT_CODE_FILE, MISTAKEN, settings_file
from pipeline.paths import Paths, files_fingerprints, snapshot_of_schema, source_fingerprint, with_absolute_files
from pipeline.runner import MarqueeDagRunner
from pipeline.settings import Settings
from transform.errors import MarqueeError


def main() -> None:
    try:
        if text := os.environ.get("MARQUEE_SETTINGS"):
            settings = settings_module.from_json(text)
        else:
            settings = settings_module.load(settings_file(None))
        settings = with_absolute_files(settings)
        paths = snapshot_of_schema(Paths.bind(settings))
        pipeline = create_pipeline(settings, paths, sources_of(settings))
    except MarqueeError as error:
        if file := os.environ.get(EXIT_CODE_FILE):
            Path(file).write_text(str(MISTAKEN), encoding="ascii")
        sys.exit(f"marquee: {error}")
    MarqueeDagRunner(settings, paths).run(pipeline)


def sources_of(settings: Settings) -> dict[str, str]:
    """The fingerprints that `create_pipeline` takes."""
    return {module: source_fingerprint(module) for module in CODE} | files_fingerprints(settings)


if __name__ == "__main__":
    main()
