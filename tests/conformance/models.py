"""Models whose answers are known, for a server to be asked about: python -m tests.conformance.models DIR."""

import argparse
import os
from pathlib import Path

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

MOUNT = "/models"  # where a container is shown DIR
NAMES = ("half_plus_two", "rows", "dtypes", "examples_tf1", "examples_tf2")
LABELS = {"stable": 1, "canary": 2}  # of half_plus_two, which has two versions


def config(root: str | Path = MOUNT) -> model_server_config_pb2.ModelServerConfig:
    """The models, below the folder `root` as the server sees it."""
    found = model_server_config_pb2.ModelServerConfig()
    for name in NAMES:
        found.model_config_list.config.add(name=name, base_path=f"{root}/{name}", model_platform="tensorflow")
    two_versions = found.model_config_list.config[0]
    two_versions.model_version_policy.all.SetInParent()
    for label, version in LABELS.items():
        two_versions.version_labels[label] = version
    return found


def write(folder: Path, root: str | Path = MOUNT) -> Path:
    """Writes the models and their models.config, and gives the path of that."""
    from tests.serving import models  # here, since it imports TensorFlow

    for name in NAMES:
        getattr(models, name)(folder / name / "1")
    models.half_plus_two(folder / "half_plus_two" / "2", plus=3)
    file = folder / "models.config"
    file.write_text(text_format.MessageToString(config(root)))
    return file


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes models for the conformance suite to ask about.")
    parser.add_argument("folder", type=Path, metavar="DIR", help="A new folder.")
    parser.add_argument("--root", default=MOUNT, help="What DIR is called where the server runs. [%(default)s]")
    given = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    print(f"Start a server with --model_config_file={given.root}/{write(given.folder, given.root).name}")


if __name__ == "__main__":
    main()
