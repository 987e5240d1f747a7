"""Painted heads: soft shading on a grid of normalised coordinates, as a photograph slightly out of focus has it."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from pipeline.sample.canvas import Colour

_COLUMNS, _ROWS = 80, 95
# A face is about 1.6 wide and 2.4 tall around the origin: brows at -0.3, chin at 1.2.
_X, _Y = np.meshgrid(
    np.linspace(-1.9, 1.9, _COLUMNS, dtype=np.float32), np.linspace(-1.75, 2.75, _ROWS, dtype=np.float32)
)
ASPECT = _ROWS / _COLUMNS

_SKINS: tuple[Colour, ...] = ((240, 200, 172), (228, 182, 150), (204, 154, 118), (164, 114, 82), (122, 82, 58))
_HAIRS: tuple[Colour, ...] = (
    (30, 24, 22), (66, 42, 28), (112, 74, 40), (196, 158, 96), (160, 78, 42), (160, 158, 156)
)  # fmt: skip


@dataclass(frozen=True)
class Head:
    """A head and shoulders.

    Attributes:
        image: RGB.
        mask: "L", the same size: where the head is.
    """

    image: Image.Image
    mask: Image.Image


def _inside(distance: np.ndarray, softness: float = 0.05) -> np.ndarray:
    """1 where distance < 0, 0 where it is > 0, soft between."""
    return np.clip(0.5 - distance / softness, 0, 1)


def _blob(x: float, y: float, across: float, down: float) -> np.ndarray:
    """A soft spot of height 1; a Gaussian's row times its column."""
    return np.exp(-(((_Y[:, :1] - y) / down) ** 2)) * np.exp(-(((_X[:1] - x) / across) ** 2))


def _mouth(x: float, y: float, across: float, down: float, lift: float) -> np.ndarray:
    """A blob bent so that its ends rise."""
    off = _X - x
    return np.exp(-((off / across) ** 2) - ((_Y - y + lift * off**2) / down) ** 2)


class _Layers:
    """Layers of colour, each over those before it."""

    def __init__(self) -> None:
        self.colour = np.zeros((_ROWS, _COLUMNS, 3), np.float32)
        self.cover = np.zeros((_ROWS, _COLUMNS), np.float32)

    def add(self, colour: np.ndarray, cover: np.ndarray) -> None:
        self.colour += (colour - self.colour) * cover[..., None]
        self.cover = np.maximum(self.cover, cover)


def draw_head(
    rng: np.random.Generator, clothes: Colour, *, contrast: float = 0.7, hat: str = "", smile: bool = False
) -> Head:
    """Paints a head at random.

    Args:
        rng: where its chance comes from.
        clothes: colour of the shoulders.
        contrast: 0, light from all sides, to 1, one side of the face in the dark.
        hat: "", "fedora", "cowboy", "helmet", "hood" or "space".
        smile: teeth are shown.
    """
    woman = bool(rng.random() < 0.45)
    skin = np.array(_SKINS[int(rng.integers(len(_SKINS)))], np.float32)
    hair = np.array(_HAIRS[int(rng.integers(len(_HAIRS)))], np.float32)
    light = float(rng.choice((-1.0, 1.0)) * rng.uniform(0.6, 1.0))
    turn = float(rng.uniform(-0.14, 0.14))  # where the face looks

    depth = np.sqrt(np.clip(1 - (_X / 1.05) ** 2 - (_Y / 1.5) ** 2, 0, 1))
    lit = np.clip(0.5 + 0.95 * light * _X - 0.14 * _Y, 0, 1.1) * (0.45 + 0.55 * depth)
    tone = 0.2 + (1 - contrast) * 0.62 + (0.25 + 0.75 * contrast) * lit
    cloth = np.array(clothes, np.float32) * np.clip(0.5 + 0.35 * light * _X - 0.1 * (_Y - 1.5), 0.15, 1.2)[..., None]

    layers = _Layers()
    behind, fringe = _hair(rng, woman)
    streaks = 0.8 + 0.4 * np.convolve(rng.random(_COLUMNS), (0.4, 0.6, 0.4), mode="same").astype(np.float32)
    locks = (
        hair * (np.clip(0.25 + 0.8 * lit, 0, 1.1) * streaks + 0.25 * _blob(0.35 * light, -1.05, 0.3, 0.2))[..., None]
    )
    layers.add(locks * 0.75, behind)
    neck = _inside(np.abs(_X) - (0.38 if woman else 0.5) - 0.25 * np.clip(_Y - 1.15, 0, 1) ** 2) * _inside(0.5 - _Y)
    layers.add(skin * (tone * (0.75 - 0.4 * _blob(0, 1.25, 0.7, 0.3)))[..., None], neck)
    slope = 1.42 + 0.3 * np.clip(np.abs(_X) - 0.35, 0, 2) ** 1.2
    collar = np.abs(_X) - 0.34 + (_Y - 1.4) * (0.4 if woman else 0.75)
    layers.add(cloth, _inside(slope - _Y, 0.08) * (1 - _inside(collar, 0.06)))

    below = np.clip((_Y - 0.1) / 1.1, 0, 1)
    jaw = float(rng.uniform(0.42, 0.5) if woman else rng.uniform(0.3, 0.4))
    half = 0.83 * np.sqrt(np.clip(1 - (_Y / 1.32) ** 2, 0, 1)) * (1 - jaw * below**1.7) + 0.06 * below
    face = _inside(np.abs(_X) - half) * _inside(_Y - 1.2, 0.08)
    layers.add(_face(rng, skin, hair, tone, light, turn, woman, smile), face)
    layers.add(locks, fringe)
    _put_on(hat, layers, cloth)
    return Head(
        Image.fromarray(np.clip(layers.colour, 0, 255).astype(np.uint8)),
        Image.fromarray((layers.cover * 255).astype(np.uint8)),
    )


