"""What each word of an overview is worth to a model: how much less it says of a genre without the word."""

from collections.abc import Callable, Sequence

import numpy as np

Scorer = Callable[[Sequence[str]], np.ndarray]  # overviews [N] -> scores [N, G]


def worth(words: Sequence[str], genre: int, score: Scorer) -> list[float]:
    """Change of the genre's log-odds that each word makes, by leaving it out (Li, Monroe and Jurafsky 2016).

    Args:
        words: of an overview, as the model splits it.
        genre: column.
        score: the model.

    Returns:
        One figure a word; above 0 it speaks for the genre.
    """
    without = [" ".join([*words[:place], *words[place + 1 :]]) for place in range(len(words))]
    scores = np.clip(score([" ".join(words), *without])[:, genre], 1e-6, 1 - 1e-6)
    logits = np.log(scores / (1 - scores))
    return (logits[0] - logits[1:]).round(3).tolist()
