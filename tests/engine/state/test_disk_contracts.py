"""What state relies on in every disk: the real one, and the failing ones of the tests."""

import stat

import pytest

from infra.engine.state.disk import Disk
from tests.engine.dying_disk import DyingDisk, Fate
from tests.engine.state.lossy import LossyDisk


class DiskContract:
    """Inherit it; give it the fixture ``disk``."""

    @pytest.fixture
    def disk(self):
        raise NotImplementedError

    @pytest.fixture
    def file(self, tmp_path):
        return tmp_path / "new" / "folder" / "file"

    def test_a_file_is_written_whole_in_a_new_folder(self, disk, file):
        disk.write(file, b"longer than the next")
        disk.write(file, b"short")
        assert file.read_bytes() == b"short"

    def test_files_are_their_owners_alone(self, disk, file):
        disk.write(file, b"x")
        log = disk.log(file.with_name("log"))
        log.close()
        modes = {stat.S_IMODE(each.stat().st_mode) for each in file.parent.iterdir()}
        assert modes == {0o600}

    def test_a_rename_replaces(self, disk, file):
        disk.write(file, b"old")
        disk.write(file.with_name("next"), b"new")
        disk.rename(file.with_name("next"), file)
        assert [each.name for each in file.parent.iterdir()] == ["file"]
        assert file.read_bytes() == b"new"

    def test_a_kept_file_outlives_a_rename_over_it(self, disk, file):
        for content in (b"one", b"two"):
            disk.write(file.with_name("next"), content)
            disk.rename(file.with_name("next"), file)
            disk.keep(file, file.with_name("kept"))
        disk.write(file.with_name("next"), b"three")
        disk.rename(file.with_name("next"), file)
        assert file.with_name("kept").read_bytes() == b"two"

    def test_a_file_is_removed_and_may_be_gone(self, disk, file):
        disk.write(file, b"x")
        disk.remove(file)
        disk.remove(file)
        assert not file.exists()

    def test_a_log_grows_and_is_continued(self, disk, file):
        for line in (b"one\n", b"two\n"):
            log = disk.log(file)
            log.write(line)
            log.sync()
            log.close()
        assert file.read_bytes() == b"one\ntwo\n"

    def test_a_log_is_cut_and_continued(self, disk, file):
        log = disk.log(file)
        log.write(b"one\ntw")
        log.truncate(4)
        log.write(b"two\n")
        log.close()
        assert file.read_bytes() == b"one\ntwo\n"


class TestDurableDisk(DiskContract):
    @pytest.fixture
    def disk(self):
        return Disk()


class TestFastDisk(DiskContract):
    @pytest.fixture
    def disk(self):
        return Disk(durable=False)


class TestDyingDisk(DiskContract):
    """Until it dies, which it does at no change here."""

    @pytest.fixture
    def disk(self):
        return DyingDisk(Fate(at=0))


class TestLossyDisk(DiskContract):
    @pytest.fixture
    def disk(self):
        return LossyDisk()
