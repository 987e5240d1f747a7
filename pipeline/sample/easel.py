"""A poster while it is being drawn: the pieces that every layout puts together, in the style of a film's genres."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from pipeline.sample import shapes
from pipeline.sample.backdrops import GROUNDS, SKIES
from pipeline.sample.canvas import FOOT, HEIGHT, SIZE, UNIT, Colour, Pen, StencilPen, luma, mix, to_image
from pipeline.sample.faces import ASPECT, draw_head
from pipeline.sample.genres import GENRES
from pipeline.sample.lettering import FACES, Ink, set_block, small_print, split_lines
from pipeline.sample.palettes import Palette
from pipeline.sample.shapes import Outfit
from pipeline.sample.styles import STYLES, Style

T = TypeVar("T")

# How often a genre gives a film's poster its look when others are on the film too: most films are dramas,
# few look like one; a comedy or a cartoon nearly always shows.
_PRESENCE = {
    "Drama": 0.5, "Mystery": 0.7, "Thriller": 0.8, "Short": 0.6, "Comedy": 1.6, "Animation": 2.5, "Horror": 1.6,
    "Sci-Fi": 1.3, "Western": 2.0, "Documentary": 1.5, "War": 1.5,
}  # fmt: skip
# Tuned so that a simple model of colours at 600 films does better than the best constant answer, but not by much.
_STRAY = 0.05  # share of choices that follow a genre that the film does not have
_LEADING = 0.82  # share of choices that follow the film's leading genre; the rest follow any of its genres

BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)

_CLOTHES: tuple[Colour, ...] = (
    (40, 60, 110), (170, 40, 40), (60, 110, 70), (230, 225, 215), (40, 40, 44), (210, 160, 60)
)  # fmt: skip
_HAIRS: tuple[Colour, ...] = ((30, 22, 18), (70, 44, 24), (176, 136, 70), (130, 60, 30), (140, 138, 136))

_TAGLINES = """Some doors should stay closed|Every family has a secret|This summer, nobody sleeps|Trust no one
Love was never the plan|It begins again|Nothing stays buried|One night. One chance.|Nobody comes back the same
The truth has a price|Not everyone is who they seem|Expect company|Careful with that wish|No way out
Home is where it hurts|They had it coming|Dream a little louder|A story of courage|From a true story
Who will be left?|Hold on to what matters|Yesterday is never over|Laugh now. Cry later.|The long way home
Some lines were made to be crossed|The trip of a lifetime|Fear has a name|Two hearts, one mistake""".replace(
    "\n", "|"
).split("|")

_DATES = ("COMING SOON", "IN CINEMAS THIS FALL", "ONLY IN THEATERS", "THIS SUMMER", "APRIL 12", "IN 35 MM")


class Easel:
    """Holds the picture, the chance and the colours of one poster.

    Positions and sizes are in poster widths, as in `canvas`.

    Attributes:
        image: RGB at drawing size.
        rng: where its chance comes from.
        palette: its colours.
        pale: whether it stands on a pale ground.
        title: the film's title.
        names: six or more names for the credits.
    """

    def __init__(self, rng: np.random.Generator, genres: Sequence[str], title: str, names: Sequence[str]) -> None:
        self.image = Image.new("RGB", SIZE)
        self.rng = rng
        self.title = title
        self.names = names
        self.pale = False
        self._genres = genres
        odds = np.array([_PRESENCE.get(genre, 1.0) for genre in genres])
        self._lead = genres[int(rng.choice(len(genres), p=odds / odds.sum()))]
        self.palette = self.pick(self.style().palettes)
        self._face = FACES[self.pick(self.style().faces)]

    def style(self) -> Style:
        """The style that the next choice follows: mostly the leading genre's."""
        chance = self.rng.random()
        if chance < _STRAY:
            return STYLES[self.pick(GENRES)]
        return STYLES[self._lead if chance < _STRAY + _LEADING else self.pick(self._genres)]

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self.rng.integers(len(options)))]

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    # ------------------------------------------------------------ what lies behind

    def sky(self, *among: str) -> None:
        """Fills the poster with a sky of the style, or with one of those named."""
        name = self.pick(self.style().skies)
        if among and name not in among:
            name = self.pick(among)
        planes = SKIES[name](self.rng, self.palette)
        # Each pixel four times: halving at the end undoes this exactly.
        self.image.paste(to_image(planes).resize(SIZE, Image.Resampling.NEAREST))
        self.pale = bool(planes[:, : HEIGHT // 2].mean() > 165)

    def ground(self, horizon: float) -> None:
        GROUNDS[self.pick(self.style().grounds)](self.image, self.rng, self.palette, horizon)

    def fade(self, top: float, strength: float = 0.9, colour: Colour | None = None) -> None:
        """Fades the poster to a colour, else to the palette's shadows, from `top` down: type will stand there."""
        rows = np.linspace(0, FOOT, SIZE[1])
        ramp = np.clip((rows - top) / max(0.05, (FOOT - top) * 0.6), 0, 1) * 255 * strength
        mask = Image.fromarray(ramp.astype(np.uint8)[:, None]).resize(SIZE, Image.Resampling.NEAREST)
        self.image.paste(colour or mix(self.palette.deep, BLACK, 0.5), (0, 0), mask)

    # ------------------------------------------------------------ people and things

    def silhouette(self, draw: Callable[[Image.Image], None]) -> None:
        """Draws a shape in the dark, with the sky's light along one edge; `draw` gets a mask and draws it there."""
        layer = Image.new("L", SIZE)
        draw(layer)
        box = layer.getbbox()
        if not box:
            return
        mask = layer.crop(box)
        dark = mix(self.palette.deep, BLACK, 0.5)
        top, foot = mix(dark, self.palette.mid, 0.2), mix(dark, BLACK, 0.5)
        body = Image.composite(_filled(mask.size, foot), _filled(mask.size, top), _ramp(mask.size))
        self.image.paste(body, box[:2], mask)
        edge = ImageChops.subtract(mask, ImageChops.offset(mask, self.pick((-5, 5)), 3))
        edge = edge.filter(ImageFilter.BoxBlur(1)).point(lambda level: int(level * 0.8))
        self.image.paste(self.palette.light, box[:2], edge)

    def dark_person(self, x: float, foot: float, tall: float) -> None:
        """A person against the light, feet at `foot`."""
        pose, wears, holds = self.pick(self.style().people)
        flip = self.chance(0.5)

        def draw(layer: Image.Image) -> None:
            pen = StencilPen(layer, x, foot - tall / 2, tall / 2, flip=flip)
            shapes.person(pen, pose, Outfit.silhouette(WHITE), wears=wears, holds=holds)

        self.silhouette(draw)

    def bright_person(self, x: float, foot: float, tall: float) -> None:
        """A person in colour, feet at `foot`."""
        pose, wears, holds = self.pick(self.style().people)
        cloth = (*_CLOTHES, self.palette.accent, self.palette.mid, self.palette.accent)
        skin = mix((238, 196, 166), (110, 72, 52), float(self.rng.random()) ** 1.5)
        outfit = Outfit(skin, self.pick(cloth), self.pick(cloth), self.pick(_HAIRS))
        pen = Pen(self.image, x, foot - tall / 2, tall / 2, flip=self.chance(0.5))
        shapes.person(pen, pose, outfit, wears=wears, holds=holds)

    def dark_couple(self, x: float, foot: float, tall: float) -> None:
        """Two people close to each other, against the light."""

        def draw(layer: Image.Image) -> None:
            for side, pose, wears in ((-0.09, "stand", "coat"), (0.09, self.pick(("stand", "hips")), "dress long")):
                size = tall * (1 if side < 0 else 0.93)
                pen = StencilPen(layer, x + side * tall, foot - size / 2, size / 2, flip=side > 0)
                shapes.person(pen, pose, Outfit.silhouette(WHITE), wears=wears)

        self.silhouette(draw)

    def head(
        self, x: float, y: float, wide: float, *, fade: bool = False, tint: float = 0.15, stencil: bool = False
    ) -> None:
        """Paints a head.

        Args:
            x: its middle.
            y: its middle.
            wide: from shoulder to shoulder.
            fade: its chest melts away.
            tint: share of the palette's colours in it.
            stencil: printed in four flat colours.
        """
        style = self.style()
        palette = self.palette
        clothes = self.pick((palette.deep, palette.mid, palette.accent, (50, 50, 56), (70, 60, 50)))
        head = draw_head(
            self.rng, clothes, contrast=style.contrast, hat=self.pick(style.hats), smile=self.chance(style.smiles)
        )
        picture = Image.blend(head.image, duotone(head.image, palette), tint)
        mask = head.mask
        if fade:
            ramp = _ramp(mask.size).point(lambda level: min(255, max(0, (225 - level) * 3)))
            mask = ImageChops.multiply(mask, ramp)
        # Only what lies on the poster is enlarged.
        scale = wide * UNIT / mask.width
        left, top = round((x - wide / 2) * UNIT), round((y - wide * ASPECT / 2) * UNIT)
        on = (
            max(0, left),
            max(0, top),
            min(SIZE[0], left + int(wide * UNIT)),
            min(SIZE[1], top + int(scale * mask.height)),
        )
        box = ((on[0] - left) / scale, (on[1] - top) / scale, (on[2] - left) / scale, (on[3] - top) / scale)
        size = (on[2] - on[0], on[3] - on[1])
        picture = picture.resize(size, Image.Resampling.BICUBIC if stencil else Image.Resampling.BILINEAR, box)
        if stencil:
            picture = _stencilled(picture, palette)
        self.image.paste(picture, on[:2], mask.resize(size, Image.Resampling.BILINEAR, box))

    def thing(self, x: float, y: float, scale: float, *, angle: float = 0.0, dark: bool = False) -> None:
        """A thing of the style, in colour or against the light."""
        shape = shapes.THINGS[self.pick(self.style().things)]
        flip = self.chance(0.5)
        main, second = self.palette.accent, self.palette.light
        if abs(luma(main) - luma(second)) < 50:
            second = self.palette.deep
        if dark:
            self.silhouette(lambda layer: shape(StencilPen(layer, x, y, scale, angle, flip), WHITE, WHITE))
        else:
            shape(Pen(self.image, x, y, scale, angle, flip), main, second)

    # ------------------------------------------------------------ type

    def _behind(self, top: float, bottom: float) -> float:
        """Mean luma of the middle of the poster between two heights: what type there has to stand out from."""
        box = (UNIT // 8, max(0, round(top * UNIT)), UNIT * 7 // 8, min(SIZE[1], round(bottom * UNIT) + 1))
        pixel = self.image.resize((1, 1), Image.Resampling.BOX, box, reducing_gap=2.0).getpixel((0, 0))
        assert isinstance(pixel, tuple)
        return luma((int(pixel[0]), int(pixel[1]), int(pixel[2])))

    def _title_ink(self, loud: bool, behind: float) -> Ink:
        palette = self.palette
        colours = (
            palette.accent, palette.accent, mix(palette.accent, WHITE, 0.35), mix(palette.accent, BLACK, 0.4),
            palette.light, mix(palette.light, WHITE, 0.5), palette.deep, (248, 246, 240), (196, 24, 24), (24, 24, 28),
        )  # fmt: skip
        fill = self.pick([colour for colour in colours if abs(luma(colour) - behind) > 75])
        ink = Ink(fill)
        away = WHITE if luma(fill) > behind else BLACK
        if self.chance(0.3):
            ink = replace(ink, foot=mix(fill, away, 0.5))
        if loud:
            return replace(ink, outline=mix(palette.deep, BLACK, 0.4) if away == WHITE else WHITE)
        if self.chance(0.3):
            return replace(ink, shadow=mix(palette.deep, BLACK, 0.6) if away == WHITE else mix(fill, WHITE, 0.7))
        if self.chance(0.25) and away == WHITE and luma(fill) - luma(palette.accent) > 60:
            return replace(ink, glow=palette.accent)
        return ink

    def write_title(
        self,
        *,
        top: float | None = None,
        bottom: float | None = None,
        cap: float = 0.11,
        widest: float = 0.88,
        align: float = 0.5,
        loud: bool = False,
    ) -> None:
        """Writes the title from `top` down, or so that it ends at about `bottom`.

        Args:
            top: where it starts; or give `bottom`.
            bottom: where it ends.
            cap: height of its capitals; the actual one varies around it.
            widest: its lines' width at most.
            align: 0 to the left, 0.5 centred, 1 to the right.
            loud: large, outlined, perhaps at an angle.
        """
        lines = split_lines(self.title, int(self.rng.integers(8, 15)))
        justify = loud or (len(lines) > 1 and self.chance(0.35))
        cap *= self.between(0.85, 1.2) * (0.85 if len(lines) > 2 else 1.0) * (0.75 if justify else 1.0)
        angle = self.between(-4, 7) if loud and self.chance(0.5) else 0.0
        block = set_block(lines, self._face, cap, widest, justify=justify, rng=self.rng)
        if top is None:
            assert bottom is not None, "write_title needs a top or a bottom"
            top = bottom - block.height
        ink = self._title_ink(loud, self._behind(top, top + block.height))
        block.write(self.image, ink, x=0.5 + (align - 0.5) * widest, y=top, align=align, angle=angle)

    def _small_ink(self, top: float, bottom: float) -> Ink:
        dark = self._behind(top, bottom) > 110
        return Ink(mix(self.palette.deep, BLACK, 0.4) if dark else mix(self.palette.light, WHITE, 0.3))

    def write_small(self, text: str, y: float, *, cap: float = 0.024, face: str = "spaced") -> None:
        """Writes one centred line of small type."""
        ink = self._small_ink(y, y + cap)
        set_block([text], FACES[face], cap, 0.88).write(self.image, ink, x=0.5, y=y)

    def headline(self) -> None:
        """Names of the cast or a tagline, or nothing."""
        chance = self.rng.random()
        if chance < 0.5:
            cast = "    ".join(self.names[: int(self.rng.integers(1, 4))])
            self.write_small(cast, 0.04, face=self.pick(("spaced", "grotesque", "plain")))
        elif chance < 0.85:
            self.write_small(self.pick(_TAGLINES), 0.04, face=self.pick(("plain", "italic", "spaced")))

    def credits(self, top: float = FOOT - 0.115) -> None:
        """The block of small print at the foot."""
        ink = self._small_ink(top, FOOT)
        ink = replace(ink, fill=mix(ink.fill, (128, 128, 128), 0.45))
        one, two, three, four, five, six = self.names[:6]
        lines = [
            f"{one.split()[-1]} pictures presents a {two} production a film by {three} {one} {four} {self.title}",
            f"casting by {five} music by {six} editor {two} production designer {four} photography {five}",
            f"written by {six} produced by {two} and {one} directed by {three}",
        ]
        for line in lines[: int(self.rng.integers(2, 4))]:
            small_print(self.image, line, ink, y=top, cap=0.017, widest=0.84)
            top += 0.027
        if self.chance(0.4):
            self.write_small(self.pick(_DATES), top + 0.005, cap=0.016, face="grotesque")


def _filled(size: tuple[int, int], colour: Colour) -> Image.Image:
    return Image.new("RGB", size, colour)


def _ramp(size: tuple[int, int]) -> Image.Image:
    """Black at the top to white at the foot."""
    return Image.linear_gradient("L").resize(size, Image.Resampling.NEAREST)


def _stencilled(image: Image.Image, palette: Palette) -> Image.Image:
    """The image in four flat colours of the palette, about as much of each."""
    grey = image.convert("L")
    cuts = np.quantile(np.asarray(grey), (0.3, 0.55, 0.8))
    colours = np.array((mix(palette.deep, BLACK, 0.4), palette.deep, palette.mid, palette.light))
    table = colours[np.searchsorted(cuts, np.arange(256))]
    return Image.merge("RGB", [grey] * 3).point(table.T.ravel().tolist())


def duotone(image: Image.Image, palette: Palette) -> Image.Image:
    """The image in the palette's colours alone, by brightness."""
    levels = np.arange(256)
    table = [
        np.interp(levels, (0, 110, 235), (deep * 0.5, mid, light))
        for deep, mid, light in zip(palette.deep, palette.mid, palette.light, strict=True)
    ]
    return Image.merge("RGB", [image.convert("L")] * 3).point(np.concatenate(table).astype(int).tolist())
