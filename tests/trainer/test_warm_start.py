"""What a committee starts from: by name, member by member, and never from what has seen what it is asked about."""

import dataclasses
import json
import logging
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from tests import datapath
from tests.films import fake_films
from tests.training import RECIPES, SETTINGS, fit
from trainer import cnn, data, evidence, folds, heads, lstm, warm_start
from trainer.recipe import Task
from transform import features

OLD = {"genres": ["Drama", "War", "Comedy"], "words": ["war", "love", "sea"]}
NEW = {"genres": ["War", "Western", "Drama"], "words": ["sheriff", "sea", "war", "saloon"]}
NOW = {"name": "toy", "variant": "default", "seed": 7, "folds": 2, "fingerprints": {"train": "new"}}


def task(genres: list[str], vocabulary_size: int = 8, **changes) -> Task:
    given = {"positives": [3] * len(genres), "films": 9, "image_size": 16, "ngram_buckets": 64}
    return Task(**{**given, "vocabulary_size": vocabulary_size, **changes})


@pytest.fixture
def trained(tmp_path):
    """Writes what a Trainer leaves, of networks that have learnt nothing: model/ and run/."""

    def write(recipe, members: int = 2, vocabulary_size: int = 8, **training):
        extra, assets, run = tmp_path / "model" / "assets.extra", tmp_path / "model" / "assets", tmp_path / "run"
        for folder in (extra, assets, run):
            folder.mkdir(parents=True)
        networks = [recipe.build(task(OLD["genres"], vocabulary_size)) for _ in range(members)]
        for network in networks:
            network.set_weights([np.random.default_rng(3).normal(size=w.shape) for w in network.get_weights()])
        weights = [[weight.numpy() for weight in network.weights] for network in networks]
        (extra / "marquee.json").write_text(json.dumps({"genres": OLD["genres"]}))
        (assets / "words").write_text("\n".join(OLD["words"]) + "\n")
        said = {**NOW, "folds": members, "fingerprints": {"train": "old"}, **training}
        (run / "training.json").write_text(json.dumps(said))
        network = heads.side_by_side({recipe.head: heads.committee(networks, recipe.head)}, "toy")
        network.save(run / heads.NETWORK_FILE)
        return SimpleNamespace(model=str(tmp_path / "model"), run=run, weights=weights)

    return write


def start_from(base, recipe, **now) -> warm_start.Start:
    names = {warm_start.GENRES: NEW["genres"], warm_start.WORDS: warm_start.token_names(NEW["words"], 8)}
    given = {"model": 12, "run": str(base.run)}
    return warm_start.start(base.model, given, recipe, task(NEW["genres"]), names, {**NOW, **now})


def test_words_and_genres_go_by_name_and_all_else_as_it_is(trained, caplog):
    recipe = lstm.RECIPES["default"]
    base = trained(recipe)
    with caplog.at_level(logging.INFO, "marquee.trainer"):
        start = start_from(base, recipe)
    network = recipe.build(task(NEW["genres"]))
    fresh = {weight.path: weight.numpy() for weight in network.weights}
    start.give(network, 0)
    old = dict(zip(fresh, base.weights[0], strict=True))
    now = {weight.path: weight.numpy() for weight in network.weights}

    embedding, kernel, bias = "Embed/embeddings", "Output/kernel", "Output/bias"
    for path in set(now) - {embedding, kernel, bias}:
        np.testing.assert_array_equal(now[path], old[path])
    # padding, unknown, "sheriff", "sea", "war", "saloon", and two ids that no word has
    for row, known in enumerate([0, 1, None, 4, 2, None, None, None]):
        expected = fresh[embedding][row] if known is None else old[embedding][known]
        np.testing.assert_array_equal(now[embedding][row], expected)
    for column, known in enumerate([1, None, 0]):
        for path in (kernel, bias):
            expected = fresh[path][..., column] if known is None else old[path][..., known]
            np.testing.assert_array_equal(now[path][..., column], expected)

    assert start.about == {
        "model": 12, "run": str(base.run), "words": {"carried": 2, "new": 2},
        "genres": {"carried": ["War", "Drama"], "new": ["Western"]},
    }  # fmt: skip
    assert "toy: warm start from model 12: 2 of 3 genres, 2 of 4 words" in caplog.text


