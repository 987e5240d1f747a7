"""What the page says in words: the run at a glance, what measures and metrics mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

GOOD, WARN, BAD, PLAIN = "good", "warn", "bad", "plain"  # classes of the page's CSS

# Outcome's state -> heading, tone, sentence where there is no message.
OUTCOMES = {
    "finished": ("Finished", GOOD, "Every component ran, or came from the cache."),
    "stopped": ("Stopped", WARN, "The data or the settings stopped this run."),
    "failed": ("Failed", BAD, "Something broke that is not the data's fault."),
}
# State of a node -> what to say of its output, which is not there.
WHY_ABSENT = {"failed": "failed", "unfinished": "did not finish", "ran": "left nothing", "cached": "left nothing"}
# Key of LabelBalance's measures -> name, digits, meaning. Charte, Rivera, del Jesus, Herrera 2015.
MEASURES = (
    ("cardinality", "Cardinality", 2, "genres of a film, on average"),
    ("density", "Density", 3, "cardinality over the number of genres"),
    ("label_sets", "Label sets", 0, "different combinations of genres"),
    ("mean_ir", "MeanIR", 2, "mean over genres of: films of the commonest over films of this one; 1 is balanced"),
    ("max_ir", "MaxIR", 1, "the same for the rarest genre"),
    ("cv_ir", "CVIR", 2, "how unlike the genres' ratios are: their standard deviation over their mean"),
    ("scumble", "SCUMBLE", 3, "how much rare genres come together with common ones; 0 is never, 1 always"),
)
# Metric of a comparison -> its name.
METRICS = {
    "jensen_shannon": "Jensen-Shannon divergence",
    "l_infinity": "largest change of a share (L∞)",
    "presence": "change of the share of films that have it",
    "films": "number of films, after over before",
}
# Key of training.json's versions -> name.
SOFTWARE = {
    "tfx": "TFX",
    "tensorflow": "TensorFlow",
    "keras": "Keras",
    "sklearn": "scikit-learn",
    "scipy": "SciPy",
    "numpy": "NumPy",
    "python": "Python",
}
# Hyperparameter of a search -> name; the last two are factors of the network's own.
SEARCHED = {
    "learning_rate": "learning rate",
    "weight_decay": "weight decay",
    "width": "width ×",
    "dropout": "dropout ×",
}
# Slice of an evaluation -> which films it is of.
SLICES = {
    "has_poster=yes": "with a poster",
    "has_poster=no": "without a poster",
    "has_overview=yes": "with an overview",
    "has_overview=no": "without an overview",
    "has_overview=yes,has_poster=yes": "with both",
    "has_overview=no,has_poster=yes": "with a poster alone",
    "has_overview=yes,has_poster=no": "with an overview alone",
    "has_overview=no,has_poster=no": "with neither",
}
FEWEST_TOGETHER = 10  # films: the lift of a rarer pair says little


@dataclass(frozen=True)
class Fact:
    """One fact of the run at a glance."""

    name: str
    value: str
    note: str
    tone: str
    anchor: str  # id of the section that tells more


def glance(run: Mapping[str, Any]) -> list[Fact]:
    """The few facts that decide whether to read on; one that is not known says so."""
    found = [_films(run), _genres(run["balance"]), _drift(run["drift"])]
    if run["skew"]:
        found.append(_skew(run["skew"]))
    return [*found, _anomalies(run["anomalies"]), _rejects(run)]


def _films(run: Mapping[str, Any]) -> Fact:
    ingest = run["ingest"]
    if not ingest:
        return Fact("Films", "not known", "", PLAIN, "rejects")
    span = f"of span {ingest['span']}" if "span" in ingest else ""
    trained = trained_on(run.get("window", []))
    return Fact("Films", f"{ingest['films']:,}", f"{span}; trained on {trained}" if trained else span, PLAIN, "rejects")


def trained_on(window: Sequence[Mapping[str, Any]]) -> str:
    """The films of a window, as "120 of spans 2, 3"; empty where only one span was trained on."""
    if not window:
        return ""
    spans = ", ".join(str(each["span"]) for each in window)
    return f"{sum(each['films'] for each in window):,} of span{'s' if len(window) > 1 else ''} {spans}"


def _genres(balance: Mapping[str, Any] | None) -> Fact:
    if not balance:
        return Fact("Genres", "not known", "", PLAIN, "genres")
    rare = sum(row["decision"] != "keep" for row in balance["genres"])
    note = f"{rare} rare" if rare else "none rare"
    return Fact("Genres", f"{len(balance['genres'])}", note, WARN if rare else GOOD, "genres")


def _drift(drift: Mapping[str, Any] | None) -> Fact:
    if not drift:
        return Fact("Drift", "not known", "", PLAIN, "drift")
    if not drift["baseline"]:
        return Fact("Drift", "no baseline", "nothing to compare with", PLAIN, "drift")
    since = f"since span {drift['baseline']['span']}"
    drifted = drift["verdict"] == "drift"
    return Fact("Drift", "yes" if drifted else "none", since, WARN if drifted else GOOD, "drift")


def _skew(skew: Mapping[str, Any]) -> Fact:
    skewed = skew["verdict"] == "drift"
    requests = f"in {skew['requests']:,} requests"
    return Fact("Serving skew", "yes" if skewed else "none", requests, WARN if skewed else GOOD, "skew")


def _anomalies(anomalies: list[Mapping[str, str]] | None) -> Fact:
    if anomalies is None:
        return Fact("Anomalies", "not known", "", PLAIN, "anomalies")
    features = {anomaly["feature"] for anomaly in anomalies}
    note = "in " + ", ".join(sorted(features)) if features else "films fit the schema"
    return Fact("Anomalies", f"{len(anomalies)}", note, WARN if anomalies else GOOD, "anomalies")


def _rejects(run: Mapping[str, Any]) -> Fact:
    if not run["ingest"]:
        return Fact("Rejects", "not known", "", PLAIN, "rejects")
    count = sum(run["ingest"].get("rejects", {}).values())
    reasons = len(run["ingest"].get("rejects", {}))
    note = f"for {reasons} reason{'s' if reasons > 1 else ''}" if count else "every row was used"
    return Fact("Rejects", f"{count:,}", note, WARN if count else GOOD, "rejects")


def bound_pairs(cooccurrence: Mapping[str, Any], count: int = 3) -> list[dict[str, Any]]:
    """The pairs of genres with the highest lift over 1 among those that share FEWEST_TOGETHER films or more."""
    names, films, lifts = cooccurrence["genres"], cooccurrence["films"], cooccurrence["lift"]
    pairs = [
        {"one": names[y], "other": names[x], "films": films[y][x], "lift": lifts[y][x]}
        for y in range(len(names))
        for x in range(y)
        if films[y][x] >= FEWEST_TOGETHER and (lifts[y][x] or 0) > 1
    ]
    return sorted(pairs, key=lambda pair: -pair["lift"])[:count]


def tint(worth: Sequence[float], place: int) -> str:
    """Class of a word by what it is worth beside the others of its overview."""
    share = worth[place] / max(*map(abs, worth), 0.2)
    if abs(share) < 0.15:
        return ""
    return ("for" if share > 0 else "against") + ("-more" if abs(share) > 0.5 else "")


def looked_at(attention: Sequence[float] | None, place: int) -> bool:
    """Whether attention gives a word twice its share."""
    return attention is not None and place < len(attention) and attention[place] * len(attention) >= 2


def confusions(found: Mapping[str, Any], name: str, count: int = 5) -> list[dict[str, Any]]:
    """Of comparison.json the pairs that most films fell for: `genre`, missed, of which `films` were called `other`."""
    pairs = [
        {"genre": genre, "other": other, "films": films}
        for y, (genre, row) in enumerate(zip(found["genres"], found["confusion"][name], strict=True))
        for x, (other, films) in enumerate(zip(found["genres"], row, strict=True))
        if x != y and films
    ]
    return sorted(pairs, key=lambda pair: -pair["films"])[:count]


def versions(training: Mapping[str, Any]) -> str:
    """What a model was trained by, of training.json."""
    return ", ".join(f"{SOFTWARE.get(key, key)} {version}" for key, version in training["versions"].items())


def beginnings(training: Mapping[str, Any]) -> list[str]:
    """What a training started from that isn't drawn or the recipe's own, as sentences, of training.json."""
    said = []
    if warm := training.get("warm_start"):
        if "refused" in warm:
            said.append(f"A warm start from model {warm['model']} was not possible: {warm['refused']}.")
        else:
            genres = [len(warm["genres"][key]) for key in ("carried", "new")]
            words = [warm["words"][key] for key in ("carried", "new")] if "words" in warm else None
            known = f" and {words[0]:,} of {sum(words):,} words" if words else ""
            said.append(f"Started from model {warm['model']}, which knew {genres[0]} of {sum(genres)} genres{known}.")
    if found := training.get("hyperparameters"):
        values = ", ".join(f"{SEARCHED.get(key, key)} {value:.3g}" for key, value in found.items())
        said.append(f"Found by a search on eval: {values}.")
    return said
