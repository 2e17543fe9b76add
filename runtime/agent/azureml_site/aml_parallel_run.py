"""Runs a script with ``init()`` and ``run(mini_batch)`` over many files or rows.

``python -m aml_parallel_run TASK [ARGUMENTS…]``, where TASK is JSON (``runtime.model.parallel``
writes it) and the arguments are the script's. Workers are processes of their own: one that hangs is
killed after the time limit, its mini-batch tried again, and the others go on. Rows are written in
the order of the mini-batches, so that the same input gives the same output.
"""

import importlib.util
import json
import multiprocessing
import os
import signal
import sys
import time
import traceback
from multiprocessing.connection import Connection, wait
from types import ModuleType, TracebackType
from typing import Any, Dict, List, Optional, Sequence, Tuple, Type

Task = Dict[str, Any]
Rows = List[str]
Answer = Tuple[str, Any]

_INPUT = "AZUREML_DATAREFERENCE_"
_RANKS = ("NODE_RANK", "AZ_BATCHAI_TASK_INDEX", "OMPI_COMM_WORLD_RANK")
_START_S = 600.0


class FailedError(Exception):
    """The step has failed; the text says why."""


def main(arguments: Sequence[str]) -> int:
    """Run the step; return its exit code."""
    task = json.loads(arguments[0])
    argv = [str(task["entry_script"]), *arguments[1:]]
    batches = [batch for number, batch in enumerate(_batches(task)) if number % _nodes() == _rank()]
    print(f"{len(batches)} mini-batches, {_count(task)} workers", flush=True)
    try:
        results = Pool(task, argv, batches).run()
    except FailedError as error:
        print(f"The step failed: {error}", file=sys.stderr, flush=True)
        return 1
    if task["output_action"] == "append_row":
        _write(task, results)
    return 0


# --- mini-batches


def _batches(task: Task) -> List[Any]:
    """Return the mini-batches: lists of files, or data frames."""
    found: List[Any] = []
    for name in task["inputs"]:
        path = os.environ.get(_INPUT + name, "")
        if os.path.exists(path):
            found += _of_files(_files(path), task["mini_batch_size"])
        else:
            found += _of_rows(name, task["mini_batch_size"])
    return found


def _files(path: str) -> List[str]:
    if os.path.isfile(path):
        return [path]
    found: List[str] = []
    for folder, _, names in os.walk(path):
        found += [os.path.join(folder, name) for name in names]
    return sorted(found)


def _of_files(files: List[str], size: Dict[str, int]) -> List[Any]:
    count = int(size.get("count") or 10)
    return [files[start : start + count] for start in range(0, len(files), count)]


