"""What lies behind: skies and grounds. Skies are pixels, grounds are drawn over them in layers."""

import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from pipeline.sample.canvas import FOOT, HEIGHT, UNIT, WIDTH, Colour, Pen, glow, gradient, mix, noise
from pipeline.sample.palettes import Palette

# ---------------------------------------------------------------- skies: float32 [3, HEIGHT, WIDTH]

Sky = Callable[[np.random.Generator, Palette], np.ndarray]


def _add(sky: np.ndarray, light: np.ndarray, colour: Colour, strength: float) -> np.ndarray:
    """Lays a coloured light over the sky, in place; light is [h, w] of 0..1, the sky [3, h, w]."""
    share = np.clip(light * strength, 0, 1).astype(np.float32, copy=False)
    for plane, level in zip(sky, colour, strict=True):
        plane += share * (level - plane)
    return sky


def sunset(rng: np.random.Generator, palette: Palette) -> np.ndarray:
    sky = gradient([(0, palette.deep), (0.45, palette.mid), (0.75, palette.light), (1, palette.mid)])
    x, y = rng.uniform(0.2, 0.8), rng.uniform(0.55, 1.0)
    sky = _add(sky, glow(x, y, 0.45), palette.light, 0.9)
    if rng.random() < 0.6:
        sky = _add(sky, np.clip(glow(x, y, 0.22) * 40 - 20, 0, 1), mix(palette.light, (255, 255, 255), 0.5), 0.9)
    streaks = np.clip(noise(rng, 3, 3, stretch=4.0) - 0.5, 0, 1)
    return _add(sky, streaks, palette.deep, 1.4)


def clouds(rng: np.random.Generator, palette: Palette) -> np.ndarray:
    sky = gradient([(0, mix(palette.deep, palette.mid, 0.4)), (0.8, palette.light), (1, palette.mid)])
    cover = noise(rng, 3, 4, stretch=1.6)
    sky = _add(sky, np.clip(cover - 0.45, 0, 1), mix(palette.light, (255, 255, 255), 0.6), 2.2)
    return _add(sky, np.clip(0.42 - cover, 0, 1), palette.deep, 1.6)


def storm(rng: np.random.Generator, palette: Palette) -> np.ndarray:
    sky = gradient([(0, mix(palette.deep, (0, 0, 0), 0.5)), (0.6, palette.mid), (1, palette.deep)])
    cover = noise(rng, 3, 4, stretch=1.5)
    sky = sky * (0.35 + 1.1 * cover)
    return _add(sky, glow(rng.uniform(0.3, 0.7), rng.uniform(0.4, 0.8), 0.4) * cover, palette.light, 0.9)


def space(rng: np.random.Generator, palette: Palette) -> np.ndarray:
    sky = gradient([(0, (4, 5, 12)), (0.6, mix(palette.deep, (0, 0, 0), 0.3)), (1, palette.deep)])
    dust = np.clip(noise(rng, 2, 4) - 0.42, 0, 1)
    sky = _add(sky, dust, palette.mid, 1.8)
    sky = _add(sky, dust * glow(rng.uniform(0, 1), rng.uniform(0.2, 1), 0.5), palette.accent, 2.0)
    rows, columns = rng.integers(0, HEIGHT, 160), rng.integers(0, WIDTH, 160)
    sky[:, rows, columns] = rng.uniform(90, 255, 160)
    return sky


def spotlight(rng: np.random.Generator, palette: Palette) -> np.ndarray:
    """A dark room with a light behind the middle."""
    dark = mix(palette.deep, (0, 0, 0), 0.45)
    sky = gradient([(0, dark), (1, dark)])
    sky = _add(sky, glow(rng.uniform(0.35, 0.65), rng.uniform(0.45, 0.75), rng.uniform(0.4, 0.65)), palette.mid, 1.0)
    sky = _add(sky, glow(0.5, 0.6, 0.3), palette.light, rng.uniform(0.1, 0.6))
    return sky * (0.75 + 0.5 * noise(rng, 4, 3))


def fog(rng: np.random.Generator, palette: Palette) -> np.ndarray:
    sky = gradient([(0, palette.deep), (0.7, mix(palette.mid, palette.light, 0.4)), (1, palette.mid)])
    return _add(sky, np.clip(noise(rng, 2, 3, stretch=2.5) - 0.35, 0, 1), palette.light, 0.9)


