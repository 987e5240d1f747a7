"""Draws a film's poster: one of the layouts that its genres favour, then print and wear."""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw

from pipeline.sample.canvas import FOOT, HEIGHT, OVERSAMPLING, SIZE, UNIT, WIDTH, Pen, mix, to_image
from pipeline.sample.easel import BLACK, WHITE, Easel, duotone

_SPAN_LIGHT = {1: 1.0, 2: 0.78}  # posters of the later span are printed darker

_DARK_SKIES = ("spotlight", "fog", "bokeh", "storm")
_PLAIN_SKIES = ("flat", "studio", "paper", "rays")
_PALE_SKIES = ("studio", "flat", "rays")


def _close(easel: Easel, *, on_top: bool = False, cap: float = 0.11) -> None:
    """Ends a full picture: shade at the foot, title there or on top, cast and small print."""
    if on_top:
        easel.write_title(top=0.08, cap=cap)
        easel.fade(1.15)
    else:
        easel.fade(easel.between(0.85, 1.05))
        easel.headline()
        easel.pale = False
        easel.write_title(bottom=FOOT - 0.14, cap=cap)
    easel.pale = False
    easel.credits()


def hero(easel: Easel) -> None:
    """One large figure against the sky, perhaps with others behind."""
    easel.sky()
    easel.ground(easel.between(0.85, 1.05))
    if easel.chance(0.45):
        easel.thing(easel.between(0.2, 0.8), easel.between(0.2, 0.4), easel.between(0.09, 0.16), dark=easel.chance(0.6))
    if easel.chance(0.35):
        for x in (easel.between(0.12, 0.25), easel.between(0.75, 0.88)):
            easel.dark_person(x, 1.12, easel.between(0.4, 0.6))
    on_top = easel.chance(0.3)
    easel.dark_person(easel.between(0.38, 0.62), 1.27, easel.between(0.65, 0.8) if on_top else easel.between(0.8, 1.05))
    _close(easel, on_top=on_top)


def lineup(easel: Easel) -> None:
    """Three to five figures side by side."""
    easel.sky()
    if not easel.pale:
        easel.ground(easel.between(0.8, 1.0))
    count = int(easel.rng.integers(3, 6))
    draw = easel.bright_person if easel.pale else easel.dark_person
    for place in easel.rng.permutation(count):
        x = 0.5 + (int(place) - (count - 1) / 2) * 0.78 / count
        draw(x, 1.2 - 0.06 * abs(x - 0.5), easel.between(0.62, 0.82))
    if easel.pale:
        easel.headline()
        easel.write_title(bottom=FOOT - 0.13)
        easel.credits()
    else:
        _close(easel)


def heads(easel: Easel) -> None:
    """Heads in the sky over a landscape."""
    easel.sky("sunset", "clouds", "storm", "space", "spotlight", "fog", "bokeh")
    for x in (easel.between(0.12, 0.26), easel.between(0.74, 0.88)):
        if easel.chance(0.85):
            easel.head(x, easel.between(0.5, 0.66), easel.between(0.55, 0.7), fade=True)
    easel.head(easel.between(0.42, 0.58), easel.between(0.42, 0.5), easel.between(0.78, 0.98), fade=True)
    easel.ground(easel.between(1.0, 1.1))
    if easel.chance(0.7):
        easel.dark_person(easel.between(0.25, 0.75), 1.2, easel.between(0.22, 0.34))
    _close(easel)


def closeup(easel: Easel) -> None:
    """One face that fills the poster."""
    easel.sky(*_DARK_SKIES, "studio")
    wide, stencil = easel.between(1.1, 1.75), easel.chance(0.3)
    x, y = easel.between(0.35, 0.65), easel.between(0.62, 0.78)
    easel.head(x, y, wide, tint=easel.between(0.05, 0.5), stencil=stencil)
    _close(easel)


def scene(easel: Easel) -> None:
    """A landscape with something in it, and someone small."""
    easel.sky()
    horizon = easel.between(0.8, 1.0)
    if easel.chance(0.5):
        easel.thing(easel.between(0.3, 0.7), horizon - easel.between(0.25, 0.4), easel.between(0.14, 0.26))
        easel.ground(horizon)
    else:
        easel.ground(horizon)
        easel.thing(easel.between(0.25, 0.75), horizon - 0.05, easel.between(0.16, 0.28), dark=True)
    if easel.chance(0.7):
        easel.dark_person(easel.between(0.2, 0.8), horizon + 0.2, easel.between(0.2, 0.36))
    _close(easel, on_top=easel.chance(0.45))


def icon(easel: Easel) -> None:
    """One thing on an empty ground."""
    easel.sky(*_DARK_SKIES, *_PLAIN_SKIES)
    easel.thing(0.5, easel.between(0.55, 0.68), easel.between(0.24, 0.36), angle=easel.between(-12, 12))
    easel.headline()
    easel.write_title(bottom=FOOT - 0.15, cap=0.1)
    easel.credits()