def _hair(rng: np.random.Generator, woman: bool) -> tuple[np.ndarray, np.ndarray]:
    """Where hair lies behind the face, and where before it."""
    wave = 0.05 * np.sin(_Y * rng.uniform(3, 7) + rng.uniform(0, 6)) + 0.03 * np.sin(_X * 9 + rng.uniform(0, 6))
    lift = rng.uniform(0.0, 0.14)
    crown = np.hypot(_X / (0.97 + lift / 2), (_Y + 0.12) / (1.3 + lift)) - 1 + wave * 0.6
    line, parting = rng.uniform(-0.95, -0.72), rng.uniform(-0.5, 0.5)
    # The hairline arches over the forehead and comes down at the temples.
    arch = line + rng.uniform(0.5, 0.9) * np.abs(_X - parting * 0.4) ** 2.6 + 0.12 * np.sin((_X - parting) * 3)
    if woman:
        length = rng.uniform(0.6, 2.3)
        flow = np.abs(_X) - (0.96 + 0.16 * np.clip(_Y, 0, 1.2) + wave)
        behind = np.maximum(_inside(crown), _inside(flow) * _inside(-0.2 - _Y) * _inside(_Y - length, 0.3))
        drop = arch + 0.1
    else:
        behind = _inside(crown) * _inside(_Y - 0.15, 0.25)
        drop = arch
        if rng.random() < 0.1:
            return behind * 0, behind * 0  # bald
    return behind, _inside(crown) * _inside(_Y - drop, 0.14)


