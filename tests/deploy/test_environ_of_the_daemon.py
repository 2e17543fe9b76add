"""What a job of the local cloud finds in the environments of the processes around it."""

import sys

import pytest

from infra.contract.discovery import find_cloud

CANARY = "Canary-in-the-shell-52c8"
LOOKS = f"""\
import pathlib, sys
def environ(pid):
    return pathlib.Path("/proc", str(pid), "environ").read_bytes()
def parent(pid):
    stat = pathlib.Path("/proc", str(pid), "stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])
pid, above = "self", []
while (pid := parent(pid)) > 0:
    above.append(pid)
read, found = [], []
for folder in pathlib.Path("/proc").glob("[0-9]*"):
    try:
        text = environ(folder.name)
    except OSError:
        continue
    read.append(int(folder.name))
    if {CANARY.encode()!r} in text:
        found.append(int(folder.name))
daemon = int(sys.argv[1])
assert daemon in read and daemon in above, (daemon, read, above)
print("found", found)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has /proc")
def test_a_job_finds_no_secret_of_the_deployers_shell_in_any_process(alone):
    alone.variables["DEPLOYERS_SECRET"] = CANARY
    process = alone.start("up", "--yes")  # starts the local cloud, too
    _, err = process.communicate()
    assert process.returncode == 0, err
    folder = alone.root / "src"
    folder.mkdir()
    (folder / "requirements.txt").write_text("", encoding="utf-8")
    (folder / "train.py").write_text(LOOKS, encoding="utf-8")
    daemon = find_cloud(alone.home).pid
    said = alone.good("submit", "-c", "cpu", "--source-directory", "src", "train.py", str(daemon))
    assert said.out == "found []\n"
