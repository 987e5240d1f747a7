"""What stands on posters: people in poses, animals, vehicles, things. Each draws about 2 x 2 units with a `Pen`."""

import math
from collections.abc import Callable

from pipeline.sample.canvas import Colour, Pen, Point, mix

Shape = Callable[[Pen, Colour, Colour], None]
"""Draws itself in a main and a second colour."""

# ---------------------------------------------------------------- people: head at y = -1, feet at y = 1

# Pose -> (elbow, hand) left and right, (knee, foot) left and right.
_POSES: dict[str, tuple[Point, ...]] = {
    "stand": (
        (-0.3, -0.36),
        (-0.24, -0.06),
        (0.3, -0.36),
        (0.24, -0.06),
        (-0.13, 0.48),
        (-0.15, 1.0),
        (0.13, 0.48),
        (0.15, 1.0),
    ),
    "wide": (
        (-0.38, -0.4),
        (-0.4, -0.1),
        (0.38, -0.4),
        (0.4, -0.1),
        (-0.24, 0.46),
        (-0.36, 1.0),
        (0.24, 0.46),
        (0.36, 1.0),
    ),
    "crossed": (
        (-0.31, -0.38),
        (0.08, -0.42),
        (0.31, -0.38),
        (-0.08, -0.38),
        (-0.14, 0.48),
        (-0.17, 1.0),
        (0.14, 0.48),
        (0.17, 1.0),
    ),
    "hips": (
        (-0.42, -0.38),
        (-0.16, -0.12),
        (0.42, -0.38),
        (0.16, -0.12),
        (-0.16, 0.48),
        (-0.2, 1.0),
        (0.16, 0.48),
        (0.2, 1.0),
    ),
    "walk": (
        (-0.28, -0.36),
        (-0.34, -0.08),
        (0.26, -0.36),
        (0.32, -0.1),
        (-0.1, 0.48),
        (-0.28, 0.98),
        (0.18, 0.44),
        (0.2, 1.0),
    ),
    "run": (
        (-0.34, -0.44),
        (-0.46, -0.66),
        (0.36, -0.46),
        (0.5, -0.62),
        (-0.2, 0.4),
        (-0.56, 0.62),
        (0.28, 0.26),
        (0.26, 0.8),
    ),
    "aim": (
        (0.12, -0.56),
        (0.5, -0.66),
        (0.36, -0.62),
        (0.56, -0.68),
        (-0.2, 0.46),
        (-0.32, 1.0),
        (0.18, 0.46),
        (0.26, 1.0),
    ),
    "up": (
        (-0.36, -0.84),
        (-0.34, -1.22),
        (0.36, -0.84),
        (0.34, -1.22),
        (-0.15, 0.48),
        (-0.22, 1.0),
        (0.15, 0.48),
        (0.22, 1.0),
    ),
    "one_up": (
        (-0.34, -0.4),
        (-0.3, -0.1),
        (0.36, -0.82),
        (0.42, -1.2),
        (-0.15, 0.48),
        (-0.2, 1.0),
        (0.15, 0.48),
        (0.22, 1.0),
    ),
    "dance": (
        (-0.42, -0.6),
        (-0.6, -0.86),
        (0.4, -0.52),
        (0.62, -0.4),
        (-0.1, 0.48),
        (-0.04, 1.0),
        (0.3, 0.3),
        (0.14, 0.66),
    ),
    "play": (
        (-0.3, -0.36),
        (0.08, -0.16),
        (0.36, -0.44),
        (0.42, -0.28),
        (-0.14, 0.48),
        (-0.24, 1.0),
        (0.16, 0.48),
        (0.24, 1.0),
    ),
    "shrug": (
        (-0.36, -0.4),
        (-0.52, -0.6),
        (0.36, -0.4),
        (0.52, -0.6),
        (-0.12, 0.48),
        (-0.14, 1.0),
        (0.12, 0.48),
        (0.14, 1.0),
    ),
}

SKIN: Colour = (222, 174, 142)


class Outfit:
    """The colours of a person; a silhouette has one for all."""

    def __init__(self, skin: Colour, top: Colour, bottom: Colour, hair: Colour) -> None:
        self.skin, self.top, self.bottom, self.hair = skin, top, bottom, hair

    @classmethod
    def silhouette(cls, colour: Colour) -> "Outfit":
        return cls(colour, colour, colour, colour)


