"""Which genres are rare, and what becomes of them as labels."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from components.label_balance.measures import LabelSets
from transform.genres import LEFT_OUT

TRAIN, TEST = "train", "test"  # the splits that have a minimum
KEEP, WARN, MERGE, LEAVE_OUT = "keep", "warn", "merge", "leave_out"
ON_RARE = (WARN, MERGE, LEAVE_OUT)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """When a genre is rare, and what then.

    Attributes:
        min_train: films of train below which it is rare.
        min_test: films of test below which it is rare.
        on_rare: one of ON_RARE.
        merge_into: the label of the rare genres that are merged.
    """

    min_train: int
    min_test: int
    on_rare: str
    merge_into: str

    def shortages(self, films: Mapping[str, int]) -> dict[str, str]:
        """The splits that have too few films of a genre, each with a phrase that says so.

        Args:
            films: of the genre, by split.
        """
        found = {}
        for split, minimum in ((TRAIN, self.min_train), (TEST, self.min_test)):
            count = f"{films[split]} film{'s' if films[split] != 1 else ''} in {split}"
            if split == TRAIN and not films[split]:
                found[split] = f"{count}, so that nothing can learn it"
            elif films[split] < minimum:
                found[split] = f"{count}, fewer than balance.min_{split} = {minimum}"
        return found


@dataclass(frozen=True)
class Decision:
    """What becomes of one genre.

    Attributes:
        action: KEEP, WARN (rare, kept), MERGE or LEAVE_OUT.
        label: the label that its films have instead; LEFT_OUT for none.
        shortages: as `Rules.shortages`; empty only for KEEP.
    """

    action: str
    label: str
    shortages: Mapping[str, str]

    @property
    def because(self) -> str:
        return " and ".join(self.shortages.values())

    @property
    def fate(self) -> str:
        return {WARN: "kept", MERGE: f"merged into {self.label}", LEAVE_OUT: "left out"}[self.action]


def decide(films: Mapping[str, Mapping[str, int]], rules: Rules) -> dict[str, Decision]:
    """The decision on each genre.

    A genre that train does not have is left out, whatever the rules: nothing can learn it. The one exception is a
    genre that has the very name under which others are merged: its films have a label that is learnt.

    Args:
        films: by genre and split.
        rules: when a genre is rare, and what then.
    """
    shortages = {genre: rules.shortages(splits) for genre, splits in films.items()}
    learnable = {genre for genre, splits in films.items() if splits[TRAIN]}
    merged = rules.on_rare == MERGE and any(shortages[genre] for genre in learnable)

    def decision(genre: str) -> Decision:
        if not shortages[genre]:
            return Decision(KEEP, genre, {})
        if genre not in learnable and not (merged and genre == rules.merge_into):
            return Decision(LEAVE_OUT, LEFT_OUT, shortages[genre])
        label = {WARN: genre, MERGE: rules.merge_into, LEAVE_OUT: LEFT_OUT}[rules.on_rare]
        return Decision(rules.on_rare, label, shortages[genre])

    return {genre: decision(genre) for genre in films}


def relabelled(sets: LabelSets, relabel: Mapping[str, str]) -> Counter[tuple[str, ...]]:
    """Label sets of genres as label sets of labels, each label once a film; a set may have none left.

    Args:
        sets: films by sorted tuple of genres.
        relabel: the new name of each genre that changes, LEFT_OUT to drop it.
    """
    found: Counter[tuple[str, ...]] = Counter()
    for genres, films in sets.items():
        labels = {relabel.get(genre, genre) for genre in genres} - {LEFT_OUT}
        found[tuple(sorted(labels))] += films
    return found
