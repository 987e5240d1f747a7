"""How well the decisions of a trained model do on films that neither its networks nor they were chosen on.

A film of train is spoken for by the network that has not learnt from it (one of a committee, so a little less sure than
the whole), a film of eval by all. Calibration, genres' say in each other and thresholds are chosen on four fifths of
these films and asked of the last, in turn.
"""

import dataclasses
import sys
from pathlib import Path

import numpy as np

from components.genre_evaluator.multilabel import Evaluation, evaluate
from trainer import decisions, evidence, folds
from trainer.evidence import Evidence

FOLDS = 5
SEEDS = range(4)  # of the folds; figures are means over them


def five_fold(run: Path) -> dict[str, float]:
    """The scalar figures of an Evaluation of the ModelRun at `run`, over its films of train and eval."""
    return over(evidence.load(run))


def over(found: Evidence) -> dict[str, float]:
    """The same of any evidence, over the films that all heads tell of."""
    found = of(found, found.told.all(axis=0))
    answers = [dataclasses.asdict(_evaluate(found, seed)) for seed in SEEDS]
    return {
        name: float(np.mean([answer[name] for answer in answers]))
        for name, value in answers[0].items()
        if isinstance(value, float)
    }


def _evaluate(found: Evidence, seed: int) -> Evaluation:
    positives, films = found.labels[~found.on_eval].sum(axis=0), int((~found.on_eval).sum())
    log_odds = np.log((positives + 1) / (films - positives + 1))
    fold = folds.of_films(found.films.tolist(), FOLDS, seed)
    scores, said = np.zeros(found.labels.shape), np.zeros(found.labels.shape, bool)
    for number in range(FOLDS):
        asked = fold == number
        chosen = decisions.choose(of(found, ~asked), log_odds)
        scores[asked] = decisions.scores_of(chosen, of(found, asked))
        said[asked] = scores[asked] >= chosen.thresholds[chosen.rows(found.present[asked])]
    return evaluate(found.labels, scores, said)


def of(found: Evidence, films: np.ndarray) -> Evidence:
    """What is said of some of the films, bool [N]."""
    rows = {name: getattr(found, name)[films] for name in ("films", "on_eval", "labels", "present")}
    return Evidence(**{**vars(found), **rows, "logits": found.logits[:, films]})


if __name__ == "__main__":
    for folder in sys.argv[1:]:
        print(folder, {name: round(figure, 4) for name, figure in five_fold(Path(folder)).items()})
