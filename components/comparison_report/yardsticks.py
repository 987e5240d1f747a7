"""What any model should beat: an answer that never changes, and a bag of words."""

import re
from collections.abc import Sequence

import numpy as np
from scipy.special import expit, logit
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_curve

from components.genre_evaluator import multilabel

NAME = "TF-IDF + logistic regression"
WORD = r"(?u)\b\w+\b"
MANY = 20_000  # films of train that it learns from at most, the first; more would take longer than it is worth here


def bag_of_words(
    train: tuple[Sequence[str], np.ndarray], held_out: tuple[Sequence[str], np.ndarray], test: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """TF-IDF of words and pairs, one logistic regression a genre, thresholds of the best F1 on `held_out`.

    The regressions are balanced; scores are as they would be if they were not (King and Zeng 2001, prior correction),
    so that one curve can be drawn over all genres.

    Args:
        train: overviews, and labels bool [N, G].
        held_out: the same of the eval split.
        test: overviews.

    Returns:
        Scores float64 [N, G] and decisions bool [N, G] for `test`.
    """
    texts, labels = train[0][:MANY], train[1][:MANY]
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=WORD)
    features = words.fit_transform(texts)
    seen, asked = words.transform(held_out[0]), words.transform(test)
    scores = np.zeros((len(test), labels.shape[1]))
    decisions = np.zeros(scores.shape, bool)
    for genre in range(labels.shape[1]):
        if labels[:, genre].all() or not labels[:, genre].any():
            scores[:, genre] = labels[:, genre].mean()
            decisions[:, genre] = scores[:, genre] > 0.5
            continue
        model = LogisticRegression(C=4.0, class_weight="balanced", solver="liblinear").fit(features, labels[:, genre])
        scores[:, genre] = model.predict_proba(asked)[:, 1]
        threshold = _best_threshold(held_out[1][:, genre], model.predict_proba(seen)[:, 1])
        decisions[:, genre] = scores[:, genre] >= threshold
        scores[:, genre] = expit(logit(scores[:, genre]) + logit(labels[:, genre].mean()))
    return scores, decisions


def has_words(overviews: Sequence[str]) -> bool:
    """Whether a bag of words can learn from them."""
    return any(re.search(WORD, text) for text in overviews[:MANY])


def constants(train: np.ndarray, films: int, genres: Sequence[str]) -> dict[str, np.ndarray]:
    """Answers that are the same for every film: the best such by micro-F1 on train, and every genre.

    Args:
        train: labels bool [N, G].
        films: M, to answer for.
        genres: names, [G].

    Returns:
        Decisions bool [M, G] by name.
    """
    best = multilabel.best_constant(train.sum(axis=0), len(train)).genres
    always = np.zeros((films, len(genres)), bool)
    always[:, list(best)] = True
    return {"always " + ", ".join(genres[genre] for genre in best): always, "every genre": np.ones_like(always)}


def _best_threshold(labels: np.ndarray, scores: np.ndarray) -> float:
    if not labels.any():
        return 0.5
    precision, recall, thresholds = precision_recall_curve(labels, scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(thresholds[f1[:-1].argmax()])
