"""Archives of Spark applications are unpacked below their folder, or not at all."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from infra.contract.errors import UsageError
from localcloud.services.hdinsight.spark_submit import unpack


def test_a_tar_that_leads_out_of_its_folder_is_refused(tmp_path):
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as archive:
        entry = tarfile.TarInfo("../outside")
        entry.size = 1
        archive.addfile(entry, io.BytesIO(b"x"))
    with pytest.raises(UsageError, match="outside"):
        unpack(tmp_path / "a.tgz", tmp_path / "in")
    assert not (tmp_path / "outside").exists()


def test_entries_of_a_zip_that_lead_out_of_its_folder_are_left_out(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("../outside", "x")
        archive.writestr("inside", "x")
    unpack(tmp_path / "a.zip", tmp_path / "in")
    assert (tmp_path / "in" / "inside").read_text() == "x"
    assert not (tmp_path / "outside").exists()


def test_links_of_an_environment_lead_to_its_python_and_nothing_is_written_through_them(tmp_path):
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as archive:
        for name, target in (("bin/python", "/usr/bin/python3"), ("out", str(tmp_path))):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    unpack(tmp_path / "a.tgz", tmp_path / "in")
    assert (tmp_path / "in" / "bin" / "python").readlink() == Path("/usr/bin/python3")
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as archive:
        entry = tarfile.TarInfo("out/written")
        entry.size = 1
        archive.addfile(entry, io.BytesIO(b"x"))
    with pytest.raises(UsageError, match="written"):
        unpack(tmp_path / "a.tgz", tmp_path / "in")
    assert not (tmp_path / "written").exists()
