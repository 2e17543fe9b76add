"""What a run recorded and no power failure may take back."""

import pytest

from infra.engine.state.backend import StateBackend
from tests.engine.state.lossy import LossyDisk


@pytest.fixture
def disk():
    return LossyDisk()


@pytest.fixture
def backend(tmp_path, clock, disk):
    return StateBackend(tmp_path, disk=disk, clock=clock)


@pytest.fixture
def after_power_failure(backend, sealer, disk):
    """Record something, lose the power, and return what state says then."""

    def after(work):
        work(backend.open("proj", "dev", sealer))
        disk.lose_power()
        backend.cancel("proj", "dev")
        return backend.load("proj", "dev", sealer)

    return after


@pytest.mark.parametrize("kind", ["creating", "importing"])
def test_a_begun_operation_that_leaves_something_behind_survives(after_power_failure, thing, kind):
    loaded = after_power_failure(lambda state: state.begin(kind, thing("a"), absent_checked=True))
    assert [(p.kind, p.resource.name, p.absent_checked) for p in loaded.pending] == [
        (kind, "a", True)
    ]


@pytest.mark.parametrize("kind", ["creating", "updating", "reading"])
def test_a_finished_operation_survives(after_power_failure, thing, names, kind):
    loaded = after_power_failure(lambda state: state.ok(state.begin(kind, thing("a")), thing("a")))
    assert names(loaded) == ["a"]
    assert loaded.pending == []


def test_a_finished_delete_survives(deployed, after_power_failure, names):
    deployed()

    def delete_last(state):
        operation = state.begin("deleting", state.loaded.resources[2])
        state.ok(operation, None, removes=[2])

    assert names(after_power_failure(delete_last)) == ["a", "b"]


def test_what_was_not_synced_is_lost_on_this_disk(disk, tmp_path):
    """The disk does fail: otherwise the tests above could not."""
    disk.log(tmp_path / "log").write(b"written")
    disk.lose_power()
    assert not (tmp_path / "log").exists() or (tmp_path / "log").read_bytes() == b""


class _FolderNotFlushed(LossyDisk):
    def _flush_folder(self, folder):
        pass


@pytest.mark.parametrize(("make", "left"), [(LossyDisk, b"new"), (_FolderNotFlushed, b"old")])
def test_a_rename_survives_with_its_folder_flushed(tmp_path, make, left):
    disk, file = make(), tmp_path / "file"
    disk.write(file, b"old")
    disk.write(tmp_path / "next", b"new")
    disk.rename(tmp_path / "next", file)
    disk.lose_power()
    assert file.read_bytes() == left


@pytest.mark.parametrize(("make", "left"), [(LossyDisk, False), (_FolderNotFlushed, True)])
def test_a_removal_survives_with_its_folder_flushed(tmp_path, make, left):
    disk, file = make(), tmp_path / "file"
    disk.write(file, b"old")
    disk.remove(file)
    disk.lose_power()
    assert file.exists() is left
