"""Which commit a checkout is at."""

import subprocess

from pipeline import commit


def git(folder, *words):
    author = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    return subprocess.run(["git", *author, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


def test_its_hash_and_whether_files_differ(tmp_path):
    git(tmp_path, "init")
    (tmp_path / "file").write_text("1")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-m", "one")
    git(tmp_path, "tag", "-a", "v1", "-m", "a name is no hash")
    at = git(tmp_path, "rev-parse", "HEAD").strip()
    assert commit.of_checkout(tmp_path) == at
    (tmp_path / "file").write_text("2")
    assert commit.of_checkout(tmp_path) == f"{at}-dirty"


def test_a_folder_inside_a_checkout_is_none(tmp_path):
    git(tmp_path, "init")
    (tmp_path / "inner").mkdir()
    assert commit.of_checkout(tmp_path / "inner") == ""


def test_without_git_there_is_none(tmp_path, monkeypatch):
    git(tmp_path, "init")
    assert commit.of_checkout(tmp_path) == ""  # and none before the first commit
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit.of_checkout(tmp_path) == ""