def test_a_vocabulary_that_is_cut_short_carries_what_both_keep(trained):
    recipe = lstm.RECIPES["default"]
    start = start_from(trained(recipe, vocabulary_size=4), recipe)  # war and love
    assert start.places["words"] == ([0, 1, 4], [0, 1, 2])
    assert start.about["words"] == {"carried": 1, "new": 3}


def test_each_member_goes_on_from_its_own(trained):
    recipe = cnn.RECIPES["default"]
    base = trained(recipe, members=3)
    for member, weights in enumerate(base.weights):
        for weight in weights:
            weight += member
    committee = keras.saving.load_model(base.run / heads.NETWORK_FILE, compile=False)
    for network, weights in zip(heads.members(committee, "poster"), base.weights, strict=True):
        network.set_weights(weights)
    committee.save(base.run / heads.NETWORK_FILE)
    start = start_from(base, recipe, folds=3)
    for member, weights in enumerate(base.weights):
        network = recipe.build(task(NEW["genres"]))
        start.give(network, member)
        np.testing.assert_array_equal(network.get_weights()[0], weights[0])
    assert "words" not in start.about


def test_a_committee_of_many_comes_back_in_order():
    networks = [cnn.RECIPES["default"].build(task(["War"])) for _ in range(11)]
    committee = heads.side_by_side({"poster": heads.committee(networks, "poster")}, "toy")
    assert heads.members(committee, "poster") == networks
    single = heads.side_by_side({"poster": heads.committee(networks[:1], "poster")}, "toy")
    assert heads.members(single, "poster") == networks[:1]


def other_embedding(of: Task) -> keras.Model:
    return lstm.RECIPES["default"].build(dataclasses.replace(of, vectors={2: np.zeros(5, np.float32)}))


@pytest.mark.parametrize(
    ("recipe", "training", "now", "reason"),
    [
        ({}, {"seed": 8}, {}, "seed was 8 and is 7; its members have left other films out"),
        ({}, {}, {"folds": 5}, "folds was 2 and is 5; its members have left other films out"),
        ({}, {"variant": "reference"}, {}, "variant was 'reference' and is 'default'; its network is another"),
        ({}, {}, {"fingerprints": {"train": "old"}}, "the very same films"),
        ({"build": other_embedding}, {}, {}, "other layers, or layers of other sizes"),
        ({"build": cnn.RECIPES["default"].build}, {}, {}, "other layers, or layers of other sizes"),
        ({"head": "words"}, {}, {}, "cannot be read"),
    ],
)
def test_what_cannot_be_started_from_is_told_and_weights_are_drawn_anew(trained, caplog, recipe, training, now, reason):
    default = lstm.RECIPES["default"]
    base = trained(default, **training)
    with caplog.at_level(logging.WARNING, "marquee.trainer"):
        start = start_from(base, dataclasses.replace(default, **recipe), **now)
    assert reason in start.about["refused"]
    assert (
        f"toy: warm start from model 12 is not possible, weights are drawn anew: {start.about['refused']}"
        in caplog.text
    )
    network = default.build(task(NEW["genres"]))
    fresh = network.get_weights()
    start.give(network, 0)
    for weight, before in zip(network.get_weights(), fresh, strict=True):
        np.testing.assert_array_equal(weight, before)


@pytest.mark.parametrize("file", ["run/network.keras", "run/training.json", "model/assets/words"])
def test_a_file_that_is_gone_is_told(trained, tmp_path, file):
    recipe = lstm.RECIPES["default"]
    base = trained(recipe)
    (tmp_path / file).unlink()
    assert "cannot be read" in start_from(base, recipe).about["refused"]


def test_a_network_that_is_none_is_told(trained):
    recipe = lstm.RECIPES["default"]
    base = trained(recipe)
    (base.run / heads.NETWORK_FILE).write_bytes(b"rubbish")
    assert "cannot be read" in start_from(base, recipe).about["refused"]


def test_nothing_to_start_from():
    start = warm_start.start(None, None, lstm.RECIPES["default"], task(NEW["genres"]), {}, NOW)
    assert start == warm_start.Start()
    assert start.about is None


@pytest.mark.parametrize(("name", "variant"), [(name, variant) for name in RECIPES for variant in RECIPES[name]])
def test_every_axis_of_words_and_genres_is_found_and_grows_by_one(name, variant):
    """An axis that words or genres share with something else could not go by name."""
    recipe = RECIPES[name][variant]
    plain = task(NEW["genres"])
    larger = task([*NEW["genres"], "Noir"], vocabulary_size=9)
    shapes = [[weight.shape for weight in recipe.build(each).weights] for each in (plain, larger)]
    for before, after, kinds in zip(*shapes, warm_start._kinds(recipe, plain), strict=True):
        assert tuple(after) == tuple(length + (axis in kinds) for axis, length in enumerate(before))
        assert {before[axis] for axis in kinds} <= {3, 8}
    assert any("genres" in kinds.values() for kinds in warm_start._kinds(recipe, plain))


