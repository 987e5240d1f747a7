"""What `tfx pipeline create --engine=local --pipeline_path=pipeline/local_runner.py` is given.

Settings come from the environment variable MARQUEE_SETTINGS (`marquee run` and `marquee env` set it), else
from marquee.toml in the current folder, else they are the defaults.
"""

import os
import sys
from pathlib import Path

from pipeline import settings as settings_module
from pipeline.dag import create_pipeline
from pipeline.environment import settings_file
from pipeline.paths import Paths, file_fingerprint, snapshot_of_schema, source_fingerprint
from pipeline.runner import MarqueeDagRunner
from transform.errors import MarqueeError


def main() -> None:
    try:
        if text := os.environ.get("MARQUEE_SETTINGS"):
            settings = settings_module.from_json(text)
        else:
            settings = settings_module.load(settings_file(None))
        paths = snapshot_of_schema(Paths.bind(settings))
    except MarqueeError as error:
        sys.exit(f"marquee: {error}")
    sources = {
        "transform": source_fingerprint("transform"),
        "trainer": source_fingerprint("transform", "trainer"),
    }
    if settings.lstm.embeddings:
        sources["lstm"] = file_fingerprint(Path(settings.lstm.embeddings))
    MarqueeDagRunner(settings, paths).run(create_pipeline(settings, paths, sources))


if __name__ == "__main__":
    main()
