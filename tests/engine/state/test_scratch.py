import signal
import subprocess
import sys
from pathlib import Path

from infra.engine.state.scratch import Scratch
from tests import processes

HOLDS = """\
import sys
from pathlib import Path
from infra.engine.state.scratch import Scratch
held = Scratch(Path(sys.argv[1]))
(held.folder / "state.json").write_text("{}")
print(held.folder, flush=True)
sys.stdin.read()
"""


def holding(folder):
    return processes.start(
        [sys.executable, "-c", HOLDS, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_what_a_killed_process_left_is_removed_by_the_next_and_nothing_else(tmp_path):
    (tmp_path / "aml-state-of-somebody-else").mkdir()
    with holding(tmp_path) as lives, holding(tmp_path) as dies:
        kept, left = (each.stdout.readline().strip() for each in (lives, dies))
        dies.send_signal(signal.SIGKILL)
        dies.wait()
        assert Path(left).exists()
        mine = Scratch(tmp_path)
        assert not Path(left).exists()
        assert Path(kept, "state.json").exists()
        mine.remove()
        lives.communicate("")
    assert not mine.folder.exists()
    assert (tmp_path / "aml-state-of-somebody-else").is_dir()