def rays(rng: np.random.Generator, palette: Palette) -> np.ndarray:
    """A sunburst of two colours."""
    x, y = rng.uniform(0.35, 0.65), rng.uniform(0.45, 1.0)
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32) / WIDTH
    turn = np.arctan2(down - y, across - x) + rng.uniform(0, 6)
    beams = np.clip(np.sin(turn * int(rng.integers(8, 16))) * 4 + 0.5, 0, 1)
    sky = _add(gradient([(0, palette.light), (1, palette.light)]), beams, mix(palette.light, palette.mid, 0.6), 1.0)
    return _add(sky, glow(x, y, 0.5), mix(palette.light, (255, 255, 255), 0.5), 0.7)


def studio(rng: np.random.Generator, palette: Palette) -> np.ndarray:
    """A white or pale wall."""
    wall = (250, 249, 246) if rng.random() < 0.5 else mix(palette.light, (255, 255, 255), rng.uniform(0.1, 0.6))
    return gradient([(0, mix(wall, (255, 255, 255), 0.5)), (0.75, wall), (1, mix(wall, (120, 120, 120), 0.15))])


def flat(rng: np.random.Generator, palette: Palette) -> np.ndarray:
    """One bright colour, lighter in the middle."""
    colour = (palette.accent, palette.mid, palette.light)[int(rng.integers(3))]
    sky = gradient([(0, colour), (1, mix(colour, (0, 0, 0), 0.15))])
    return _add(sky, glow(0.5, 0.7, 0.7), mix(colour, (255, 255, 255), 0.5), 0.6)


def bokeh(rng: np.random.Generator, palette: Palette) -> np.ndarray:
    """City lights out of focus."""
    sky = gradient([(0, palette.deep), (0.6, palette.mid), (1, palette.deep)])
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32) / WIDTH
    for _ in range(14):
        x, y, radius = rng.uniform(0, 1), rng.uniform(0, FOOT), rng.uniform(0.04, 0.13)
        top, left = max(0, int((y - radius) * WIDTH)), max(0, int((x - radius) * WIDTH))
        part = slice(top, int((y + radius) * WIDTH)), slice(left, int((x + radius) * WIDTH))
        disc = (radius - np.hypot(down[part] - y, across[part] - x)) * 40
        colour = (palette.light, palette.accent)[int(rng.integers(2))]
        _add(sky[:, part[0], part[1]], np.clip(disc, 0, 1), colour, rng.uniform(0.15, 0.5))
    return sky


def paper(rng: np.random.Generator, palette: Palette) -> np.ndarray:
    """Old paper."""
    sheet = mix((236, 222, 188), palette.light, 0.25)
    sky = gradient([(0, sheet), (1, mix(sheet, (120, 90, 50), 0.2))])
    return sky * (0.88 + 0.2 * noise(rng, 5, 4))


def photograph(rng: np.random.Generator, palette: Palette) -> np.ndarray:
    """Something out of focus, with a horizon."""
    horizon = rng.uniform(0.35, 0.6)
    sky = gradient(
        [
            (0, mix(palette.light, (235, 235, 235), 0.5)),
            (horizon, palette.light),
            (horizon + 0.02, palette.mid),
            (1, palette.deep),
        ]
    )
    return sky * (0.7 + 0.6 * noise(rng, 5, 4, stretch=1.7))


SKIES: dict[str, Sky] = {
    sky.__name__: sky
    for sky in (sunset, clouds, storm, space, spotlight, fog, rays, studio, flat, bokeh, paper, photograph)
}

# ---------------------------------------------------------------- grounds

Ground = Callable[[Image.Image, np.random.Generator, Palette, float], None]
"""Draws from the horizon, in poster widths, down."""


def _ridge(rng: np.random.Generator, base: float, rise: float, steps: int) -> list[tuple[float, float]]:
    heights = np.array([0.0])
    while len(heights) < steps:
        heights = np.repeat(heights, 2) + rng.uniform(-1, 1, 2 * len(heights)) / math.sqrt(len(heights))
    heights -= heights.min()
    heights /= heights.max() or 1.0
    across = np.linspace(0, UNIT, len(heights))
    return [(float(x), float((base - rise * height) * UNIT)) for x, height in zip(across, heights, strict=True)]


def _fill_below(image: Image.Image, line: list[tuple[float, float]], colour: Colour) -> None:
    ImageDraw.Draw(image).polygon([*line, (UNIT, FOOT * UNIT), (0, FOOT * UNIT)], fill=colour)


