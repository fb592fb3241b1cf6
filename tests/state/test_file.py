"""The state in a file: replaced atomically, never over another write, without leftover files."""

import fcntl
import os
import resource
import stat
from contextlib import contextmanager

import pytest

from epimetheus.errors import StateError
from epimetheus.state.file import FileStore
from epimetheus.state.store import PreconditionFailed


@pytest.fixture
def store(tmp_path):
    return FileStore(tmp_path / "state")


@contextmanager
def full_disk():
    """Limits files to 100 bytes (setrlimit(2); Python ignores the signal). This includes the file of a test's output."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_missing_folder_is_an_error_with_a_remedy(tmp_path):
    store = FileStore(tmp_path / "nowhere" / "state")
    assert store.read() is None
    with pytest.raises(StateError, match=r"nowhere/state could not be written: No such file or directory") as caught:
        store.write(b"x", None)
    assert "STATE_FILE" in caught.value.do


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(StateError, match="could not be read: Is a directory"):
        FileStore(tmp_path).read()


def test_a_locked_file_counts_as_changed(store, tmp_path):
    with (tmp_path / "state.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(PreconditionFailed):
            store.write(b"x", None)
    assert store.write(b"x", None) == store.read().etag


def test_a_failed_write_leaves_the_old_content_and_no_other_file(store, tmp_path):
    etag = store.write(b"before", None)
    with full_disk(), pytest.raises(StateError, match="could not be written: File too large") as caught:
        store.write(b"x" * 101, etag)
    assert caught.value.do == "Free space on its disk, or move it to another disk and change STATE_FILE. The stored state is unchanged."
    assert store.read().data == b"before"
    assert sorted(os.listdir(tmp_path)) == ["state", "state.lock"]


def test_a_write_syncs_the_file_and_then_its_folder(store, monkeypatch):
    synced, real = [], os.fsync

    def fsync(descriptor):
        real(descriptor)
        synced.append(("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file", store.read() is not None))

    monkeypatch.setattr(os, "fsync", fsync)
    store.write(b"x", None)
    assert synced == [("file", False), ("folder", True)]


def test_a_symbolic_link_is_followed_and_stays(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "state").symlink_to(tmp_path / "disk" / "kept")
    FileStore(tmp_path / "state").write(b"x", None)
    assert (tmp_path / "disk" / "kept").read_bytes() == b"x"
    assert (tmp_path / "state").is_symlink()
