"""The drawn posters: sizes, layouts, type, and that genres show."""

import numpy as np
import pytest
from PIL import Image

from pipeline.sample.canvas import HEIGHT, SIZE, WIDTH
from pipeline.sample.easel import Easel
from pipeline.sample.genres import GENRES
from pipeline.sample.lettering import FACES, Ink, plain_letters, set_block, set_line, small_print, split_lines
from pipeline.sample.posters import LAYOUTS, draw_poster
from pipeline.sample.shapes import THINGS
from pipeline.sample.styles import STYLES

NAMES = ["Renée Müller", "Jack O'Brien", "Zoë Sørensen", "Ivan Novak", "Mei Chen", "Tess Cole"]


def _draw(genre: str, seed: int, span: int = 1) -> np.ndarray:
    image = draw_poster(np.random.default_rng(seed), [genre], "The Seventh Voyage", NAMES, span)
    assert image.mode == "RGB"
    assert image.size == (WIDTH, HEIGHT) == (182, 268)
    return np.asarray(image, np.float32)


@pytest.mark.parametrize("genre", GENRES)
def test_every_genre_draws_a_picture(genre: str) -> None:
    pixels = _draw(genre, 1)
    assert pixels.std() > 8
    assert not np.array_equal(pixels, _draw(genre, 2))
    assert np.array_equal(pixels, _draw(genre, 1))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("title", ["Z", "The Extraordinarily Long and Unforgettable Voyage of Bartholomew Abernathy"])
def test_layouts_take_titles_of_any_length(layout: str, title: str) -> None:
    easel = Easel(np.random.default_rng(3), ["Drama", "Crime"], title, NAMES)
    LAYOUTS[layout](easel)
    assert easel.image.size == SIZE
    assert np.asarray(easel.image).std() > 5


def test_styles_cover_the_genres_and_all_things_are_used() -> None:
    assert set(STYLES) == set(GENRES)
    used = {thing for style in STYLES.values() for thing in style.things}
    assert used == set(THINGS)
    assert {layout for style in STYLES.values() for layout in style.layouts} == set(LAYOUTS)


def test_genres_differ_in_light_and_later_posters_are_darker() -> None:
    def luma(genre: str, span: int = 1) -> float:
        return float(np.mean([_draw(genre, seed, span).mean() for seed in range(8)]))

    comedy = luma("Comedy")
    assert comedy > luma("Horror") + 30
    assert luma("Comedy", 2) == pytest.approx(0.78 * comedy, rel=0.03)


@pytest.mark.parametrize("name", FACES)
def test_faces_set_text(name: str) -> None:
    mask = set_line("Renée's Night", FACES[name], np.random.default_rng(0))
    ink = np.asarray(mask)
    assert mask.getbbox() == (0, 0, *mask.size) or FACES[name].slant
    assert 0.05 < (ink > 128).mean() < 0.95


def test_block_is_no_wider_than_asked() -> None:
    block = set_block(["Buenos Aires", "at night"], FACES["wide"], 0.2, 0.5)
    assert max(mask.width for mask in block.masks) <= round(0.5 * SIZE[0])
    filled = set_block(["Buenos Aires", "at night"], FACES["wide"], 0.4, 0.5, justify=True)
    assert {mask.width for mask in filled.masks} == {round(0.5 * SIZE[0])}


def test_small_print_stays_within_its_width() -> None:
    image = Image.new("RGB", SIZE)
    small_print(image, "casting by nobody in particular " * 20, Ink((255, 255, 255)), y=0.5, cap=0.017, widest=0.5)
    box = image.getbbox()
    assert box is not None
    assert box[2] - box[0] <= 0.5 * SIZE[0]
    assert box[0] + box[2] == pytest.approx(SIZE[0], abs=12)


def test_letters_that_the_font_lacks_are_replaced() -> None:
    assert plain_letters("Renée Sørensen – Málaga") == "Renee Sorensen  Malaga"


def test_split_lines_keeps_words_and_balances_them() -> None:
    assert split_lines("Ash", 10) == ["Ash"]
    assert split_lines("The Golden House of Lisbon", 14) == ["The Golden", "House of Lisbon"]
    assert " ".join(split_lines("One Two Three Four Five Six", 8)) == "One Two Three Four Five Six"