def mountains(image: Image.Image, rng: np.random.Generator, palette: Palette, horizon: float) -> None:
    for layer in range(3):
        colour = mix(mix(palette.mid, palette.light, 0.45), palette.deep, (layer + 0.6) / 2.8)
        _fill_below(image, _ridge(rng, horizon + 0.14 * layer, 0.34 - 0.07 * layer, 64), colour)


def hills(image: Image.Image, rng: np.random.Generator, palette: Palette, horizon: float) -> None:
    for layer in range(3):
        swing, lift = rng.uniform(0, 6), rng.uniform(4, 8)
        line = [(x * UNIT / 30, (horizon + 0.12 * layer + 0.06 * math.sin(x / lift + swing)) * UNIT) for x in range(31)]
        _fill_below(image, line, mix(palette.mid, palette.deep, layer / 2.5))


def city(image: Image.Image, rng: np.random.Generator, palette: Palette, horizon: float) -> None:
    draw = ImageDraw.Draw(image)
    for layer in range(2):
        colour = mix(mix(palette.mid, palette.deep, 0.45), mix(palette.deep, (0, 0, 0), 0.5), layer)
        left = -0.02
        while left < 1:
            wide, tall = rng.uniform(0.05, 0.13), rng.uniform(0.08, 0.42 - 0.16 * layer)
            top = horizon + 0.05 + 0.1 * layer - tall
            draw.rectangle((left * UNIT, top * UNIT, (left + wide) * UNIT, FOOT * UNIT), fill=colour)
            if rng.random() < 0.3:
                draw.line(
                    [((left + wide / 2) * UNIT, top * UNIT), ((left + wide / 2) * UNIT, (top - 0.06) * UNIT)], colour, 3
                )
            for _ in range(int(tall * 60) if layer == 0 else int(tall * 30)):
                x, y = (left + rng.uniform(0.1, 0.85) * wide) * UNIT, (top + rng.uniform(0.03, 1) * tall) * UNIT
                draw.rectangle((x, y, x + 3, y + 4), fill=mix(colour, palette.light, rng.uniform(0.3, 0.9)))
            left += wide + rng.uniform(0, 0.02)


def forest(image: Image.Image, rng: np.random.Generator, palette: Palette, horizon: float) -> None:
    draw = ImageDraw.Draw(image)
    for layer in range(3):
        colour = mix(mix(palette.mid, palette.light, 0.2), mix(palette.deep, (0, 0, 0), 0.5), (layer + 0.5) / 2.5)
        base = horizon + 0.1 * layer
        for left in np.arange(-0.02, 1.04, 0.05 + 0.012 * layer):
            tall, half = rng.uniform(0.16, 0.3) + 0.05 * layer, rng.uniform(0.025, 0.045)
            x = left + rng.uniform(-0.015, 0.015)
            for tier in range(3):
                top = base - tall * (1 - tier * 0.28)
                foot = top + tall * 0.5
                reach = half * (0.6 + 0.35 * tier)
                draw.polygon(
                    [(x * UNIT, top * UNIT), ((x + reach) * UNIT, foot * UNIT), ((x - reach) * UNIT, foot * UNIT)],
                    colour,
                )
        draw.rectangle((0, (base - 0.02) * UNIT, UNIT, FOOT * UNIT), fill=colour)


def sea(image: Image.Image, rng: np.random.Generator, palette: Palette, horizon: float) -> None:
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, horizon * UNIT, UNIT, FOOT * UNIT), fill=mix(palette.mid, palette.deep, 0.6))
    for _ in range(130):
        depth = rng.random() ** 1.5
        y = (horizon + depth * (FOOT - horizon)) * UNIT
        x, half = rng.uniform(0, 1) * UNIT, (0.01 + 0.07 * depth) * UNIT
        shine = mix(palette.mid, palette.light, rng.uniform(0, 0.9) * (1 - depth * 0.6))
        draw.line([(x - half, y), (x, y - 2 * depth), (x + half, y)], fill=shine, width=1 + int(2 * depth))


