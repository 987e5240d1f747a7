"""Titles and overviews from a grammar: loglines that hint at a film's genres and do not settle them."""

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from pipeline.sample import phrases
from pipeline.sample.genres import GENRES, weights

T = TypeVar("T")

# Shares of phrases from one of the film's genres and from none; the rest are of any genre, and may mislead.
# Tuned so that a linear model on the words of 600 films reaches a micro-F1 of 0.70 to 0.75.
_OWN, _NEUTRAL = 0.76, 0.19

MIN_WORDS, MAX_WORDS = 25, 70
_AIMED_WORDS = {1: (25, 52), 2: (42, 64)}  # span -> where a film's aimed length is drawn from; later ones run longer

_OPENERS = (
    "{full} is {a_who} {where}.",
    "{full} is {a_who} {where} when {event}.",
    "When {event}, {who} {full} must {goal}.",
    "{full}, {a_who} {where}, {wants} {goal}.",
    "{full}, {age}, is {a_who} who {wants} {goal}.",
    "After {event}, {full}, {a_who}, {wants} {goal}.",
    "{where}, {a_who} named {full} {wants} {goal}.",
    "{where}, {event}, and {full}, {a_who}, has to {goal}.",
    "{a_who} and {a_who} meet {where} just as {event}.",
    "It is {time}, and {event}. Only {full}, {a_who}, can {goal}.",
    "For {years} years {full} has been {a_who} {where}. Then {event}.",
    "{full} is {a_who}. What {he} cannot know: {event}.",
    "{time}: {event}, and {who} {full} is asked to {goal}.",
)

_FOLLOWERS = (
    "When {event}, {he} must {goal}.",
    "But {twist}.",
    "{twist}.",
    "{twist} – and {twist}.",
    "But when {event}, {twist}.",
    "Before long, {event}.",
    "Together with {ally}, {a_who}, {he} {wants} {goal}.",
    "To {goal}, {he} needs the help of {ally}, {a_who}.",
    "Then {event}, and {twist}.",
    "Meanwhile {other}, {a_who}, {wants} {goal} as well.",
    "As {event}, {he} begins to doubt that anybody can {goal}.",
    "Soon {he} has to {goal}; {twist}.",
    '"You must {goal}," says {ally}, {a_who}. {he} agrees, until {event}.',
    "{ally}, {a_who}, knows what it means to {goal}.",
)

_CLOSERS = (
    "Set in {city}, {time}.",
    "Based on the [novel|play|stage hit] by {other}.",
    "A [film|story|tale] about [trust|friendship|courage|greed|memory] and [its price|second chances|growing up].",
    "Will {he} [make it|succeed|be in time]?",
    "Inspired by [true|real] events.",
    "From the director of 'The {noun}'.",
)

_WANTS = (
    "sets out to",
    "is determined to",
    "has no choice but to",
    "tries to",
    "will do anything to",
    "dreams of a chance to",
    "hopes to",
)

_TIMES = (
    "the summer of 19{two_digits}",
    "winter",
    "the last week of [May|August|October]",
    "19{two_digits}",
    "New Year's Eve",
    "the end of the [sixties|seventies|eighties]",
)

_NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine")

_TITLES = (
    ("{noun}", 2),
    ("The {noun}", 4),
    ("The {adjective} {noun}", 6),
    ("{adjective} {noun}", 4),
    ("{noun} of the {noun}", 2),
    ("{noun} and {noun}", 2),
    ("{first}'s {noun}", 3),
    ("{noun} in {city}", 2),
    ("The {noun} of {city}", 2),
    ("One {noun} for {first}", 2),
    ("No {noun} for {last}", 1),
    ("{noun}: {noun}", 1),
    ("{last}'s {noun}", 2),
    ("Goodbye, {noun}", 1),
)

_CHOICE = re.compile(r"\[([^\]]*)\]")


