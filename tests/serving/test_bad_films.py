"""Posters and overviews that are none, sent to trained models: each is answered, and the film beside it too."""

import base64

import grpc
import numpy as np
import pytest
from PIL import Image

from tests.pictures import picture
from tests.serving.wire import on_a_server, request, tensor
from tests.training import fit

pytestmark = pytest.mark.slow

INVALID = grpc.StatusCode.INVALID_ARGUMENT
JPEG = picture()


@pytest.fixture(scope="module")
def trained(transformed, tmp_path_factory):
    """Base path by name."""
    folder = tmp_path_factory.mktemp("trained")
    for name in ("cnn", "lstm"):
        fitted = fit(transformed, folder / "training" / name, name, "default", epochs=1)
        (folder / name).mkdir()
        fitted.model.rename(folder / name / "1")
    return {name: folder / name for name in ("cnn", "lstm")}


@pytest.fixture(scope="module")
def a_gif(tmp_path_factory):
    file = tmp_path_factory.mktemp("gif") / "poster.gif"
    Image.new("P", (60, 90)).save(file)
    return file.read_bytes()


@pytest.mark.parametrize("enable_batching", [False, True])
def test_posters(trained, tmp_path, a_gif, enable_batching):
    async def scenario(wire):
        async def scores(*posters):
            return tensor(await wire.predict(request("cnn", poster=list(posters))), "scores")

        alone = await scores(JPEG)
        for bad, words in (
            (JPEG[: len(JPEG) // 2], "row 1: "),  # truncated
            (a_gif, "row 1: poster is neither a JPEG nor a PNG"),
            (b"A poster, they said.", "row 1: poster is neither a JPEG nor a PNG"),
            (b"x" * (50 << 20), "row 1: poster is neither a JPEG nor a PNG"),
            (JPEG[:3] + bytes(50 << 20), "row 1: "),
        ):
            code, said = await wire.refused(request("cnn", poster=[JPEG, bad, JPEG]))
            assert code is INVALID
            assert said.startswith(words), said
            np.testing.assert_allclose(await scores(JPEG), alone, atol=1e-5)
        code, said = await wire.refused(request("cnn", poster=[JPEG[:3] + bytes(100 << 20)]))
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        png = picture(format="PNG")
        together = await scores(JPEG, b"", png)  # none is no mistake: the film has no poster
        assert together.shape[0] == 3
        assert np.isfinite(together).all()
        np.testing.assert_allclose(together[:1], alone, atol=1e-5)
        np.testing.assert_allclose(together[2:], await scores(png), atol=1e-5)

    on_a_server({"cnn": trained["cnn"]}, tmp_path, scenario, enable_batching=enable_batching)


def test_overviews(trained, tmp_path):
    async def scenario(wire):
        megabyte = b"A sheriff laughs at nothing. " * 36_158
        assert len(megabyte) > 1 << 20
        given = [b"A sheriff laughs.", b"", b"\xff\xfe\x00", megabyte]
        answer = await wire.predict(request("lstm", overview=given))
        scores = tensor(answer, "scores")
        assert scores.shape[0] == len(given)
        assert np.isfinite(scores).all()
        for row, overview in enumerate(given):
            alone = tensor(await wire.predict(request("lstm", overview=[overview])), "scores")
            np.testing.assert_allclose(alone[0], scores[row], atol=1e-5)

    on_a_server({"lstm": trained["lstm"]}, tmp_path, scenario)


def b64(value):
    return {"b64": base64.b64encode(value).decode()}


@pytest.mark.parametrize("enable_batching", [False, True])
def test_posters_over_rest(trained, tmp_path, a_gif, enable_batching):
    async def scenario(wire):
        path = "/v1/models/cnn:predict"

        async def scores(*posters):
            status, answer = await wire.post(path, {"instances": [{"poster": b64(poster)} for poster in posters]})
            assert status == 200, answer
            return np.array([row["scores"] for row in answer["predictions"]])

        alone = await scores(JPEG)
        for bad, words in (
            (b64(JPEG[: len(JPEG) // 2]), "row 1: "),  # truncated
            (b64(a_gif), "row 1: poster is neither a JPEG nor a PNG"),
            (b64(b"A poster, they said."), "row 1: poster is neither a JPEG nor a PNG"),
            ("A poster, they said.", "row 1: poster is neither a JPEG nor a PNG"),
            ({"b64": "A poster, they said."}, "input poster: not a tensor of string: row 1: no base64"),
        ):
            status, answer = await wire.post(path, {"instances": [{"poster": one} for one in (b64(JPEG), bad)]})
            assert status == 400
            assert answer["error"].startswith(words), answer
            np.testing.assert_allclose(await scores(JPEG), alone, atol=1e-5)
        together = await scores(JPEG, b"")  # none is no mistake: the film has no poster
        assert together.shape[0] == 2
        assert np.isfinite(together).all()
        np.testing.assert_allclose(together[:1], alone, atol=1e-5)

    on_a_server({"cnn": trained["cnn"]}, tmp_path, scenario, enable_batching=enable_batching)


def test_overviews_over_rest(trained, tmp_path):
    async def scenario(wire):
        given = ["A sheriff laughs.", "", b64(b"\xff\xfe\x00"), b64(b""), "A sheriff laughs at nothing. " * 36_158]

        async def scores(*overviews):
            status, answer = await wire.post("/v1/models/lstm:predict", {"inputs": {"overview": list(overviews)}})
            assert status == 200, answer
            return np.array(answer["outputs"]["scores"])

        together = await scores(*given)
        assert together.shape[0] == len(given)
        assert np.isfinite(together).all()
        for row, overview in enumerate(given):
            np.testing.assert_allclose((await scores(overview))[0], together[row], atol=1e-5)

    on_a_server({"lstm": trained["lstm"]}, tmp_path, scenario)