def desert(image: Image.Image, rng: np.random.Generator, palette: Palette, horizon: float) -> None:
    draw = ImageDraw.Draw(image)
    for _ in range(3):
        x, half, tall = rng.uniform(0, 1), rng.uniform(0.08, 0.2), rng.uniform(0.08, 0.22)
        mesa = mix(palette.mid, palette.deep, rng.uniform(0.2, 0.6))
        outline = [
            (x - half * 1.3, horizon),
            (x - half, horizon - tall),
            (x + half, horizon - tall),
            (x + half * 1.4, horizon),
        ]
        draw.polygon([(a * UNIT, b * UNIT) for a, b in outline], fill=mesa)
    draw.rectangle((0, horizon * UNIT, UNIT, FOOT * UNIT), fill=mix(palette.mid, palette.light, 0.2))
    for layer in range(2):
        line = _ridge(rng, horizon + 0.16 + 0.15 * layer, 0.08, 8)
        _fill_below(image, line, mix(palette.mid, palette.deep, 0.35 + 0.35 * layer))


def road(image: Image.Image, rng: np.random.Generator, palette: Palette, horizon: float) -> None:
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, horizon * UNIT, UNIT, FOOT * UNIT), fill=mix(palette.mid, palette.deep, 0.5))
    x = rng.uniform(0.4, 0.6)
    edges = [(x - 0.01, horizon), (x + 0.01, horizon), (1.0, FOOT), (0.0, FOOT)]
    draw.polygon([(a * UNIT, b * UNIT) for a, b in edges], fill=mix(palette.deep, (60, 60, 64), 0.5))
    for step in range(9):
        near, far = (step / 9) ** 2, ((step + 0.5) / 9) ** 2
        quad = []
        for depth, side in ((near, -1), (near, 1), (far, 1), (far, -1)):
            quad.append(
                ((x + (0.5 - x) * depth + side * 0.014 * depth) * UNIT, (horizon + (FOOT - horizon) * depth) * UNIT)
            )
        draw.polygon(quad, fill=palette.light)


def grid(image: Image.Image, rng: np.random.Generator, palette: Palette, horizon: float) -> None:
    """A floor of glowing lines."""
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, horizon * UNIT, UNIT, FOOT * UNIT), fill=mix(palette.deep, (0, 0, 0), 0.5))
    for x in range(-14, 15):
        draw.line([(UNIT / 2 + x * 8, horizon * UNIT), (UNIT / 2 + x * 70, FOOT * UNIT)], fill=palette.accent, width=1)
    for step in range(1, 12):
        y = (horizon + (FOOT - horizon) * (step / 12) ** 2) * UNIT
        draw.line([(0, y), (UNIT, y)], fill=palette.accent, width=1 + step // 5)


def stage(image: Image.Image, rng: np.random.Generator, palette: Palette, horizon: float) -> None:
    """Curtains and boards."""
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, horizon * UNIT, UNIT, FOOT * UNIT), fill=mix(palette.deep, (90, 50, 24), 0.5))
    red = mix(palette.accent, (140, 10, 24), 0.5)
    for side in (0, 1):
        for fold in range(6):
            wide = 0.05 * (6 - fold) / 6 + 0.02
            x = fold * 0.035 if side == 0 else 1 - fold * 0.035 - wide
            colour = mix(red, (0, 0, 0), 0.15 + 0.5 * (fold % 2))
            sway = 0.02 * fold
            drop = [
                (x, 0),
                (x + wide, 0),
                (x + wide + (sway if side else -sway), horizon + 0.08),
                (x + (sway if side else -sway), horizon + 0.1),
            ]
            draw.polygon([(a * UNIT, b * UNIT) for a, b in drop], fill=colour)
    for fold in range(9):
        draw.ellipse(
            ((fold / 9 - 0.01) * UNIT, -0.09 * UNIT, ((fold + 1) / 9 + 0.01) * UNIT, 0.09 * UNIT),
            fill=mix(red, (0, 0, 0), 0.3 * (fold % 2)),
        )