def _face(
    rng: np.random.Generator,
    skin: np.ndarray,
    hair: np.ndarray,
    tone: np.ndarray,
    light: float,
    turn: float,
    woman: bool,
    smile: bool,
) -> np.ndarray:
    """Colours of the face, float32 [_ROWS, _COLUMNS, 3]."""
    eye = float(rng.uniform(-0.1, -0.02))
    squint = float(rng.uniform(0.75, 1.1))
    side_of_light = 1.0 if light > 0 else -1.0
    shade = np.ones_like(tone)
    white = np.zeros_like(tone)
    for side in (-1, 1):
        x = turn + side * 0.36
        shade -= 0.32 * _blob(x - side * 0.05, eye - 0.08, 0.24, 0.15)  # socket
        brow = _blob(x, eye - 0.27, 0.2, 0.05) + 0.8 * _blob(x + side * 0.14, eye - 0.28, 0.1, 0.045)
        shade -= (0.5 if woman else 0.65) * brow
        white += 0.55 * _blob(x - 0.1, eye + 0.01, 0.07, 0.05 * squint) + 0.55 * _blob(
            x + 0.1, eye + 0.01, 0.07, 0.05 * squint
        )
        shade -= 0.95 * _blob(x, eye, 0.075, 0.07 * squint)  # iris
        shade -= (0.75 if woman else 0.5) * _blob(x + side * 0.02, eye - 0.075 * squint, 0.19, 0.03)  # lashes
        shade -= 0.16 * _blob(x, eye + 0.12, 0.2, 0.04)
        shade -= 0.42 * _blob(turn + side * 0.1, 0.42, 0.055, 0.03)  # nostril
        shade -= 0.16 * _blob(turn + side * 0.19, 0.36, 0.05, 0.08)
        shade += 0.1 * _blob(turn + side * 0.45, 0.25, 0.18, 0.14)  # cheekbone
    shade -= 0.3 * _blob(turn - 0.15 * side_of_light, 0.16, 0.07, 0.24) + 0.12 * _blob(turn, 0.5, 0.14, 0.03)
    shade += 0.2 * _blob(turn + 0.03, 0.12, 0.05, 0.26) + 0.12 * _blob(turn, 0.36, 0.07, 0.05)
    shade -= 0.16 * _blob(turn, 0.9, 0.2, 0.05)
    wide, lift = (0.28, 0.9) if smile else (0.21, float(rng.uniform(-0.3, 0.5)))
    lips = _mouth(turn, 0.69, wide, 0.055, lift) + _mouth(turn, 0.77, wide * 0.8, 0.06, lift)
    if smile:
        white += 0.75 * _mouth(turn, 0.725, 0.2, 0.04, lift)
        shade -= 0.3 * _mouth(turn, 0.67, 0.28, 0.02, lift)
        shade += 0.1 * (_blob(turn - 0.42, 0.42, 0.14, 0.1) + _blob(turn + 0.42, 0.42, 0.14, 0.1))
    else:
        shade -= 0.6 * _mouth(turn, 0.715, wide, 0.022, lift)
    colour = skin * (tone * np.clip(shade, 0.06, 1.3))[..., None]
    rouge = np.array((26, -62, -50) if woman else (6, -30, -24), np.float32)
    colour += lips[..., None] * rouge * tone[..., None]
    colour += (np.clip(white, 0, 1) * np.clip(tone, 0.15, 0.9))[..., None] * (225 - colour)
    if not woman and rng.random() < 0.4:
        chin = _inside(0.42 - _Y - 0.55 * np.abs(_X - turn), 0.3) * (1 - 0.9 * _blob(turn, 0.73, 0.24, 0.1))
        stubble = float(rng.uniform(0.2, 0.8))
        colour += (hair * (0.25 + 0.6 * tone[..., None]) - colour) * (chin * stubble)[..., None]
    return colour


def _put_on(hat: str, layers: _Layers, cloth: np.ndarray) -> None:
    if hat in ("fedora", "cowboy"):
        rise, reach = (0.17, 1.75) if hat == "cowboy" else (0.04, 1.4)
        layers.add(cloth * 0.1, _blob(0, -0.3, 0.75, 0.28) * 0.75)  # its shadow on the brow
        block = np.abs(_X) - 0.72 - 0.14 * (_Y + 1)
        layers.add(cloth * 0.9, _inside(block) * _inside(-1.62 - 0.12 * np.cos(_X * 4.4) - _Y) * _inside(_Y + 0.6))
        layers.add(cloth * 0.35, _inside(block) * _inside(np.abs(_Y + 0.78) - 0.1))
        layers.add(cloth * 0.75, _inside(np.abs(_X) - reach) * _inside(np.abs(_Y + 0.62 + rise * (_X**2 - 0.4)) - 0.08))
    elif hat == "helmet":
        dome = np.hypot(_X / 1.14, (_Y + 0.4) / 1.12) - 1
        layers.add(cloth * 0.1, _blob(0, -0.3, 0.7, 0.2) * 0.6)
        layers.add(cloth * 0.9, _inside(dome) * _inside(_Y + 0.42))
        layers.add(cloth * 0.5, _inside(np.abs(_X) - 1.2) * _inside(np.abs(_Y + 0.44) - 0.05))
    elif hat == "hood":
        outer, inner = np.hypot(_X / 1.25, (_Y - 0.2) / 1.75) - 1, np.hypot(_X / 0.8, (_Y - 0.15) / 1.15) - 1
        layers.add(cloth * 0.5, _inside(outer) * (1 - _inside(inner, 0.35)))
    elif hat == "space":
        shell = np.hypot(_X / 1.3, (_Y + 0.05) / 1.5) - 1
        layers.add(cloth * 0.3 + 150, _inside(np.abs(shell) - 0.08))
        layers.add(cloth * 0 + 235, (_blob(-0.65, -0.85, 0.12, 0.3) + _blob(-0.45, -1.1, 0.25, 0.1)) * 0.6)
