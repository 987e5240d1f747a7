"""Versions in a folder, and policies."""

import pytest
from tensorflow_serving.config.file_system_storage_path_source_pb2 import FileSystemStoragePathSourceConfig

from serving.server.source import fingerprint, versions_in, wanted

Policy = FileSystemStoragePathSourceConfig.ServableVersionPolicy


def test_only_whole_versions_count(tmp_path):
    for name in ("1", "20", "003", "-1", "v4", "5", ".tmp-6"):
        (tmp_path / name).mkdir()
    (tmp_path / "7").write_text("a file")
    for name in ("1", "20", "003", "v4"):
        (tmp_path / name / "saved_model.pb").touch()
    assert sorted(versions_in(tmp_path)) == [1, 3, 20]
    assert versions_in(tmp_path / "nowhere") == {}


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
    assert fingerprint(tmp_path) != before