def person(pen: Pen, pose: str, outfit: Outfit, *, wears: str = "", holds: str = "") -> None:
    """Draws a person.

    Args:
        pen: where; the head is at y = -1, the feet at y = 1.
        pose: a key of `_POSES`.
        outfit: colours.
        wears: any of the words "coat", "dress", "cape", "fedora", "cowboy", "helmet", "tophat", "hood", "wizard",
            "space", "long" (hair), "crown", apart by spaces.
        holds: "gun", "rifle", "sword", "guitar", "knife", "case", "balloon", "umbrella", "ball", "cane", "torch" or "".
    """
    elbow_l, hand_l, elbow_r, hand_r, knee_l, foot_l, knee_r, foot_r = _POSES[pose]
    clothes = wears.split()
    if "cape" in clothes:
        pen.polygon(
            [(-0.2, -0.68), (0.2, -0.68), (0.42, 0.75), (0.1, 0.6), (-0.2, 0.78), (-0.5, 0.7)],
            mix(outfit.top, (0, 0, 0), 0.2),
        )
    if "long" in clothes:
        pen.oval(0, -0.78, 0.155, 0.24, outfit.hair)
    for hip, knee, foot in (((-0.09, -0.06), knee_l, foot_l), ((0.09, -0.06), knee_r, foot_r)):
        leg = outfit.skin if "dress" in clothes else outfit.bottom
        pen.limb(hip, knee, 0.115, 0.08, leg)
        pen.limb(knee, foot, 0.08, 0.05, leg)
        pen.limb(
            foot,
            (foot[0] + (0.09 if foot[0] > 0 else -0.09), foot[1] + 0.01),
            0.05,
            0.035,
            mix(outfit.bottom, (0, 0, 0), 0.4),
        )
    pen.limb((0, -0.8), (0, -0.62), 0.06, 0.075, outfit.skin)
    pen.polygon(
        [
            (-0.09, -0.69),
            (0.09, -0.69),
            (0.24, -0.6),
            (0.17, -0.3),
            (0.18, 0.0),
            (-0.18, 0.0),
            (-0.17, -0.3),
            (-0.24, -0.6),
        ],
        outfit.top,
    )
    if "dress" in clothes:
        pen.polygon([(-0.14, -0.3), (0.14, -0.3), (0.4, 0.5), (-0.4, 0.5)], outfit.top)
    if "coat" in clothes:
        pen.polygon(
            [(-0.19, -0.3), (0.19, -0.3), (0.31, 0.55), (0.05, 0.5), (0, 0.1), (-0.05, 0.5), (-0.31, 0.55)], outfit.top
        )
    for shoulder, elbow, hand in (((-0.2, -0.58), elbow_l, hand_l), ((0.2, -0.58), elbow_r, hand_r)):
        pen.limb(shoulder, elbow, 0.085, 0.065, mix(outfit.top, (0, 0, 0), 0.12))
        pen.limb(elbow, hand, 0.065, 0.045, mix(outfit.top, (0, 0, 0), 0.2))
        pen.disc(hand[0], hand[1], 0.055, outfit.skin)
    pen.oval(0, -0.87, 0.11, 0.14, outfit.skin)
    pen.polygon(
        [(-0.115, -0.86), (-0.1, -0.98), (0, -1.03), (0.1, -0.98), (0.115, -0.86), (0.06, -0.94), (-0.06, -0.93)],
        outfit.hair,
    )
    ink = mix(outfit.skin, (0, 0, 0), 0.75)
    for side in (-1, 1):
        pen.oval(side * 0.042, -0.88, 0.016, 0.02, ink)
        pen.line([(side * 0.065, -0.925), (side * 0.025, -0.93)], 0.014, ink)
    pen.line([(-0.04, -0.795), (0, -0.785), (0.04, -0.795)], 0.016, mix(outfit.skin, (150, 20, 30), 0.6))
    for item in clothes:
        _headgear(pen, item, outfit)
    _prop(pen, holds, hand_l, hand_r, outfit)


def _headgear(pen: Pen, item: str, outfit: Outfit) -> None:
    dark = mix(outfit.top, (0, 0, 0), 0.3)
    if item == "fedora":
        pen.oval(0, -0.96, 0.22, 0.035, dark)
        pen.polygon([(-0.13, -0.96), (-0.1, -1.12), (0, -1.09), (0.1, -1.12), (0.13, -0.96)], dark)
    elif item == "cowboy":
        pen.polygon([(-0.3, -1.02), (-0.16, -0.95), (0.16, -0.95), (0.3, -1.02), (0.18, -0.91), (-0.18, -0.91)], dark)
        pen.polygon([(-0.14, -0.94), (-0.11, -1.15), (0, -1.1), (0.11, -1.15), (0.14, -0.94)], dark)
    elif item == "helmet":
        pen.polygon([(-0.17, -0.9), (-0.14, -1.02), (0, -1.07), (0.14, -1.02), (0.17, -0.9)], dark)
    elif item == "tophat":
        pen.polygon([(-0.2, -0.96), (0.2, -0.96), (0.2, -0.99), (-0.2, -0.99)], dark)
        pen.polygon([(-0.11, -0.97), (-0.13, -1.24), (0.13, -1.24), (0.11, -0.97)], dark)
    elif item == "hood":
        pen.polygon([(-0.17, -0.72), (-0.16, -0.95), (0, -1.1), (0.16, -0.95), (0.17, -0.72)], dark)
        pen.oval(0, -0.87, 0.085, 0.11, mix(dark, (0, 0, 0), 0.7))
    elif item == "wizard":
        pen.polygon([(-0.26, -0.95), (0, -0.98), (0.26, -0.95), (0.1, -1.02), (0.06, -1.5), (-0.1, -1.02)], dark)
    elif item == "space":
        pen.disc(0, -0.87, 0.2, mix(outfit.top, (255, 255, 255), 0.3))
        pen.oval(0.02, -0.87, 0.14, 0.11, outfit.hair)
    elif item == "crown":
        pen.polygon(
            [(-0.12, -0.96), (-0.14, -1.12), (-0.06, -1.04), (0, -1.14), (0.06, -1.04), (0.14, -1.12), (0.12, -0.96)],
            outfit.hair,
        )


