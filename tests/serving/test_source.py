"""Versions in a folder, and policies."""

import errno
import os
import time

import pytest
from tensorflow_serving.config.file_system_storage_path_source_pb2 import FileSystemStoragePathSourceConfig

from serving.server.source import fingerprint, versions_in, wanted
from tests.serving.test_manager import unreadable

Policy = FileSystemStoragePathSourceConfig.ServableVersionPolicy


def test_whole_versions_and_unfinished_ones(tmp_path):
    for name in ("1", "20", "003", "-1", "v4", "5", "٦", ".tmp-6"):
        (tmp_path / name).mkdir()
    (tmp_path / "7").write_text("a file")
    for name in ("1", "20", "003", "v4", "٦"):
        (tmp_path / name / "saved_model.pb").touch()
    found = versions_in(tmp_path)
    assert sorted(found.whole) == [1, 3, 20]
    assert found.unfinished == {5: tmp_path / "5"}
    assert found.unreadable == {}
    assert versions_in(tmp_path / "nowhere") == versions_in(tmp_path / "7") == ({}, {}, {})


@pytest.mark.parametrize("number", [errno.EACCES, errno.ESTALE, errno.EIO])
def test_a_version_that_cannot_be_read_leaves_the_others(tmp_path, monkeypatch, number):
    for name in ("1", "2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").touch()
    unreadable(monkeypatch, tmp_path / "2", number)
    found = versions_in(tmp_path)
    assert (found.whole, found.unfinished) == ({1: tmp_path / "1"}, {})
    assert found.unreadable == {2: (tmp_path / "2", os.strerror(number))}


def test_a_base_path_that_cannot_be_read_is_an_error(tmp_path, monkeypatch):
    unreadable(monkeypatch, tmp_path / "base")
    with pytest.raises(PermissionError):
        versions_in(tmp_path / "base")


def test_a_number_beyond_int64_is_no_version_and_is_named_once(tmp_path, caplog):
    names = ("20261125150210123456", str(2**63 - 1), str(2**63), "0" * 30 + "5", "9" * 250)
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").touch()
    for _ in range(3):
        assert sorted(versions_in(tmp_path).whole) == [5, 2**63 - 1]
    assert [record.name for record in caplog.records].count("marquee.serving") == 3
    assert f"{tmp_path / names[0]} is no version" in caplog.text


@pytest.mark.parametrize(
    ("policy", "chosen"),
    [
        (Policy(), [9]),
        (Policy(latest=Policy.Latest(num_versions=2)), [5, 9]),
        (Policy(all=Policy.All()), [2, 5, 9]),
        (Policy(specific=Policy.Specific(versions=[5, 7, 2])), [2, 5]),
    ],
)
def test_policies(policy, chosen):
    assert wanted([9, 2, 5], policy) == chosen


def test_a_changed_file_is_another_fingerprint(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"a")
    before = fingerprint(tmp_path)
    assert fingerprint(tmp_path) == before
    (tmp_path / "saved_model.pb").write_bytes(b"ab")
    changed = fingerprint(tmp_path)
    assert changed != before
    time.sleep(0.02)  # longer than the clock of a file system may stand still
    (tmp_path / "saved_model.pb").chmod(0o600)
    assert fingerprint(tmp_path) != changed
