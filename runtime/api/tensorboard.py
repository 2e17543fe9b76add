"""``Tensorboard``, as in azureml.tensorboard: TensorBoard on logs of runs, beside this process."""

import os
import subprocess
import sys
import weakref
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from runtime.api.exceptions import UserErrorException
from runtime.api.run import Run

__all__ = ["Tensorboard"]
_COMMAND: Final = "from runtime.cli.root import main; main()"
_END_S: Final = 15.0


class Tensorboard:
    """TensorBoard on runs, live or past, as ``aml run tensorboard`` starts it.

    Of a sweep or a pipeline, its runs are shown; several are shown by their ids.
    """

    def __init__(
        self,
        runs: Run | Sequence[Run],
        local_root: str | Path | None = None,
        port: int = 6006,
        use_display_name: bool = False,
    ) -> None:
        self.runs = [runs] if isinstance(runs, Run) else list(runs)
        if not self.runs:
            raise UserErrorException(
                "TensorBoard is to be shown for no run.",
                remedy="Give a run, or a list of runs: `Tensorboard([run])`.",
            )
        self.local_root = local_root
        self.port = port
        self._process: subprocess.Popen[str] | None = None

    def start(self, start_browser: bool = False) -> str:
        """Start it and return its address. Raises ``UserErrorException`` if it does not start."""
        session = self.runs[0].experiment.workspace.session
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _COMMAND, *self._arguments()],
            env={**os.environ, "AML_HOME": str(session.home), "PYTHONPATH": _ours()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._process = process
        weakref.finalize(self, _end, process)
        address = (process.stdout.readline() if process.stdout else "").strip()
        if not address:
            _, problem = process.communicate()
            raise UserErrorException(
                f"TensorBoard did not start. {problem.strip()}",
                remedy="Try `aml run tensorboard` in a terminal.",
            )
        sys.stdout.write(f"{address}\n")
        if start_browser:
            webbrowser.open(address)
        return address

    def stop(self) -> None:
        """End it. One that was not started, or has ended, is left as it is."""
        if self._process is not None:
            _end(self._process)
            self._process = None

    def _arguments(self) -> list[str]:
        ids = [run.id for run in self.runs]
        if self.local_root is None:
            return ["run", "tensorboard", *ids, "--no-browser", "--port", str(self.port)]
        folder = str(Path(self.local_root).absolute())
        named = [word for run_id in ids for word in ("-r", run_id)]
        return ["run", "monitor-tensorboard", *named, "--local-directory", folder]


def _ours() -> str:
    """Return the path on which this product is found, in a checkout too."""
    mine = str(Path(__file__).parents[2])
    return os.pathsep.join(filter(None, (mine, os.environ.get("PYTHONPATH"))))


def _end(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