def ruins(image: Image.Image, rng: np.random.Generator, palette: Palette, horizon: float) -> None:
    """A shelled street and smoke."""
    draw = ImageDraw.Draw(image)
    colour = mix(palette.deep, palette.mid, 0.35)
    left = -0.03
    while left < 1:
        wide, tall = rng.uniform(0.1, 0.22), rng.uniform(0.05, 0.3)
        points = [(left, FOOT), (left, horizon - tall * rng.uniform(0.5, 1))]
        points += [(left + wide * share, horizon - tall * rng.uniform(0.4, 1)) for share in (0.3, 0.5, 0.8)]
        draw.polygon(
            [(a * UNIT, b * UNIT) for a, b in [*points, (left + wide, horizon), (left + wide, FOOT)]], fill=colour
        )
        for _ in range(3):
            x, y = left + rng.uniform(0.15, 0.7) * wide, horizon - rng.uniform(0, 0.6) * tall
            draw.rectangle((x * UNIT, y * UNIT, (x + 0.025) * UNIT, (y + 0.045) * UNIT), fill=palette.light)
        left += wide + rng.uniform(0, 0.06)
    _fill_below(image, _ridge(rng, horizon + 0.14, 0.09, 32), mix(palette.deep, (0, 0, 0), 0.4))


def castle(image: Image.Image, rng: np.random.Generator, palette: Palette, horizon: float) -> None:
    mountains(image, rng, palette, horizon)
    x, colour = rng.uniform(0.3, 0.7), mix(palette.deep, palette.mid, 0.25)
    pen = Pen(image, x, horizon - 0.1, 0.2)
    for left, top, half in (
        (-0.8, -0.2, 0.14),
        (-0.4, -0.7, 0.16),
        (0.05, -1.1, 0.2),
        (0.5, -0.5, 0.15),
        (0.85, -0.1, 0.12),
    ):
        pen.polygon([(left - half, 1.4), (left - half, top), (left + half, top), (left + half, 1.4)], colour)
        pen.polygon(
            [(left - half * 1.3, top), (left, top - half * 3), (left + half * 1.3, top)],
            mix(colour, palette.accent, 0.3),
        )
        pen.polygon(
            [(left - 0.03, top + 0.2), (left + 0.03, top + 0.2), (left + 0.03, top + 0.32), (left - 0.03, top + 0.32)],
            palette.light,
        )
    pen.polygon([(-1, 1.4), (-1, 0.4), (1, 0.4), (1, 1.4)], colour)
    hills(image, rng, palette, horizon + 0.12)


def stadium(image: Image.Image, rng: np.random.Generator, palette: Palette, horizon: float) -> None:
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, (horizon - 0.2) * UNIT, UNIT, FOOT * UNIT), fill=mix(palette.deep, (0, 0, 0), 0.4))
    spots = rng.uniform(0, 1, (500, 3))
    for x, y, tone in spots:
        left, top = x * UNIT, (horizon - 0.19 + 0.19 * y) * UNIT
        draw.rectangle((left, top, left + 2, top + 3), fill=mix(palette.deep, palette.light, float(tone) * 0.8))
    draw.rectangle((0, horizon * UNIT, UNIT, FOOT * UNIT), fill=mix((46, 110, 50), palette.deep, 0.35))
    for step in range(0, 7, 2):
        near, far = horizon + (FOOT - horizon) * (step / 7) ** 1.5, horizon + (FOOT - horizon) * ((step + 1) / 7) ** 1.5
        draw.rectangle((0, near * UNIT, UNIT, far * UNIT), fill=mix((60, 130, 60), palette.deep, 0.35))
    for x in (0.15, 0.85):
        for row in range(3):
            for column in range(4):
                left, top = (x - 0.06 + column * 0.034) * UNIT, (0.2 + row * 0.035) * UNIT
                draw.ellipse((left, top, left + 9, top + 9), fill=(255, 253, 236))


def graveyard(image: Image.Image, rng: np.random.Generator, palette: Palette, horizon: float) -> None:
    hills(image, rng, palette, horizon)
    black = mix(palette.deep, (0, 0, 0), 0.7)
    for _ in range(7):
        pen = Pen(
            image, rng.uniform(0, 1), horizon + rng.uniform(0.12, 0.3), rng.uniform(0.05, 0.09), rng.uniform(-12, 12)
        )
        if rng.random() < 0.5:
            pen.line([(0, 1), (0, -1)], 0.3, black)
            pen.line([(-0.55, -0.4), (0.55, -0.4)], 0.3, black)
        else:
            pen.polygon([(-0.6, 1), (-0.6, -0.4), (0.6, -0.4), (0.6, 1)], black)
            pen.oval(0, -0.4, 0.6, 0.5, black)


GROUNDS: dict[str, Ground] = {
    ground.__name__: ground
    for ground in (
        mountains, hills, city, forest, sea, desert, road, grid, stage, ruins, castle, stadium, graveyard
    )
}  # fmt: skip