def _prop(pen: Pen, holds: str, left: Point, right: Point, outfit: Outfit) -> None:
    dark = mix(outfit.bottom, (0, 0, 0), 0.4)
    x, y = right
    if holds == "gun":
        pen.line([(x - 0.02, y), (x + 0.22, y - 0.03)], 0.06, dark)
        pen.line([(x, y), (x - 0.01, y + 0.1)], 0.06, dark)
    elif holds == "rifle":
        pen.line([(left[0] - 0.1, left[1] + 0.1), (x + 0.3, y - 0.28)], 0.05, dark)
        pen.line([(left[0] - 0.18, left[1] + 0.16), (left[0], left[1])], 0.1, dark)
    elif holds == "sword":
        pen.line([(x, y + 0.06), (x + 0.1, y - 0.8)], 0.045, outfit.hair)
        pen.line([(x - 0.09, y - 0.1), (x + 0.11, y - 0.07)], 0.04, outfit.hair)
    elif holds == "knife":
        pen.polygon(
            [(x - 0.03, y), (x + 0.04, y), (x + 0.08, y + 0.36), (x - 0.02, y + 0.1)],
            mix(outfit.hair, (255, 255, 255), 0.4),
        )
    elif holds == "guitar":
        pen.line([(-0.1, -0.1), (0.6, -0.4)], 0.06, outfit.hair)
        pen.disc(-0.12, -0.1, 0.2, outfit.hair)
        pen.disc(0.08, -0.18, 0.14, outfit.hair)
        pen.disc(-0.06, -0.12, 0.06, dark)
    elif holds == "case":
        pen.polygon([(x - 0.06, y + 0.06), (x + 0.28, y + 0.06), (x + 0.28, y + 0.32), (x - 0.06, y + 0.32)], dark)
    elif holds == "balloon":
        pen.line([(x, y), (x + 0.1, -1.3)], 0.015, dark)
        pen.oval(x + 0.1, -1.5, 0.22, 0.26, outfit.hair)
    elif holds == "umbrella":
        pen.line([(x, y), (x, -1.2)], 0.025, dark)
        pen.polygon([(x - 0.5, -1.05), (x - 0.3, -1.3), (x, -1.4), (x + 0.3, -1.3), (x + 0.5, -1.05)], dark)
    elif holds == "ball":
        pen.disc(x + 0.02, y - 0.14, 0.16, outfit.hair)
    elif holds == "cane":
        pen.line([(x, y), (x + 0.2, y + 0.6)], 0.03, outfit.hair)
    elif holds == "torch":
        pen.line([(x - 0.02, y + 0.1), (x + 0.04, y - 0.2)], 0.05, dark)
        pen.oval(x + 0.05, y - 0.3, 0.07, 0.14, (255, 190, 80))


# ---------------------------------------------------------------- things


def heart(pen: Pen, main: Colour, second: Colour) -> None:
    points = []
    for step in range(40):
        turn = math.tau * step / 40
        across = 16 * math.sin(turn) ** 3
        up = 13 * math.cos(turn) - 5 * math.cos(2 * turn) - 2 * math.cos(3 * turn) - math.cos(4 * turn)
        points.append((across / 17, -up / 17))
    pen.polygon(points, main)
    pen.oval(-0.45, -0.4, 0.16, 0.22, mix(main, second, 0.35))


def pistol(pen: Pen, main: Colour, second: Colour) -> None:
    pen.polygon(
        [
            (-0.95, -0.45),
            (0.8, -0.45),
            (0.8, -0.1),
            (-0.2, -0.1),
            (-0.3, 0.1),
            (-0.5, 0.75),
            (-0.95, 0.75),
            (-0.75, 0.0),
            (-1.0, -0.2),
        ],
        main,
    )
    pen.line([(-0.25, -0.08), (-0.2, 0.2), (0.1, 0.2), (0.15, -0.08)], 0.06, main)
    pen.line([(-0.6, -0.36), (0.7, -0.36)], 0.05, mix(main, second, 0.5))


def knife(pen: Pen, main: Colour, second: Colour) -> None:
    pen.polygon([(-0.14, 0.35), (-0.14, -0.7), (0.05, -1.0), (0.16, -0.6), (0.16, 0.35)], main)
    pen.polygon([(-0.14, 0.35), (-0.14, -0.7), (0.05, -1.0), (0.0, 0.35)], mix(main, (255, 255, 255), 0.35))
    pen.polygon([(-0.2, 0.33), (0.22, 0.33), (0.22, 0.42), (-0.2, 0.42)], second)
    pen.limb((0, 0.45), (0.02, 0.95), 0.13, 0.15, second)


