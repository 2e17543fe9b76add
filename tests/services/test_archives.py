"""Archives of Spark applications are unpacked below their folder, or not at all."""

import io
import tarfile
import zipfile

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