@pytest.fixture(scope="module")
def second_span(tmp_path_factory):
    """80 films of which 40 are new, with words that are new, and without one of the genres."""
    films = [
        dataclasses.replace(
            film, id=f"tt{number + 41:07d}", overview=f"{film.overview} Robots."[: 400 * bool(film.overview)]
        )
        for number, film in enumerate(film for film in fake_films(140, seed=9) if "Western" not in film.genres)
    ]
    return datapath.transformed(tmp_path_factory.mktemp("second"), films[:80])


@pytest.mark.slow
def test_no_member_has_seen_in_any_span_what_it_is_asked_about_as_unseen(
    transformed, second_span, tmp_path, monkeypatch
):
    seen: list[set[bytes]] = []  # by training, in the order of the members
    batches = data.batches

    def watched(patterns, split, **options):
        if options.get("shuffle") is not None:
            ids = np.array(data.survey(patterns, split, options["genres"]).ids)
            seen.append(set(ids[options["repeated"] > 0].tolist()))
        return batches(patterns, split, **options)

    monkeypatch.setattr(data, "batches", watched)
    first = fit(transformed, tmp_path / "1", "lstm", "default", epochs=1)
    second = fit(second_span, tmp_path / "2", "lstm", "default", base=first, epochs=1)
    about = json.loads((second.run / "training.json").read_text())["warm_start"]
    assert "refused" not in about
    assert set(about["genres"]["carried"]) == {"Comedy", "Drama", "Horror"}
    assert about["words"]["new"] >= 1

    members = SETTINGS.folds
    assert len(seen) == 2 * members
    told = evidence.load(second.run)
    asked = told.films[~told.on_eval].tolist()
    for member in range(members):
        here = {
            film
            for film, fold in zip(asked, folds.of_films(asked, members, SETTINGS.seed), strict=True)
            if fold == member
        }
        assert here & set.union(*seen[:members])  # films of both spans are among them
        assert not here & (seen[member] | seen[members + member])
    other = folds.of_films(asked, members, SETTINGS.seed + 1)  # what a refusal is for
    assert {film for film, fold in zip(asked, other, strict=True) if fold == 0} & seen[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_a_training_starts_where_the_base_ended(name, transformed, second_span, tmp_path):
    first = fit(transformed, tmp_path / "1", name, "default", epochs=1, folds=2)
    frozen = {"epochs": 1, "folds": 2, "learning_rate": 0.0}  # batch normalisation's means move, nothing else
    second = fit(second_span, tmp_path / "2", name, "default", base=first, **frozen)
    head = RECIPES[name]["default"].head
    committees = [
        heads.members(keras.saving.load_model(each.run / heads.NETWORK_FILE, compile=False), head)
        for each in (first, second)
    ]
    for before, after in zip(*committees, strict=True):
        compared = 0
        for old, new in zip(before.trainable_weights, after.trainable_weights, strict=True):
            if old.shape == new.shape and not old.path.endswith("embeddings"):
                np.testing.assert_array_equal(old.numpy(), new.numpy())
                compared += 1
        assert compared >= 3
    again = fit(second_span, tmp_path / "3", name, "default", base=first, **frozen)
    for one, same in zip(second.network.get_weights(), again.network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, same)


@pytest.mark.slow
def test_a_committee_on_another_backbone_is_not_started_from(transformed, second_span, tmp_path):
    paths = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        images = keras.Input((32, 32, features.CHANNELS))
        said = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(images))
        paths.append(str(tmp_path / f"{seed}.keras"))
        keras.Model(images, said).save(paths[-1])
    quick = {"epochs": 1, "folds": 2, "learning_rate": 0.0}
    first = fit(transformed, tmp_path / "1", "cnn", "default", backbone=paths[0], **quick)
    for number, (path, refused) in enumerate(zip(paths, (None, "its backbone is another"), strict=True), start=2):
        second = fit(second_span, tmp_path / str(number), "cnn", "default", base=first, backbone=path, **quick)
        assert json.loads((second.run / "training.json").read_text())["warm_start"].get("refused") == refused
