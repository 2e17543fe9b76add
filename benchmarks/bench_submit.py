"""Submit an empty script to the `local` target, beside bare `python` on the same script.

The difference is all that `aml submit` adds: snapshot, history, agent, collecting what it wrote.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

AML = Path(sys.executable).with_name("aml")
ROUNDS = 5


def seconds(arguments: list[str], folder: Path, env: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(arguments, cwd=folder, env=env, check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top) / "source"
        folder.mkdir()
        (folder / "train.py").write_text("print('done')\n", encoding="utf-8")
        env = {**os.environ, "AML_HOME": str(Path(top) / ".aml")}
        bare, ours = [], []
        for _ in range(ROUNDS):
            bare.append(seconds([sys.executable, "train.py"], folder, env))
            ours.append(seconds([str(AML), "submit", "train.py"], folder, env))
    peer, mine = statistics.median(bare), statistics.median(ours)
    print(f"python train.py      {peer:6.3f} s")
    print(f"aml submit train.py  {mine:6.3f} s   {mine - peer:+.3f} s, {mine / peer:.1f} x")


if __name__ == "__main__":
    main()
