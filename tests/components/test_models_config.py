"""Labels in the models config, and which versions a push leaves there. No TensorFlow here."""

import os
import threading
from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from components.atomic_pusher import models_config, publish
from transform.errors import MarqueeError


@pytest.fixture
def serving(tmp_path: Path) -> Path:
    """A folder with three versions of lstm."""
    folder = tmp_path / "serving_model"
    for version in (10, 20, 30):
        (folder / "lstm" / str(version)).mkdir(parents=True)
        (folder / "lstm" / str(version) / "saved_model.pb").write_bytes(b"graph")
    return folder


def labels(serving: Path) -> dict[str, int]:
    return models_config.labels(models_config.read(serving), "lstm")


def test_what_is_promoted_is_stable_and_what_was_stable_is_previous(serving):
    assert models_config.promote(serving, "lstm", 10) == 10
    assert labels(serving) == {"stable": 10}
    assert models_config.promote(serving, "lstm") == 30
    assert labels(serving) == {"stable": 30, "previous": 10}
    models_config.promote(serving, "lstm", 30)  # once more changes nothing
    assert labels(serving) == {"stable": 30, "previous": 10}
    models_config.promote(serving, "lstm", 20, "canary")
    assert labels(serving) == {"stable": 30, "previous": 10, "canary": 20}


def test_a_rollback_and_its_undoing(serving):
    models_config.promote(serving, "lstm", 10)
    with pytest.raises(MarqueeError, match="lstm: no version was stable before"):
        models_config.rollback(serving, "lstm")
    models_config.promote(serving, "lstm", 30)
    assert models_config.rollback(serving, "lstm") == (30, 10)
    assert labels(serving) == {"stable": 10, "previous": 30}
    assert models_config.rollback(serving, "lstm") == (10, 30)


def test_the_file_is_one_that_tensorflow_serving_reads(serving):
    models_config.promote(serving, "lstm", 10)
    config = model_server_config_pb2.ModelServerConfig()
    text_format.Parse((serving / "models.config").read_text(), config)
    [model] = config.model_config_list.config
    assert (model.name, model.base_path, model.model_platform) == ("lstm", str(serving / "lstm"), "tensorflow")
    assert model.model_version_policy.WhichOneof("policy_choice") == "all"


def test_what_else_the_file_says_stays(serving):
    (serving / "models.config").write_text(
        'model_config_list { config { name: "other" base_path: "/elsewhere" } config { name: "lstm" base_path: "/x" '
        "model_version_policy { specific { versions: 10 } } } }"
    )
    models_config.promote(serving, "lstm", 20)
    other, model = models_config.read(serving).model_config_list.config
    assert (other.name, other.base_path) == ("other", "/elsewhere")
    assert model.base_path == "/x"
    assert list(model.model_version_policy.specific.versions) == [10, 20]


def test_the_version_that_is_gone_back_to_is_served(serving):
    models_config.promote(serving, "lstm", 10)
    models_config.promote(serving, "lstm", 20)
    with models_config.editing(serving) as config:
        config.model_config_list.config[0].model_version_policy.specific.versions.append(20)
    assert models_config.rollback(serving, "lstm") == (20, 10)
    [model] = models_config.read(serving).model_config_list.config
    assert list(model.model_version_policy.specific.versions) == [10, 20]


@pytest.mark.parametrize(
    ("model", "version", "words"),
    [("lstm", 5, "lstm 5: no such version. There are: 10, 20, 30."), ("gru", None, "no version of 'gru' in it")],
)
def test_what_is_not_there_cannot_be_promoted(serving, model, version, words):
    with pytest.raises(MarqueeError, match=words):
        models_config.promote(serving, model, version)
    assert not (serving / "models.config").exists()


def test_a_stable_version_that_is_gone_is_not_gone_back_to(serving):
    models_config.promote(serving, "lstm", 10)
    models_config.promote(serving, "lstm", 30)
    os.rename(serving / "lstm" / "10", serving / "elsewhere")
    with pytest.raises(MarqueeError, match="lstm 10: was stable before, and is no longer there"):
        models_config.rollback(serving, "lstm")
    assert labels(serving) == {"stable": 30, "previous": 10}