def plain(easel: Easel) -> None:
    """Much empty space, a small picture, quiet type."""
    easel.sky(*_PLAIN_SKIES, "photograph", "fog")
    foot = easel.between(0.95, 1.15)
    if easel.chance(0.6):
        easel.dark_person(easel.between(0.25, 0.75), foot, easel.between(0.3, 0.5))
    else:
        easel.thing(easel.between(0.3, 0.7), foot - 0.2, easel.between(0.1, 0.18), dark=easel.chance(0.5))
    align = easel.pick((0.0, 0.5, 1.0))
    easel.write_title(top=easel.between(0.12, 0.3), cap=0.075, widest=0.8, align=align)
    easel.credits()


def photo(easel: Easel) -> None:
    """A photograph with its title on a pale band, or straight on the picture."""
    easel.sky("photograph", "photograph", "clouds", "sunset")
    easel.ground(easel.between(0.75, 0.95))
    for _ in range(int(easel.rng.integers(1, 4))):
        easel.dark_person(easel.between(0.15, 0.85), easel.between(1.0, 1.12), easel.between(0.22, 0.5))
    if easel.chance(0.6):
        band = easel.between(1.02, 1.12)
        paper = easel.pick((WHITE, (244, 242, 236), easel.palette.light))
        ImageDraw.Draw(easel.image).rectangle((0, band * UNIT, *SIZE), fill=paper)
        easel.pale = True
        easel.write_title(top=band + 0.04, cap=0.07, align=easel.pick((0.0, 0.5)))
        easel.credits()
    else:
        _close(easel, on_top=easel.chance(0.4), cap=0.08)


def split(easel: Easel) -> None:
    """Two to four strips, a face or a scene in each."""
    whole = easel.image
    count = int(easel.rng.integers(2, 5))
    upright = easel.chance(0.5)
    gap = easel.pick((0, 4))
    length = (UNIT if upright else round(1.1 * UNIT)) / count
    for place in range(count):
        easel.image = Image.new("RGB", SIZE)
        easel.sky(*_DARK_SKIES, "studio", "flat")
        middle = (place + 0.5) / count
        x, y = (middle, 0.6) if upright else (easel.between(0.35, 0.65), middle * 1.1 + 0.05)
        easel.head(
            x,
            y,
            easel.between(0.8, 1.3) if upright else easel.between(0.75, 1.1),
            tint=easel.between(0.05, 0.6),
            stencil=easel.chance(0.2),
        )
        start, end = round(place * length), round((place + 1) * length) - gap
        box = (start, 0, end, SIZE[1]) if upright else (0, start, SIZE[0], end)
        whole.paste(easel.image.crop(box), box[:2])
    easel.image = whole
    easel.pale = False
    easel.fade(0.95, strength=1.0)
    easel.write_title(bottom=FOOT - 0.14)
    easel.credits()


def cutout(easel: Easel) -> None:
    """People in colour on a pale wall under loud type."""
    easel.sky(*_PALE_SKIES)
    easel.pale = True
    on_top = easel.chance(0.5)
    foot = 1.3 if on_top else 1.08
    if easel.chance(0.5):
        count = int(easel.rng.integers(1, 4))
        for place in range(count):
            x = 0.5 + (place - (count - 1) / 2) * 0.3
            easel.head(x, foot - 0.42 + easel.between(-0.05, 0.05), easel.between(0.7, 0.85), fade=True, tint=0.05)
    else:
        count = int(easel.rng.integers(1, 4))
        for place in range(count):
            easel.bright_person(0.5 + (place - (count - 1) / 2) * 0.28, foot - 0.02, easel.between(0.8, 0.95))
        if easel.chance(0.5):
            easel.thing(easel.between(0.15, 0.85), foot - 0.12, 0.12)
    if not on_top:
        ImageDraw.Draw(easel.image).rectangle((0, foot * UNIT, *SIZE), fill=easel.pick((WHITE, easel.palette.light)))
        easel.headline()
        easel.write_title(bottom=FOOT - 0.12, cap=0.12, loud=easel.chance(0.5))
    else:
        easel.write_title(top=0.06, cap=0.13, loud=easel.chance(0.6))
        easel.fade(1.2, colour=WHITE)
    easel.credits()


def couple(easel: Easel) -> None:
    """Two people, against the light or face to face."""
    easel.sky("sunset", "bokeh", "clouds", "studio")
    if easel.chance(0.55):
        easel.ground(easel.between(0.9, 1.05))
        easel.dark_couple(easel.between(0.4, 0.6), 1.2, easel.between(0.55, 0.85))
        if easel.chance(0.3):
            easel.thing(easel.between(0.2, 0.8), 0.3, 0.09)
        _close(easel, on_top=easel.chance(0.35), cap=0.09)
    else:
        easel.head(0.3, 0.66, easel.between(1.0, 1.2), tint=0.25)
        easel.head(0.72, 0.72, easel.between(1.0, 1.2), tint=0.25)
        easel.fade(0.95, colour=mix(easel.palette.light, WHITE, 0.6))
        easel.pale = True
        easel.write_title(bottom=FOOT - 0.14, cap=0.09)
        easel.credits()