class _Teller:
    """Tells one film: draws phrases and people, and uses no phrase twice."""

    def __init__(self, rng: np.random.Generator, genres: tuple[str, ...], span: int) -> None:
        self._rng = rng
        self._genres = genres
        self._turn = int(rng.integers(len(genres)))
        shares = weights(span)
        self._any = shares / shares.sum()
        self._used: set[str] = set()
        gender = self.pick(("she", "he"))
        first = self.pick(phrases.FIRST_NAMES[gender])
        last = self.pick(phrases.LAST_NAMES)
        self._people = {
            "he": gender,
            "him": "her" if gender == "she" else "him",
            "his": "her" if gender == "she" else "his",
            "first": first,
            "last": last,
            "full": f"{first} {last}" if rng.random() < 0.7 else first,
            "ally": self.pick(phrases.FIRST_NAMES[self.pick(("she", "he"))]),
            "foe": self.pick(phrases.LAST_NAMES),
            "other": self.person(),
        }

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self._rng.integers(len(options)))]

    def person(self) -> str:
        return f"{self.pick(phrases.FIRST_NAMES[self.pick(('she', 'he'))])} {self.pick(phrases.LAST_NAMES)}"

    def _bank(self) -> Mapping[str, list[str]]:
        chance = self._rng.random()
        if chance < _OWN:
            self._turn += 1  # every genre in its turn, so that few go without a word
            return phrases.BANKS[self._genres[self._turn % len(self._genres)]]
        if chance < _OWN + _NEUTRAL:
            return phrases.BANKS[phrases.NEUTRAL]
        return phrases.BANKS[GENRES[int(self._rng.choice(len(GENRES), p=self._any))]]

    def phrase(self, kind: str) -> str:
        """A phrase of a kind that this film has not had."""
        while True:
            phrase = self.pick(self._bank()[kind])
            if phrase not in self._used:
                self._used.add(phrase)
                return self.fill(phrase)

    def fill(self, text: str) -> str:
        """Makes the choices in a text and fills its slots, each with words of its own."""
        text = _CHOICE.sub(lambda choice: self.pick(choice[1].split("|")), text)
        return re.sub(r"\{(\w+)\}", lambda slot: self._slot(slot[1]), text)

    def _slot(self, name: str) -> str:
        if name in self._people:
            return self._people[name]
        if name in ("who", "where", "event", "goal", "twist"):
            return self.phrase(name)
        if name == "noun":
            return self.phrase("title")
        if name == "a_who":
            who = self.phrase("who")
            return f"{article(who)} {who}"
        if name == "wants":
            return self.fill(self.pick(_WANTS))
        if name == "time":
            return self.fill(self.pick(_TIMES))
        if name == "adjective":
            return self.pick(phrases.ADJECTIVES)
        if name == "city":
            return self.pick(phrases.CITIES)
        if name == "western":
            return self.pick(phrases.WESTERN_PLACES)
        if name in ("n", "years"):
            return self.pick(_NUMBERS)
        if name == "age":
            return str(self._rng.integers(17, 70))
        if name == "two_digits":
            return str(self._rng.integers(20, 99))
        if name == "d":
            return str(self._rng.integers(1, 6))
        raise KeyError(name)


def article(noun: str) -> str:
    """The indefinite article of a noun phrase, by its first letter and a few sounds."""
    return "an" if noun[0].lower() in "aeio" or noun.startswith(("un", "FBI")) else "a"


def _sentence_case(text: str) -> str:
    return re.sub(r"(^|[.?!] )([\"']?)(\w)", lambda m: m[1] + m[2] + m[3].upper(), text)


def draw_title(rng: np.random.Generator, genres: tuple[str, ...], span: int) -> str:
    """A film's title, 1 to about 5 words."""
    odds = np.array([weight for _, weight in _TITLES], dtype=float)
    pattern = _TITLES[int(rng.choice(len(_TITLES), p=odds / odds.sum()))][0]
    return _Teller(rng, genres, span).fill(pattern)


def draw_overview(rng: np.random.Generator, genres: tuple[str, ...], span: int) -> str:
    """An overview of `MIN_WORDS` to `MAX_WORDS` words.

    Args:
        rng: where its chance comes from.
        genres: the film's genres.
        span: 1 or 2; the later one's overviews run longer.
    """
    teller = _Teller(rng, genres, span)
    low, high = _AIMED_WORDS[span]
    aim = int(rng.integers(low, high + 1))
    text = _sentence_case(teller.fill(teller.pick(_OPENERS)))
    followers = [_FOLLOWERS[i] for i in rng.permutation(len(_FOLLOWERS))]
    while len(text.split()) < aim and followers:
        closing = aim - len(text.split()) < 8 and rng.random() < 0.5
        pattern = teller.pick(_CLOSERS) if closing else followers.pop()
        sentence = _sentence_case(teller.fill(pattern))
        if len(text.split()) + len(sentence.split()) <= MAX_WORDS:
            text = f"{text} {sentence}"
    return text


def cast_and_crew(rng: np.random.Generator, count: int) -> list[str]:
    """Names for a poster's credits."""
    return [
        f"{names[int(rng.integers(len(names)))]} {phrases.LAST_NAMES[int(rng.integers(len(phrases.LAST_NAMES)))]}"
        for names in (phrases.FIRST_NAMES["she" if rng.random() < 0.5 else "he"] for _ in range(count))
    ]
