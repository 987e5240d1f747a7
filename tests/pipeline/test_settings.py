"""Settings: what is read, what overrides it, and what an error says."""

import dataclasses

import pytest

from pipeline import settings
from transform.errors import MarqueeError


def test_defaults_need_no_file():
    assert settings.load(None) == settings.Settings()


def test_overrides_win_over_the_file_and_strings_are_read_as_toml(tmp_path):
    file = tmp_path / "marquee.toml"
    file.write_text('models = ["lstm"]\n[lstm]\nepochs = 3\nlearning_rate = 1\n[data]\nroot = "/films"\n')
    read = settings.load(file, {"lstm.epochs": "5", "data.span": "2", "models": "cnn,lstm"})
    assert read.models == ("cnn", "lstm")
    assert read.lstm == settings.Training(epochs=5, learning_rate=1.0)
    assert read.data == settings.Data(root="/films", span=2)


def test_settings_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.Settings().work = "elsewhere"  # type: ignore[misc]


def test_json_round_trip():
    read = settings.load(None, {"cnn.variant": "reference", "data.span": "3", "models": "cnn"})
    assert settings.from_json(settings.as_json(read)) == read


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("cnn.epoch", "3", ["cnn.epoch = '3'", "cnn.epochs"]),
        ("colour", "red", ["colour = 'red'", "models"]),
        ("cnn.epochs", "many", ["cnn.epochs = 'many'", "a whole number"]),
        ("cnn.epochs", "1.5", ["cnn.epochs = 1.5", "a whole number"]),
        ("cnn.epochs", "true", ["cnn.epochs = True", "a whole number"]),
        ("lstm.backbone", "b.keras", ["lstm.backbone", "only the default variant of cnn"]),
        ("cnn.backbone_scale", "0..2", ["cnn.backbone_scale = '0..2'", "'-1..1'"]),
        ("cnn.embeddings", "v.txt", ["cnn.embeddings", "only the default variant of lstm"]),
        ("cnn.tuner_trials", "0", ["cnn.tuner_trials = 0", "1 or more"]),
        ("lstm.seed", "5000000000", ["lstm.seed = 5000000000", "2147483647 or less"]),
        ("cnn.tuner", "yes", ["cnn.tuner = 'yes'", "true or false"]),
        ("cnn.epochs", "0", ["cnn.epochs = 0", "1 or more"]),
        ("data.window", "0", ["data.window = 0", "1 or more"]),
        ("cnn.learning_rate", "nan", ["cnn.learning_rate = nan", "or more"]),
        ("cnn.variant", "best", ["cnn.variant = 'best'", "'default', 'reference'"]),
        ("evaluation.accept_baseline_reset", "yes", ["accept_baseline_reset = 'yes'", "true or false"]),
        ("models", "cnn,resnet", ["models = ['cnn', 'resnet']", "cnn, lstm"]),
        ("models", "", ["models = []", "cnn, lstm"]),
        ("models", "cnn,cnn", ["models = ['cnn', 'cnn']", "each once"]),
        ("cnn", "3", ["cnn = '3'", "[cnn]"]),
        ("work.folder", "x", ["work.folder = 'x'", "work is not a table"]),
        ("work", "", ["work = ''", "path of a folder"]),
        ("name", "a b", ["name = 'a b'", "letters"]),
    ],
)
def test_an_error_names_key_value_and_what_is_allowed(tmp_path, key, value, said):
    file = tmp_path / "marquee.toml"
    file.write_text('work = "work"\n')
    with pytest.raises(MarqueeError) as error:
        settings.load(file, {key: value})
    assert all(part in str(error.value) for part in said), str(error.value)


def test_the_reference_is_not_searched():
    with pytest.raises(MarqueeError, match=r"lstm\.tuner: only the default variant"):
        settings.load(None, {"lstm.variant": "reference", "lstm.tuner": "true"})


def test_a_file_that_is_no_toml_is_named(tmp_path):
    file = tmp_path / "marquee.toml"
    file.write_text("models = [")
    with pytest.raises(MarqueeError, match=r"marquee\.toml: not valid TOML"):
        settings.load(file)
    with pytest.raises(MarqueeError, match=r"absent\.toml: cannot be read"):
        settings.load(tmp_path / "absent.toml")
