"""Files with names that somebody else chose land below their folder, whole, and no more open."""

import io
import os
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from azure.core.exceptions import ServiceResponseError

from infra.contract.errors import UnreachableError, UsageError
from localcloud.nodes.storage import place, unpack
from runtime.agent.artifacts import Artifacts
from runtime.agent.assets import local_files
from runtime.agent.files import (
    Below,
    OutsideError,
    files_below,
    make_folder,
    open_to_append,
    printable,
    readable_below,
    replacing,
)
from runtime.model.runs import SnapshotFile, SourceSnapshot
from runtime.snapshots.store import write_tree
from runtime.targets.azureml_files import download

OUTSIDE = ("..", "../a", "a/../../b", "/etc/passwd", "a/..", "", ".", "/", "a\0b")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "secret").write_text("kept")
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


def write(folder, name, content=b"new"):
    with Below(folder).replacing(name) as sink:
        sink.write(content)


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_name_that_leads_out_of_the_folder_is_refused(folder, name):
    with pytest.raises(OutsideError):
        write(folder, name)
    assert not list(folder.iterdir())


def test_a_name_is_written_below_the_folder(folder):
    write(folder, "a//./b c/äöü.txt")
    assert (folder / "a/b c/äöü.txt").read_bytes() == b"new"


def test_a_link_out_of_the_folder_is_not_followed(folder):
    (folder / "out").symlink_to(folder.parent)
    with pytest.raises(OutsideError):
        write(folder, "out/secret")
    assert (folder.parent / "secret").read_text() == "kept"


def test_a_link_in_place_of_the_file_is_replaced_not_followed(folder):
    (folder / "model").symlink_to(folder.parent / "secret")
    write(folder, "model")
    assert (folder.parent / "secret").read_text() == "kept"
    assert (folder / "model").read_bytes() == b"new"


def test_a_failed_write_leaves_the_earlier_file_and_nothing_else(folder):
    write(folder, "model", b"earlier")
    with pytest.raises(ServiceResponseError), Below(folder).replacing("model") as sink:
        Stream(None).readinto(sink)
    assert [file.read_bytes() for file in folder.iterdir()] == [b"earlier"]


@pytest.mark.parametrize(("mode", "file", "below"), [(0o700, 0o600, 0o700), (0o750, 0o640, 0o750)])
def test_what_is_written_is_as_open_as_its_folder(folder, mode, file, below):
    folder.chmod(mode)
    write(folder, "a/b/model")
    make_folder(folder / "c")
    os.close(open_to_append(folder / "d/log"))
    modes = {path: path.stat().st_mode & 0o777 for path in folder.rglob("*")}
    assert {modes[path] for path in modes if path.is_dir()} == {below}
    assert {modes[path] for path in modes if path.is_file()} == {file}


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a b.txt", "a b.txt"), ("two\nlines", r"two\nlines"), ("bad\udcff", r"bad\xff"), ("ä", "ä")],
)
def test_a_name_is_printed_on_one_line(name, shown):
    assert printable(name) == shown


# --- whoever writes names it did not choose


@dataclass
class Container:
    """A container of blobs by name; reading one with content ``None`` fails halfway."""

    blobs: dict[str, bytes | None]
    name: str = field(default="")

    def list_blobs(self, *, name_starts_with):
        return [Container({}, name) for name in self.blobs if name.startswith(name_starts_with)]

    def download_blob(self, name):
        return Stream(self.blobs[name])


@dataclass
class Stream:
    content: bytes | None

    def readinto(self, sink):
        if self.content is None:
            sink.write(b"half")
            raise ServiceResponseError("Connection broken")
        sink.write(self.content)


RUN = "ExperimentRun/dcid.run/"


def test_downloads_of_odd_names_cost_only_themselves(folder):
    names = ("outputs/../../secret", "outputs/a", "outputs/a/b", "outputs/" + "n" * 300, "marker/")
    blobs = {RUN + name: b"new" for name in (*names, "outputs/z")}
    left_out = []
    files = download(Container(blobs), "run", folder, left_out.append)
    assert files == [folder / "outputs/a", folder / "outputs/z"]
    assert [line.partition(" ")[0] for line in left_out] == [names[0], names[2], names[3]]
    assert (folder.parent / "secret").read_text() == "kept"


def test_a_failed_download_leaves_the_earlier_copy(folder):
    download(Container({f"{RUN}outputs/model": b"earlier"}), "run", folder, print)
    with pytest.raises(UnreachableError, match="Connection broken"):
        download(Container({f"{RUN}outputs/model": None}), "run", folder, print)
    assert [file.read_bytes() for file in (folder / "outputs").iterdir()] == [b"earlier"]


@pytest.mark.parametrize("name", OUTSIDE[:4])
def test_the_agent_stores_no_artifact_elsewhere(folder, name):
    artifacts = Artifacts(folder, "run", str, str)
    with pytest.raises(FileNotFoundError):
        artifacts.store(name, io.BytesIO(b"new"), 3)
    assert not list(folder.iterdir())


def test_a_node_unpacks_no_archive_elsewhere(folder):
    archive = folder.parent / "code.zip"
    with zipfile.ZipFile(archive, "w") as sink:
        sink.writestr("train.py", "pass")
        sink.writestr("../secret", "new")
    with pytest.raises(UsageError, match=r"\.\./secret does not name a file below its folder"):
        unpack(archive, folder)
    assert (folder.parent / "secret").read_text() == "kept"


def test_a_node_has_no_input_elsewhere(folder):
    with pytest.raises(UsageError, match="Rename the input"):
        place(folder, "../secret")


def test_a_snapshot_is_laid_out_nowhere_else(folder):
    file = SnapshotFile("../secret", "ab" * 32, 3)
    objects = folder.parent / "objects"
    (objects / "ab").mkdir(parents=True)
    (objects / "ab" / ("ab" * 31)).write_text("new")
    with pytest.raises(OutsideError):
        write_tree(SourceSnapshot("id", (file,), objects), folder)
    assert (folder.parent / "secret").read_text() == "kept"


def test_a_folder_that_is_itself_a_link_is_written_to(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    write(Path(tmp_path / "link"), "a/b")
    assert (folder / "a/b").read_bytes() == b"new"


def test_what_is_no_file_is_listed_with_the_reason(folder):
    (folder / "plain").write_text("x")
    os.mkfifo(folder / "pipe")
    (folder / "to-pipe").symlink_to("pipe")
    (folder / "loop").symlink_to("loop")
    (folder / "below").mkdir()
    found = {name: problem for name, problem in files_below(folder) if name != "secret"}
    assert found["pipe"] == "it is not a file"
    assert found["to-pipe"] == "it is a link to something that is not a file"
    assert found["loop"] == "it is a link to itself"
    assert "below" not in found
    assert found["plain"] == ""
    assert "plain" in readable_below(folder)
    assert not {"pipe", "to-pipe", "loop"} & set(readable_below(folder))


@pytest.mark.parametrize("written", [replacing, local_files.replacing])
def test_a_pipe_or_a_device_is_written_to_and_keeps_its_place(tmp_path, written):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with written(pipe) as sink:
        sink.write(b"content")
    assert os.read(reader, 100) == b"content"
    os.close(reader)
    assert [each.is_fifo() for each in tmp_path.iterdir()] == [True]