def skull(pen: Pen, main: Colour, second: Colour) -> None:
    pen.oval(0, -0.25, 0.72, 0.7, main)
    pen.polygon([(-0.45, 0.2), (0.45, 0.2), (0.36, 0.85), (-0.36, 0.85)], main)
    for side in (-1, 1):
        pen.oval(side * 0.3, -0.1, 0.2, 0.23, second)
        pen.line([(side * 0.12, 0.55), (side * 0.12, 0.85)], 0.03, second)
    pen.polygon([(0, 0.1), (0.1, 0.36), (-0.1, 0.36)], second)
    pen.line([(0, 0.55), (0, 0.85)], 0.03, second)


def planet(pen: Pen, main: Colour, second: Colour) -> None:
    for step in range(14):
        pen.disc(-0.03 * step, -0.03 * step, 0.8 - 0.045 * step, mix(mix(main, (0, 0, 0), 0.65), main, step / 13))
    for width, colour in ((0.09, second), (0.03, mix(second, (0, 0, 0), 0.4))):
        ring = [(1.35 * math.cos(t / 10), 0.3 * math.sin(t / 10) - 0.35 * math.cos(t / 10)) for t in range(-8, 41)]
        pen.line(ring, width, colour)


def starship(pen: Pen, main: Colour, second: Colour) -> None:
    pen.polygon([(-1.1, 0.1), (-0.2, -0.2), (1.2, -0.05), (1.2, 0.05), (-0.2, 0.28)], main)
    pen.polygon([(-0.9, 0.02), (-0.9, -0.55), (-0.6, -0.55), (-0.3, 0)], main)
    pen.polygon([(-0.9, 0.15), (-0.95, 0.6), (-0.6, 0.5), (-0.2, 0.2)], mix(main, (0, 0, 0), 0.3))
    pen.line([(-0.2, -0.04), (0.9, 0.0)], 0.04, mix(second, (255, 255, 255), 0.4))
    pen.oval(-1.2, 0.08, 0.22, 0.09, second)


def saucer(pen: Pen, main: Colour, second: Colour) -> None:
    pen.polygon([(-0.25, 0.1), (0.25, 0.1), (0.95, 2.4), (-0.95, 2.4)], mix(main, second, 0.55))
    pen.oval(0, -0.12, 0.42, 0.36, mix(main, second, 0.6))
    pen.oval(0, 0, 1.05, 0.22, main)
    for step in range(-3, 4):
        pen.disc(step * 0.26, 0.06, 0.05, second)


def sailing_ship(pen: Pen, main: Colour, second: Colour) -> None:
    pen.polygon([(-0.95, 0.5), (-0.8, 0.6), (0.6, 0.6), (1.0, 0.35), (0.75, 0.95), (-0.75, 0.95)], main)
    for x, tall in ((-0.45, 1.0), (0.05, 1.25), (0.5, 0.95)):
        pen.line([(x, 0.6), (x, 0.6 - tall * 1.25)], 0.04, main)
        for row in range(3):
            top = 0.5 - tall * (0.36 * (row + 1))
            pen.polygon(
                [(x - 0.2, top), (x + 0.2, top), (x + 0.27, top + 0.3 * tall), (x - 0.17, top + 0.3 * tall)], second
            )
    pen.line([(0.9, 0.4), (1.35, 0.1)], 0.03, main)


def airplane(pen: Pen, main: Colour, second: Colour) -> None:
    pen.limb((-0.9, 0.0), (0.9, 0.0), 0.07, 0.13, main)
    pen.polygon([(0.3, 0.0), (-0.1, 0.85), (-0.3, 0.85), (-0.1, 0.0), (-0.3, -0.85), (-0.1, -0.85)], main)
    pen.polygon([(-0.75, 0), (-0.95, 0.32), (-1.02, 0.32), (-0.95, 0), (-1.02, -0.32), (-0.95, -0.32)], main)
    pen.disc(0.7, 0, 0.06, second)


def car(pen: Pen, main: Colour, second: Colour) -> None:
    pen.polygon(
        [
            (-1.1, 0.25),
            (-1.0, -0.05),
            (-0.55, -0.12),
            (-0.25, -0.42),
            (0.4, -0.42),
            (0.7, -0.1),
            (1.1, 0.02),
            (1.12, 0.28),
        ],
        main,
    )
    pen.polygon([(-0.42, -0.12), (-0.2, -0.34), (0.05, -0.34), (0.05, -0.12)], second)
    pen.polygon([(0.12, -0.12), (0.12, -0.34), (0.36, -0.34), (0.55, -0.12)], second)
    for x in (-0.65, 0.68):
        pen.disc(x, 0.28, 0.22, mix(main, (0, 0, 0), 0.8))
        pen.disc(x, 0.28, 0.1, second)


