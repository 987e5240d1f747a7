"""Poster and overview together: the trained networks of other models, and a gate between them.

No network learns a second time, and heads share no weights. The gate and all decisions are learnt with modality dropout
(`trainer.decisions`), so that a film with one of the two gets what the single model says.
"""

import json
import logging
from pathlib import Path

import keras
from tfx.components.trainer.fn_args_utils import FnArgs

from trainer import backbone, cnn, evidence, fitting, heads, likeness, looks, lstm, sequences

log = logging.getLogger("marquee.trainer")

# What training.json repeats of each part's.
PART_TOLD = ("variant", "heads", "folds", "epochs", "batch_size", "learning_rate", "class_balance", "seed")
LAYERS = (backbone, cnn, likeness, looks, lstm, sequences)  # imported, so that Keras knows the layers of their networks


def run_fn(fn_args: FnArgs) -> None:
    """Chooses decisions and exports; what TFX's Trainer calls."""
    run(fn_args)


def run(fn_args: FnArgs) -> keras.Model:
    """Fuses the models whose ModelRun folders are in `custom_config["parts"]`, by name; the rest as `fitting.run`.

    Raises:
        MarqueeError: as `fitting.read`, or the parts were trained on different films.
    """
    job = fitting.read(fn_args)
    folders = {name: Path(uri) for name, uri in sorted(job.settings["parts"].items())}
    networks = [keras.saving.load_model(folder / heads.NETWORK_FILE, compile=False) for folder in folders.values()]
    said = evidence.join([evidence.load(folder) for folder in folders.values()])
    parts = {head: part for network in networks for head, part in heads.apart(network).items()}
    network = heads.side_by_side(parts, job.settings["name"])
    told = [json.loads((folder / "training.json").read_text(encoding="utf-8")) for folder in folders.values()]
    trained = {name: {key: about[key] for key in PART_TOLD} for name, about in zip(folders, told, strict=True)}
    parts_told = ", ".join(f"{name} (seed {about['seed']})" for name, about in trained.items())
    log.info("%s: of %s, %s", job.settings["name"], parts_told, fitting.made_of(job))
    about = {"name": job.settings["name"], "parts": list(folders), "trained": trained, "epochs": 0}
    return fitting.finish(job, network, said, {}, about)