def spoil(version: Path, how: str) -> None:
    (version / "saved_model.pb").unlink()
    if how == "file":
        version.rmdir()
        version.touch()


@pytest.mark.parametrize(("how", "words"), [("empty", "it has no saved_model.pb"), ("file", "it is no folder")])
def test_what_no_server_can_load_is_neither_promoted_nor_gone_back_to(serving, how, words):
    refused = rf"lstm/10: no server can load it, since {words}"
    models_config.promote(serving, "lstm", 10)
    models_config.promote(serving, "lstm", 20)
    for version in (10, 30):
        spoil(serving / "lstm" / str(version), how)
    with pytest.raises(MarqueeError, match=refused):
        models_config.promote(serving, "lstm", 10)
    with pytest.raises(MarqueeError, match=refused):
        models_config.rollback(serving, "lstm")
    assert labels(serving) == {"stable": 20, "previous": 10}
    assert models_config.promote(serving, "lstm", label="canary") == 20  # the newest that a server has
    spoil(serving / "lstm" / "20", how)
    with pytest.raises(MarqueeError, match=f"lstm/30: no server can load it, since {words}"):
        models_config.promote(serving, "lstm")


def test_a_file_that_is_no_config_is_named_and_kept(serving):
    (serving / "models.config").write_text("no config")
    with pytest.raises(MarqueeError, match=r"models.config: not a models config"):
        models_config.promote(serving, "lstm")
    assert (serving / "models.config").read_text() == "no config"


def test_a_version_that_a_push_removes_meanwhile_is_not_promoted(serving):
    """The push has the lock; the promotion has begun, and waits for it."""
    failures = []

    def promote() -> None:
        try:
            models_config.promote(serving, "lstm", 10)
        except MarqueeError as error:
            failures.append(str(error))

    with models_config.editing(serving):
        thread = threading.Thread(target=promote)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
        publish.prune(serving / "lstm", 1)
    thread.join()
    assert failures == ["lstm 10: no such version. There are: 30."]
    assert labels(serving) == {}


def test_edits_at_the_same_time_are_all_kept(serving):
    for number in range(20):
        (serving / f"model{number}" / "1").mkdir(parents=True)
        (serving / f"model{number}" / "1" / "saved_model.pb").touch()
    threads = [
        threading.Thread(target=models_config.promote, args=(serving, f"model{number}", 1)) for number in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(models_config.read(serving).model_config_list.config) == 20


def test_old_versions_are_removed_but_those_that_are_wanted(serving):
    base = serving / "lstm"
    assert publish.prune(base, 1, {10}) == [20]
    assert publish.versions(base) == [10, 30]
    assert publish.prune(base, 5) == []
    assert sorted(entry.name for entry in base.iterdir()) == ["10", "30"]


def test_what_is_no_version_to_a_server_is_neither_counted_nor_removed(serving):
    base = serving / "lstm"
    (base / "5").touch()
    (base / "40").mkdir()
    assert publish.prune(base, 2) == [10]
    assert sorted(entry.name for entry in base.iterdir()) == ["20", "30", "40", "5"]


def test_a_watcher_never_sees_half_of_a_version_that_is_removed(serving):
    base, halves, done = serving / "lstm", [], threading.Event()
    for version in range(100, 200):
        (base / str(version)).mkdir()
        for part in ("saved_model.pb", "a", "b", "c"):
            (base / str(version) / part).write_bytes(b"")

    def watch() -> None:
        while not done.is_set():
            for version in publish.versions(base):
                try:
                    files = len(os.listdir(base / str(version)))
                except FileNotFoundError:
                    continue
                # A folder opened before it was renamed lists what is left of it; under its name it is gone by then.
                if version >= 100 and files < 4 and (base / str(version)).exists():
                    halves.append(version)

    watcher = threading.Thread(target=watch)
    watcher.start()
    removed = publish.prune(base, 1)
    done.set()
    watcher.join()
    assert len(removed) == 102
    assert halves == []