def guitar(pen: Pen, main: Colour, second: Colour) -> None:
    pen.oval(0, 0.6, 0.42, 0.38, main)
    pen.oval(0, 0.15, 0.32, 0.28, main)
    pen.disc(0, 0.3, 0.14, second)
    pen.line([(0, 0.3), (0, -0.85)], 0.1, second)
    pen.polygon([(-0.1, -0.8), (0.1, -0.8), (0.13, -1.05), (-0.13, -1.05)], main)


def note(pen: Pen, main: Colour, second: Colour) -> None:
    pen.oval(-0.5, 0.7, 0.28, 0.2, main)
    pen.oval(0.45, 0.5, 0.28, 0.2, main)
    pen.line([(-0.26, 0.68), (-0.26, -0.7)], 0.09, main)
    pen.line([(0.69, 0.48), (0.69, -0.9)], 0.09, main)
    pen.polygon([(-0.3, -0.72), (0.73, -0.95), (0.73, -0.65), (-0.3, -0.42)], main)


def ball(pen: Pen, main: Colour, second: Colour) -> None:
    pen.disc(0, 0, 0.9, main)
    pen.line([(-0.9, 0), (0.9, 0)], 0.05, second)
    pen.line([(0, -0.9), (0, 0.9)], 0.05, second)
    for side in (-1, 1):
        pen.line([(side * (0.35 + 0.4 * abs(t) ** 2), t * 0.8) for t in (-1, -0.5, 0, 0.5, 1)], 0.05, second)


def trophy(pen: Pen, main: Colour, second: Colour) -> None:
    pen.polygon([(-0.55, -0.8), (0.55, -0.8), (0.4, 0.0), (0.12, 0.3), (-0.12, 0.3), (-0.4, 0.0)], main)
    pen.polygon([(-0.2, -0.75), (0.0, -0.75), (-0.05, 0.2)], mix(main, (255, 255, 255), 0.5))
    for side in (-1, 1):
        pen.line([(side * 0.5, -0.6), (side * 0.85, -0.55), (side * 0.75, -0.2), (side * 0.4, -0.05)], 0.09, main)
    pen.line([(0, 0.3), (0, 0.65)], 0.16, main)
    pen.polygon([(-0.4, 0.65), (0.4, 0.65), (0.45, 0.95), (-0.45, 0.95)], second)


def crown(pen: Pen, main: Colour, second: Colour) -> None:
    pen.polygon([(-0.8, 0.5), (-1.0, -0.45), (-0.5, 0.0), (0, -0.75), (0.5, 0.0), (1.0, -0.45), (0.8, 0.5)], main)
    pen.polygon([(-0.8, 0.5), (0.8, 0.5), (0.78, 0.7), (-0.78, 0.7)], mix(main, (0, 0, 0), 0.3))
    for x, y in ((-1.0, -0.5), (0.0, -0.8), (1.0, -0.5)):
        pen.disc(x, y, 0.1, second)
    for x in (-0.5, 0.0, 0.5):
        pen.disc(x, 0.34, 0.08, second)


def sword(pen: Pen, main: Colour, second: Colour) -> None:
    pen.polygon([(-0.08, 0.45), (-0.08, -0.85), (0, -1.05), (0.08, -0.85), (0.08, 0.45)], main)
    pen.polygon([(0, 0.45), (0, -1.05), (0.08, -0.85), (0.08, 0.45)], mix(main, (0, 0, 0), 0.35))
    pen.line([(-0.42, 0.45), (0.42, 0.45)], 0.12, second)
    pen.line([(0, 0.45), (0, 0.9)], 0.11, mix(second, (0, 0, 0), 0.4))
    pen.disc(0, 0.98, 0.1, second)


def masks(pen: Pen, main: Colour, second: Colour) -> None:
    for x, y, colour, mood in ((0.35, 0.15, second, -1), (-0.35, -0.1, main, 1)):
        pen.polygon(
            [
                (x - 0.5, y - 0.6),
                (x, y - 0.5),
                (x + 0.5, y - 0.6),
                (x + 0.45, y + 0.2),
                (x, y + 0.75),
                (x - 0.45, y + 0.2),
            ],
            colour,
        )
        ink = mix(colour, (0, 0, 0), 0.85)
        for side in (-1, 1):
            pen.oval(x + side * 0.2, y - 0.2, 0.12, 0.07, ink)
        pen.line(
            [(x - 0.24, y + 0.3 - 0.1 * mood), (x, y + 0.3 + 0.1 * mood), (x + 0.24, y + 0.3 - 0.1 * mood)], 0.08, ink
        )


def magnifier(pen: Pen, main: Colour, second: Colour) -> None:
    pen.line([(0.3, 0.3), (0.9, 0.95)], 0.2, main)
    pen.disc(-0.15, -0.2, 0.7, main)
    pen.disc(-0.15, -0.2, 0.57, second)
    pen.oval(-0.35, -0.4, 0.14, 0.2, mix(second, (255, 255, 255), 0.5))