def _of_rows(name: str, size: Dict[str, int]) -> List[Any]:
    """Return the rows of a tabular dataset in data frames of about a size in bytes."""
    run = importlib.import_module("azureml.core").Run.get_context()
    frame = run.input_datasets[name].to_pandas_dataframe()
    if not len(frame):
        return []
    wanted = int(size.get("bytes") or 1048576)
    each = max(1, len(frame.to_csv(index=False)) // len(frame))
    count = int(size.get("count") or max(1, wanted // each))
    return [frame.iloc[start : start + count] for start in range(0, len(frame), count)]


# --- workers


class Pool:
    """Workers, and the mini-batches that they have not done."""

    def __init__(self, task: Task, argv: Sequence[str], batches: List[Any]) -> None:
        self._task = task
        self._argv = argv
        self._batches = batches
        self._waiting = [(number, 1) for number in range(len(batches))][::-1]
        self._results: Dict[int, Rows] = {}
        self._lost = 0  # items that were not processed
        self._failed = 0  # mini-batches that were given up
        self._workers: List[Worker] = []

    def run(self) -> List[Rows]:
        """Return the rows of each mini-batch, in order."""
        count = min(_count(self._task), max(1, len(self._batches)))
        try:
            while self._waiting or any(each.busy for each in self._workers):
                while self._waiting and len(self._workers) < count:
                    self._workers.append(Worker(self._task, self._argv))
                self._hand_out()
                self._collect()
        finally:
            for each in self._workers:
                each.stop()
        return [self._results.get(number, []) for number in range(len(self._batches))]

    def _hand_out(self) -> None:
        for each in self._workers:
            if each.idle and self._waiting:
                number, attempt = self._waiting.pop()
                each.give(number, attempt, self._batches[number])

    def _collect(self) -> None:
        wait([each.connection for each in self._workers], timeout=0.2)
        for each in list(self._workers):
            answer = each.answer()
            if answer is None:
                continue
            kind, value = answer
            if kind == "init failed":
                raise FailedError(
                    "init() of {} raised:\n{}".format(self._task["entry_script"], value)
                )
            busy, each.busy = each.busy, None
            if kind == "gone":
                self._workers.remove(each)
                each.stop()
            if busy is None:
                continue
            number, attempt = busy
            if kind == "rows":
                self._done(number, value)
            else:
                self._again(number, attempt, value)

    def _done(self, number: int, answer: Tuple[Rows, int]) -> None:
        rows, count = answer
        self._results[number] = rows
        self._lose(max(0, len(self._batches[number]) - count))

    def _again(self, number: int, attempt: int, why: str) -> None:
        tries = int(self._task["run_max_try"])
        print(
            f"Mini-batch {number} failed ({attempt} of {tries} tries):\n{why}",
            file=sys.stderr,
            flush=True,
        )
        if attempt < tries:
            self._waiting.append((number, attempt + 1))
            return
        self._failed += 1
        self._lose(len(self._batches[number]))
        self._check_batches()

    def _lose(self, count: int) -> None:
        self._lost += count
        threshold = int(self._task["error_threshold"])
        if threshold >= 0 and self._lost > threshold:
            raise FailedError(
                f"{self._lost} items were not processed, and error_threshold is {threshold}."
            )

    def _check_batches(self) -> None:
        most = self._task.get("allowed_failed_count")
        percent = self._task.get("allowed_failed_percent")
        if most is not None and 0 <= int(most) < self._failed:
            raise FailedError(f"{self._failed} mini-batches failed, and {int(most)} may.")
        if percent is not None and self._failed * 100.0 > float(percent) * len(self._batches):
            raise FailedError(
                f"{self._failed} of {len(self._batches)} mini-batches failed, and {percent} % may."
            )


class Worker:
    """A process that runs mini-batches one after another."""

    def __init__(self, task: Task, argv: Sequence[str]) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(theirs, task, argv))
        self._process.daemon = True
        self._process.start()
        theirs.close()
        self._limit_s = float(task["run_invocation_timeout_s"])
        self._ready = False
        self._since = time.monotonic()
        self.busy: Optional[Tuple[int, int]] = None

    @property
    def idle(self) -> bool:
        return self._ready and self.busy is None

    def give(self, number: int, attempt: int, batch: Any) -> None:
        """Have it run a mini-batch."""
        self.busy = (number, attempt)
        self._since = time.monotonic()
        self.connection.send(batch)

    def answer(self) -> Optional[Answer]:
        """Return what it said: its kind and value; ``None`` if nothing yet."""
        try:
            if self.connection.poll():
                kind, value = self.connection.recv()
                if kind == "ready":
                    self._ready = True
                    return None
                return kind, value
        except EOFError:
            return "gone", f"The worker ended with exit code {self._exit_code()}."
        limit_s = self._limit_s if self.busy else _START_S
        if (self.busy or not self._ready) and time.monotonic() - self._since > limit_s:
            return "gone", f"It took longer than {limit_s:g} s."
        return None

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.join(5)
        if self._process.pid is not None and self._process.is_alive():
            os.kill(self._process.pid, signal.SIGKILL)
        self.connection.close()

    def _exit_code(self) -> Optional[int]:
        self._process.join(5)
        return self._process.exitcode


def work(connection: Connection, task: Task, argv: Sequence[str]) -> None:
    """Load the script, then run mini-batches until the other side is gone."""
    started = Caught()
    with started:
        script = _loaded(str(task["entry_script"]), argv)
        if hasattr(script, "init"):
            script.init()
    if started.text:
        connection.send(("init failed", started.text))
        return
    connection.send(("ready", None))
    while True:
        try:
            batch = connection.recv()
        except EOFError:
            return
        answer: Answer = ("failed", "")
        tried = Caught()
        with tried:
            answer = ("rows", _rows(script.run(batch)))
        sys.stdout.flush()
        connection.send(("failed", tried.text) if tried.text else answer)


class Caught:
    """Keeps the traceback of what the script raises, which is told to the other side."""

    def __init__(self) -> None:
        self.text = ""

    def __enter__(self) -> "Caught":
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> bool:
        if kind is None or issubclass(kind, KeyboardInterrupt):
            return False
        self.text = "".join(traceback.format_exception(kind, error, trace))
        return True


def _loaded(path: str, argv: Sequence[str]) -> ModuleType:
    """Return the script as a module; it finds the modules beside it, and its arguments."""
    full = os.path.abspath(path)
    sys.argv = list(argv)
    sys.path.insert(0, os.path.dirname(full))
    spec = importlib.util.spec_from_file_location("entry_script", full)
    if spec is None or spec.loader is None or not os.path.exists(full):
        raise FailedError(f"there is no script {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules["entry_script"] = module
    spec.loader.exec_module(module)
    return module


def _rows(result: Any) -> Tuple[Rows, int]:
    """Return what ``run`` returned as lines, and how many items it stands for."""
    if result is None:
        return [], 0
    if hasattr(result, "to_csv"):
        text = result.to_csv(sep=" ", header=False, index=False)
        return text.splitlines(), len(result)
    rows = [str(each) for each in result]
    return rows, len(rows)


def _write(task: Task, results: List[Rows]) -> None:
    folder = os.environ[_INPUT + task["output"]]
    if task.get("output_path"):
        folder = os.path.join(folder, task["output_path"])
    os.makedirs(folder, exist_ok=True)
    stem, end = os.path.splitext(task["append_row_file_name"])
    name = stem + end if not _rank() else f"{stem}.{_rank()}{end}"
    with open(os.path.join(folder, name), "w", encoding="utf-8") as sink:
        for rows in results:
            sink.writelines(row + "\n" for row in rows)


def _count(task: Task) -> int:
    return int(task.get("process_count_per_node") or os.cpu_count() or 1)


def _rank() -> int:
    given = next((os.environ[name] for name in _RANKS if os.environ.get(name)), "0")
    return int(given) % _nodes()


def _nodes() -> int:
    return max(1, int(os.environ.get("AZUREML_NODE_COUNT") or 1))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
