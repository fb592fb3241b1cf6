"""The state in a file: whole or not at all, never over another's, and nothing left lying about."""

import fcntl
import os
import resource
import stat
from contextlib import contextmanager

import pytest

from epimetheus.errors import StateError
from epimetheus.state.file import FileStore
from epimetheus.state.store import Changed


@pytest.fixture
def store(tmp_path):
    return FileStore(tmp_path / "state")


@contextmanager
def full_disk():
    """No file may grow over 100 bytes (setrlimit(2); Python ignores the signal that goes with it), also not that of a test's output."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_folder_that_is_not_there_is_an_error_that_helps(tmp_path):
    store = FileStore(tmp_path / "nowhere" / "state")
    assert store.read() is None
    with pytest.raises(StateError, match=r"nowhere/state could not be written: No such file or directory") as caught:
        store.write(b"x", None)
    assert "STATE_FILE" in caught.value.do


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(StateError, match="could not be read: Is a directory"):
        FileStore(tmp_path).read()


def test_a_file_that_another_is_writing_is_changed(store, tmp_path):
    with (tmp_path / "state.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Changed):
            store.write(b"x", None)
    assert store.write(b"x", None) == store.read().etag


def test_a_write_that_fails_leaves_what_was_there_and_nothing_else(store, tmp_path):
    etag = store.write(b"before", None)
    with full_disk(), pytest.raises(StateError, match="could not be written: File too large"):
        store.write(b"x" * 101, etag)
    assert store.read().data == b"before"
    assert sorted(os.listdir(tmp_path)) == ["state", "state.lock"]


def test_it_is_on_the_disk_file_first_then_its_folder(store, monkeypatch):
    synced, real = [], os.fsync

    def fsync(descriptor):
        real(descriptor)
        synced.append(("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file", store.read() is not None))

    monkeypatch.setattr(os, "fsync", fsync)
    store.write(b"x", None)
    assert synced == [("file", False), ("folder", True)]


def test_a_link_stays_one(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "state").symlink_to(tmp_path / "disk" / "kept")
    FileStore(tmp_path / "state").write(b"x", None)
    assert (tmp_path / "disk" / "kept").read_bytes() == b"x"
    assert (tmp_path / "state").is_symlink()