def eye(pen: Pen, main: Colour, second: Colour) -> None:
    top = [(t / 10, -0.5 * math.cos(t / 10 * math.pi / 2)) for t in range(-10, 11)]
    pen.polygon([*top, *((x, -y) for x, y in reversed(top))], (236, 232, 224))
    pen.disc(0, 0, 0.42, main)
    pen.disc(0, 0, 0.36, mix(main, second, 0.5))
    pen.disc(0, 0, 0.19, (8, 8, 10))
    pen.disc(0.12, -0.13, 0.07, (255, 255, 255))
    pen.line(top, 0.1, mix(main, (0, 0, 0), 0.8))
    pen.line([(x * 1.15, y * 1.35 - 0.25) for x, y in top], 0.09, mix(main, (0, 0, 0), 0.8))


def rose(pen: Pen, main: Colour, second: Colour) -> None:
    pen.line([(0, 0), (0.05, 0.5), (-0.05, 1.0)], 0.06, second)
    pen.polygon([(0.03, 0.5), (0.4, 0.25), (0.5, 0.45), (0.25, 0.6)], second)
    for step in range(9):
        turn = step * 2.4
        reach = 0.34 * (1 - step / 10)
        pen.disc(
            reach * math.cos(turn),
            -0.4 + reach * math.sin(turn),
            0.36 - step * 0.03,
            mix(mix(main, (0, 0, 0), 0.45), main, step / 8),
        )


def house(pen: Pen, main: Colour, second: Colour) -> None:
    pen.polygon([(-0.7, 1.0), (-0.7, -0.1), (0.1, -0.1), (0.1, 1.0)], main)
    pen.polygon([(-0.85, -0.1), (-0.3, -0.75), (0.25, -0.1)], main)
    pen.polygon([(0.05, 1.0), (0.05, -0.6), (0.55, -0.6), (0.55, 1.0)], main)
    pen.polygon([(-0.05, -0.55), (0.3, -1.2), (0.65, -0.55)], main)
    pen.polygon([(-0.6, -0.4), (-0.6, -0.8), (-0.45, -0.8), (-0.45, -0.4)], main)
    for x, y in ((-0.5, 0.15), (-0.1, 0.15), (0.3, -0.25), (0.3, 0.3)):
        pen.polygon([(x - 0.08, y - 0.14), (x + 0.08, y - 0.14), (x + 0.08, y + 0.14), (x - 0.08, y + 0.14)], second)
    pen.polygon([(-0.38, 1.0), (-0.38, 0.55), (-0.18, 0.55), (-0.18, 1.0)], mix(main, second, 0.4))


def key(pen: Pen, main: Colour, second: Colour) -> None:
    pen.disc(0, -0.6, 0.38, main)
    pen.disc(0, -0.6, 0.2, second)
    pen.line([(0, -0.3), (0, 0.9)], 0.14, main)
    pen.line([(0, 0.85), (0.35, 0.85)], 0.14, main)
    pen.line([(0, 0.6), (0.26, 0.6)], 0.12, main)


def hot_balloon(pen: Pen, main: Colour, second: Colour) -> None:
    for share, colour in ((1.0, main), (0.62, second), (0.24, main)):
        pen.oval(0, -0.35, 0.66 * share, 0.66, colour)
    pen.polygon([(-0.5, 0.08), (0.5, 0.08), (0.16, 0.62), (-0.16, 0.62)], mix(main, second, 0.5))
    pen.line([(-0.14, 0.6), (-0.12, 0.8), (0.12, 0.8), (0.14, 0.6)], 0.02, mix(main, (0, 0, 0), 0.7))
    pen.polygon([(-0.14, 0.78), (0.14, 0.78), (0.1, 1.0), (-0.1, 1.0)], mix(main, (0, 0, 0), 0.6))


def movie_camera(pen: Pen, main: Colour, second: Colour) -> None:
    pen.polygon([(-0.7, -0.1), (0.4, -0.1), (0.4, 0.55), (-0.7, 0.55)], main)
    pen.polygon([(0.4, 0.12), (0.9, -0.12), (0.9, 0.58), (0.4, 0.36)], main)
    for x in (-0.45, 0.15):
        pen.disc(x, -0.42, 0.33, main)
        pen.disc(x, -0.42, 0.1, second)
    for x in (-0.5, -0.15, 0.2):
        pen.line([(-0.15, 0.55), (x, 1.0)], 0.06, main)


