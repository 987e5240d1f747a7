"""What the page knows of a model beyond what the server answers."""

import json
from dataclasses import dataclass
from pathlib import Path

from serving.client.messages import INPUTS, Film

CARD = Path("assets.extra") / "marquee.json"


@dataclass(frozen=True, kw_only=True)
class DemoModel:
    """A model of the server.

    Attributes:
        name: as the server knows it.
        base_path: folder of its versions; None where they are out of reach, and so are their thresholds.
    """

    name: str
    base_path: Path | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """What it reads: "poster", "overview" or both; one of them is enough for it."""
        return INPUTS.get(self.name, ("poster", "overview"))

    def thresholds(self, version: int, film: Film) -> dict[str, float]:
        """The score from which on a version says that the film has the genre; empty where that is not known."""
        if self.base_path is None:
            return {}
        try:
            card = json.loads((self.base_path / str(version) / CARD).read_text(encoding="utf-8"))
            missing = [name for name in self.inputs if not getattr(film, name)]
            alone = card.get("thresholds_without", {}).get(missing[0]) if len(missing) == 1 else None
            return dict(zip(card["genres"], alone or card["thresholds"], strict=True))
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
        ):  # not a model of ours, or a version that is gone
            return {}