def vintage(easel: Easel) -> None:
    """An old print: a frame, few colours, large type."""
    easel.sky("rays", "paper", "flat", "spotlight")
    if easel.chance(0.5):
        easel.head(
            easel.between(0.4, 0.6),
            easel.between(0.58, 0.7),
            easel.between(0.85, 1.1),
            fade=True,
            tint=0.5,
            stencil=easel.chance(0.3),
        )
    else:
        for x in easel.pick(((0.5,), (0.35, 0.65))):
            easel.bright_person(x, 1.1, easel.between(0.7, 0.85))
    if easel.chance(0.5):
        easel.thing(easel.between(0.2, 0.8), easel.between(0.95, 1.05), 0.13)
    if easel.chance(0.5):
        easel.write_title(top=0.09, cap=0.13, widest=0.82, loud=True)
        easel.pale = False
        easel.fade(1.15)
    else:
        band = mix(easel.palette.accent, BLACK, 0.1)
        Pen(easel.image, 0.5, 1.13, 1.0).polygon([(-0.6, -0.06), (0.6, -0.14), (0.6, 0.13), (-0.6, 0.17)], band)
        easel.pale = False
        easel.write_title(top=1.05, cap=0.1, widest=0.8, loud=True)
    easel.credits(FOOT - 0.13)
    edge = easel.pick(((232, 220, 190), easel.palette.deep, (245, 243, 238)))
    draw = ImageDraw.Draw(easel.image)
    for inset, colour, width in ((0, edge, 15), (17, easel.palette.accent, 3)):
        draw.rectangle((inset, inset, SIZE[0] - 1 - inset, SIZE[1] - 1 - inset), outline=colour, width=width)


def cartoon(easel: Easel) -> None:
    """Large-eyed animals in a bright landscape."""
    easel.sky("clouds", "rays", "flat", "space")
    if easel.chance(0.8):
        easel.ground(easel.between(0.8, 0.95))
    for _ in range(int(easel.rng.integers(0, 3))):
        easel.thing(easel.between(0.15, 0.85), easel.between(0.7, 0.85), easel.between(0.1, 0.15))
    easel.thing(easel.between(0.4, 0.6), easel.between(0.82, 0.92), easel.between(0.26, 0.34))
    if easel.chance(0.5):
        easel.thing(easel.pick((0.16, 0.84)), 1.05, easel.between(0.16, 0.2))
    easel.pale = False
    if easel.chance(0.5):
        easel.write_title(top=0.07, cap=0.13, loud=True)
    else:
        easel.headline()
        easel.write_title(bottom=FOOT - 0.11, cap=0.13, loud=True)
    easel.credits()


LAYOUTS: dict[str, Callable[[Easel], None]] = {
    layout.__name__: layout
    for layout in (
        hero, lineup, heads, closeup, scene, icon, plain, photo, split, cutout, couple, vintage, cartoon
    )
}  # fmt: skip

_DOWN, _ACROSS = np.ogrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
_CORNERS = ((_DOWN**2 + _ACROSS**2) / 2).astype(np.float32)  # 0 in the middle, 1 in the corners


def _print(easel: Easel, span: int) -> Image.Image:
    """Halves the drawing, then grades, shades and roughens it as print and film do."""
    rng = easel.rng
    image = easel.image.reduce(OVERSAMPLING)
    image = Image.blend(image, duotone(image, easel.palette), easel.between(0.0, 0.2))
    contrast, shade = easel.between(0.9, 1.12), 0.0 if easel.pale else easel.between(0.05, 0.35)
    grain = rng.integers(-64, 65, (HEIGHT, WIDTH), np.int8).astype(np.float32) * easel.between(0.02, 0.14)
    lift = 128 * (1 - contrast) + easel.between(-8, 8)
    planes = np.array([np.asarray(plane) for plane in image.split()], np.float32)
    planes *= (1 - shade * _CORNERS) * contrast * _SPAN_LIGHT[span]
    planes += (grain + lift) * _SPAN_LIGHT[span]
    return to_image(planes)


def draw_poster(
    rng: np.random.Generator, genres: Sequence[str], title: str, names: Sequence[str], span: int
) -> Image.Image:
    """Draws a poster, RGB, `WIDTH` x `HEIGHT`.

    Args:
        rng: where its chance comes from.
        genres: the film's genres; one of them leads the look.
        title: printed large.
        names: six or more people for the credits.
        span: 1 or 2; posters of the second are darker.
    """
    easel = Easel(rng, genres, title, names)
    LAYOUTS[easel.pick(easel.style().layouts)](easel)
    return _print(easel, span)