def horse_rider(pen: Pen, main: Colour, second: Colour) -> None:
    pen.oval(0, 0.25, 0.55, 0.24, main)
    pen.limb((0.45, 0.15), (0.75, -0.3), 0.2, 0.12, main)
    pen.limb((0.72, -0.3), (0.98, -0.1), 0.13, 0.07, main)
    for hip, knee, hoof in (
        ((-0.45, 0.3), (-0.6, 0.62), (-0.8, 0.95)),
        ((-0.35, 0.35), (-0.3, 0.65), (-0.42, 1.0)),
        ((0.4, 0.35), (0.62, 0.55), (0.55, 0.9)),
        ((0.45, 0.3), (0.85, 0.4), (0.95, 0.7)),
    ):
        pen.limb(hip, knee, 0.12, 0.06, main)
        pen.limb(knee, hoof, 0.06, 0.04, main)
    pen.line([(-0.52, 0.15), (-0.8, 0.25), (-0.92, 0.6)], 0.1, main)
    pen.limb((0.0, 0.1), (0.06, -0.45), 0.14, 0.16, main)
    pen.limb((0.12, -0.4), (0.4, -0.1), 0.07, 0.05, main)
    pen.limb((0.0, 0.1), (0.16, 0.5), 0.09, 0.06, main)
    pen.disc(0.08, -0.68, 0.12, main)
    pen.polygon([(-0.2, -0.78), (0.36, -0.78), (0.22, -0.74), (-0.06, -0.74)], main)
    pen.polygon([(-0.06, -0.76), (-0.02, -0.98), (0.18, -0.98), (0.22, -0.76)], main)


def wolf(pen: Pen, main: Colour, second: Colour) -> None:
    pen.oval(-0.05, 0.2, 0.5, 0.24, main)
    pen.limb((0.35, 0.1), (0.55, -0.3), 0.2, 0.14, main)
    pen.polygon(
        [
            (0.42, -0.35),
            (0.5, -0.75),
            (0.6, -0.55),
            (0.72, -0.75),
            (0.74, -0.45),
            (1.0, -0.22),
            (0.95, -0.12),
            (0.6, -0.1),
        ],
        main,
    )
    for x in (-0.45, -0.3, 0.25, 0.42):
        pen.limb((x, 0.3), (x + 0.02, 0.95), 0.1, 0.05, main)
    pen.limb((-0.5, 0.15), (-0.95, 0.45), 0.09, 0.05, main)
    pen.disc(0.7, -0.36, 0.04, second)


def tank(pen: Pen, main: Colour, second: Colour) -> None:
    pen.polygon([(-0.9, 0.2), (0.95, 0.2), (1.05, 0.45), (0.8, 0.8), (-0.8, 0.8), (-1.05, 0.45)], main)
    pen.polygon([(-0.45, 0.2), (-0.35, -0.2), (0.3, -0.2), (0.45, 0.2)], main)
    pen.line([(0.3, -0.02), (1.35, -0.14)], 0.09, main)
    for x in range(-3, 4):
        pen.disc(x * 0.26, 0.58, 0.11, mix(main, second, 0.25))


def cactus(pen: Pen, main: Colour, second: Colour) -> None:
    pen.limb((0, 1.0), (0, -0.8), 0.16, 0.14, main)
    pen.line([(0, 0.3), (-0.5, 0.2), (-0.5, -0.3)], 0.2, main)
    pen.line([(0, 0.05), (0.48, 0.0), (0.48, -0.5)], 0.18, main)


def bare_tree(pen: Pen, main: Colour, second: Colour) -> None:
    def branch(start: Point, turn: float, length: float, thick: float) -> None:
        end = (start[0] + length * math.sin(turn), start[1] - length * math.cos(turn))
        pen.limb(start, end, thick, thick * 0.6, main)
        if length > 0.16:
            for bend, share in ((-0.55, 0.72), (0.42, 0.78), (0.05, 0.6)):
                branch(end, turn + bend, length * share, thick * 0.55)

    branch((0, 1.0), 0.05, 0.62, 0.11)


def critter(pen: Pen, main: Colour, second: Colour) -> None:
    """A cartoon animal with large eyes."""
    belly = mix(main, (255, 255, 255), 0.6)
    for side in (-1, 1):
        pen.oval(side * 0.42, -0.88, 0.2, 0.26, main)
        pen.oval(side * 0.42, -0.86, 0.11, 0.15, mix(main, (255, 150, 150), 0.5))
        pen.oval(side * 0.3, 0.95, 0.24, 0.12, second)
        pen.limb((side * 0.45, 0.25), (side * 0.78, 0.0), 0.13, 0.1, main)
    pen.oval(0, 0.42, 0.52, 0.56, main)
    pen.oval(0, 0.5, 0.34, 0.4, belly)
    pen.oval(0, -0.4, 0.66, 0.56, main)
    for side in (-1, 1):
        pen.oval(side * 0.24, -0.48, 0.19, 0.23, (255, 255, 255))
        pen.disc(side * 0.2, -0.45, 0.11, (24, 20, 24))
        pen.disc(side * 0.2 + 0.04, -0.5, 0.04, (255, 255, 255))
    pen.oval(0, -0.2, 0.1, 0.07, second)
    pen.line([(-0.24, -0.1), (-0.1, 0.0), (0.1, 0.0), (0.24, -0.1)], 0.06, mix(main, (0, 0, 0), 0.75))


def dog(pen: Pen, main: Colour, second: Colour) -> None:
    pen.oval(0, 0.5, 0.42, 0.5, main)
    pen.oval(0, 0.62, 0.22, 0.34, mix(main, (255, 255, 255), 0.6))
    for side in (-1, 1):
        pen.limb((side * 0.2, 0.5), (side * 0.22, 0.95), 0.12, 0.1, main)
    pen.oval(0, -0.25, 0.42, 0.42, main)
    for side in (-1, 1):
        pen.oval(side * 0.44, -0.25, 0.15, 0.36, mix(main, (0, 0, 0), 0.45))
        pen.disc(side * 0.17, -0.32, 0.075, (20, 16, 16))
        pen.disc(side * 0.17 + 0.025, -0.35, 0.025, (255, 255, 255))
    pen.oval(0, -0.06, 0.22, 0.18, mix(main, (255, 255, 255), 0.6))
    pen.oval(0, -0.14, 0.1, 0.07, (20, 16, 16))
    pen.polygon([(-0.07, 0.06), (0.07, 0.06), (0.05, 0.24), (-0.05, 0.24)], (226, 110, 120))
    pen.polygon([(-0.3, 0.1), (0.3, 0.1), (0.26, 0.22), (-0.26, 0.22)], second)


def wedding_cake(pen: Pen, main: Colour, second: Colour) -> None:
    for half, top, foot in ((0.8, 0.45, 0.95), (0.55, 0.0, 0.45), (0.32, -0.4, 0.0)):
        pen.polygon([(-half, top), (half, top), (half, foot), (-half, foot)], mix((250, 244, 236), main, 0.15))
        pen.line([(-half, top + 0.06), (half, top + 0.06)], 0.1, main)
    for x in (-0.12, 0.12):
        pen.disc(x, -0.62, 0.13, second)
    pen.polygon([(-0.24, -0.58), (0.24, -0.58), (0, -0.3)], second)


def explosion(pen: Pen, main: Colour, second: Colour) -> None:
    for reach, colour in (
        (1.2, mix(main, (0, 0, 0), 0.35)),
        (0.95, main),
        (0.66, second),
        (0.36, mix(second, (255, 255, 255), 0.7)),
    ):
        points = []
        for step in range(36):
            turn = math.tau * step / 36
            jag = reach * (0.72 + 0.28 * math.sin(step * 2.7 + reach * 9) * (1 if step % 2 else 0.4))
            points.append((jag * math.cos(turn), jag * math.sin(turn)))
        pen.polygon(points, colour)


def hand_print(pen: Pen, main: Colour, second: Colour) -> None:
    """A hand print, running."""
    pen.oval(0, 0.15, 0.36, 0.38, main)
    for x, top, lean in ((-0.32, -0.5, -0.12), (-0.12, -0.75, -0.03), (0.1, -0.78, 0.04), (0.3, -0.58, 0.12)):
        pen.limb((x * 0.8, 0.0), (x + lean, top), 0.1, 0.085, main)
    pen.limb((0.3, 0.25), (0.62, -0.05), 0.11, 0.08, main)
    for x, foot in ((-0.2, 0.95), (0.02, 1.2), (0.2, 0.8)):
        pen.limb((x, 0.3), (x, foot), 0.05, 0.035, main)


def chess_king(pen: Pen, main: Colour, second: Colour) -> None:
    pen.polygon(
        [
            (-0.4, 1.0),
            (-0.32, 0.75),
            (-0.16, 0.6),
            (-0.14, -0.2),
            (-0.3, -0.55),
            (0.3, -0.55),
            (0.14, -0.2),
            (0.16, 0.6),
            (0.32, 0.75),
            (0.4, 1.0),
        ],
        main,
    )
    pen.polygon([(0.0, 0.9), (0.0, -0.5), (0.1, -0.4), (0.05, 0.6)], mix(main, second, 0.5))
    pen.line([(0, -0.5), (0, -1.0)], 0.1, main)
    pen.line([(-0.16, -0.8), (0.16, -0.8)], 0.1, main)


def chair(pen: Pen, main: Colour, second: Colour) -> None:
    pen.polygon([(-0.45, 0.15), (0.45, 0.15), (0.55, 0.3), (-0.35, 0.3)], main)
    for top, foot in (
        ((-0.42, -0.9), (-0.42, 0.95)),
        ((-0.3, 0.25), (-0.28, 1.05)),
        ((0.45, 0.2), (0.47, 0.95)),
        ((0.52, 0.28), (0.56, 1.05)),
    ):
        pen.line([top, foot], 0.08, main)
    for y in (-0.85, -0.6, -0.35):
        pen.line([(-0.42, y), (0.1, y - 0.06)], 0.08, main)
    pen.line([(0.1, -0.95), (0.12, 0.2)], 0.08, main)


THINGS: dict[str, Shape] = {
    shape.__name__: shape
    for shape in (
        heart, pistol, knife, skull, planet, starship, saucer, sailing_ship, airplane, car, guitar, note, ball, trophy,
        crown, sword, masks, magnifier, eye, rose, house, key, hot_balloon, movie_camera, horse_rider, wolf, tank,
        cactus, bare_tree, critter, dog, wedding_cake, explosion, hand_print, chess_king, chair,
    )
}  # fmt: skip
