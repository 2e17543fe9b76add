"""The contract tests of targets: inherit ``TargetContract`` and override ``make_target``.

    class TestMine(TargetContract):
        @pytest.fixture
        def make_target(self, tmp_path):
            return lambda: MyTarget(tmp_path)

They test each sentence of ``runtime.targets.base``, and what a script can rely on anywhere.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Final

import pytest

from runtime.model.data import DataInput, DataOutput
from runtime.model.environments import EnvironmentSpec
from runtime.model.launching import RetryPolicy
from runtime.model.run_ids import new_token
from runtime.model.runs import PreparedRun, RunEvent, RunSpec
from runtime.model.states import WAITING, RunState
from runtime.snapshots.store import SnapshotStore
from runtime.submit.prepare import prepared
from runtime.targets.base import Closeable, Handle, Mirroring, RunStatus, Target

MakeTarget = Callable[[], Target]
MakeRun = Callable[..., PreparedRun]

WAITS: Final = "import time\nprint('started', flush=True)\ntime.sleep(600)\n"
WRITES: Final = """
from pathlib import Path
Path("outputs/model.txt").write_text("weights")
Path("logs/extra.txt").write_text("more")
for number in range(3):
    print(f"epoch {number} äöü", flush=True)
"""
GROWS: Final = """
import os, time
os.makedirs("logs/events")
for number in range(1000):
    with open("logs/events/numbers", "ab") as sink:
        sink.write(b"%03d\\0\\xff\\n" % number)
    time.sleep(0.1)
"""
GROWN: Final = b"".join(b"%03d\0\xff\n" % number for number in range(1000))
FAILS: Final = "import sys\nprint('before the end')\nsys.exit('no such data')\n"
LOOKS: Final = """
import os, pathlib, sys
print("here:", pathlib.Path("data/numbers.txt").read_text())
print("folders:", pathlib.Path("outputs").is_dir(), pathlib.Path("logs").is_dir())
print("arguments:", sys.argv[1:])
for name in ("AZUREML_RUN_ID", "MLFLOW_RUN_ID", "AZUREML_ARM_PROJECT_NAME", "WISH"):
    print(name, "=", os.environ.get(name))
"""
LOST: Final = """
import os, pathlib, signal, time
attempt, kept = os.environ["AML_ATTEMPT"], pathlib.Path("outputs/kept.txt")
print("attempt", attempt, kept.read_text() if kept.exists() else "", flush=True)
kept.write_text("from " + attempt)
if attempt != "3":
    time.sleep(1)  # the agent reads what was printed
    os.kill(os.getppid(), signal.SIGKILL)
    signal.pause()
"""
"""Its agent is killed in the first two attempts."""
TRACKS: Final = """
import json, os, urllib.request
def post(path, body):
    request = urllib.request.Request(
        os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/" + path,
        json.dumps({"run_id": os.environ["MLFLOW_RUN_ID"], **body}).encode(),
        {"Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"],
         "Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=20).read()
post("runs/log-metric", {"key": "rmse", "value": 0.25, "timestamp": 1, "step": 7})
post("runs/log-parameter", {"key": "alpha", "value": "0.5"})
"""


class TargetContract:
    """Inherit it and override ``make_target``. ``patience_s`` is how long a run may take."""

    patience_s: ClassVar[float] = 30.0
    environment: ClassVar[EnvironmentSpec | None] = None

    @pytest.fixture
    def make_target(self) -> MakeTarget:
        """Return a function that makes the target, each time a new object for the same runs."""
        raise NotImplementedError

    @pytest.fixture
    def target(self, make_target: MakeTarget) -> Target:
        return make_target()

    @pytest.fixture
    def make_run(self, tmp_path: Path) -> MakeRun:
        """Return a function that makes a run from a script's text."""
        return lambda script, *arguments, **changes: a_run(
            tmp_path, script, *arguments, environment=self.environment, **changes
        )

    def test_launching_returns_while_the_script_still_runs(
        self, target: Target, make_run: MakeRun
    ) -> None:
        handle = target.launch(make_run(WAITS))
        assert not poll(target, handle).state.final
        target.cancel(handle)

    def test_launching_twice_starts_once(self, make_target: MakeTarget, make_run: MakeRun) -> None:
        run = make_run("print('started')")
        first, second = make_target().launch(run), make_target().launch(run)
        assert first == second
        self.ended(make_target(), first)
        make_target().launch(run)
        assert self.log(make_target(), first).count("started") == 1

    def test_a_script_that_succeeds_is_completed(self, target: Target, make_run: MakeRun) -> None:
        status = self.ended(target, target.launch(make_run("print('fine')")))
        assert (status.state, status.exit_code) == (RunState.COMPLETED, 0)
        waited = [state for state in states(status.events) if state in WAITING]
        assert waited == sorted(waited, key=WAITING.index)

    def test_a_failed_script_reports_its_exit_code_and_last_lines(
        self, target: Target, make_run: MakeRun
    ) -> None:
        status = self.ended(target, target.launch(make_run(FAILS)))
        assert (status.state, status.exit_code) == (RunState.FAILED, 1)
        assert "exit code 1" in (status.error or "")
        assert "no such data" in (status.error or "")

    def test_a_run_longer_than_its_limit_fails(self, target: Target, make_run: MakeRun) -> None:
        status = self.ended(target, target.launch(make_run(WAITS, max_duration_s=1)))
        assert status.state is RunState.FAILED
        assert "longer than" in (status.error or "")

    def test_a_script_that_is_silent_for_too_long_fails(
        self, target: Target, make_run: MakeRun
    ) -> None:
        status = self.ended(target, target.launch(make_run(WAITS, idle_timeout_s=1)))
        assert status.state is RunState.FAILED
        assert "wrote nothing" in (status.error or "")
        assert set(reasons(status.events)) <= {status.error}

    def test_every_handle_is_answered(self, target: Target, make_run: MakeRun) -> None:
        handles = [target.launch(make_run("print('fine')")) for _ in range(2)]
        lost = Handle(target.name, "Default_1_00000000")
        assert set(target.poll(dict.fromkeys([*handles, lost], ""))) == {*handles, lost}

    def test_a_run_that_cannot_be_found_has_failed(self, target: Target) -> None:
        lost = Handle(target.name, "Default_1_00000000")
        assert poll(target, lost).state is RunState.FAILED

    def test_a_cursor_yields_only_what_is_new(self, target: Target, make_run: MakeRun) -> None:
        handle = target.launch(make_run("print('fine')"))
        status = self.ended(target, handle)
        again = poll(target, handle, status.cursor)
        known, late = ({(e.origin, e.seq) for e in each.events} for each in (status, again))
        assert known
        assert not known & late  # what collects the outputs may tell of it after the end
        assert again.state is status.state

    def test_no_event_comes_twice(self, target: Target, make_run: MakeRun) -> None:
        events = self.events(target, target.launch(make_run(TRACKS)))
        keys = [(event.origin, event.seq) for event in events]
        assert len(keys) == len(set(keys))

    def test_another_process_finds_the_run(
        self, make_target: MakeTarget, make_run: MakeRun
    ) -> None:
        handle = make_target().launch(make_run(WRITES))
        assert self.ended(make_target(), handle).state is RunState.COMPLETED
        assert "epoch 2" in self.log(make_target(), handle)

    def test_canceling_ends_the_script(self, target: Target, make_run: MakeRun) -> None:
        handle = target.launch(make_run(WAITS))
        self.until(lambda: "started" in self.log(target, handle))
        target.cancel(handle)
        target.cancel(handle)
        assert self.ended(target, handle).state is RunState.CANCELED

    def test_canceling_right_after_launch_takes_effect(
        self, target: Target, make_run: MakeRun
    ) -> None:
        handle = target.launch(make_run(WAITS))
        target.cancel(handle)
        assert self.ended(target, handle).state is RunState.CANCELED

    def test_canceling_a_finished_run_does_nothing(self, target: Target, make_run: MakeRun) -> None:
        handle = target.launch(make_run("print('fine')"))
        self.ended(target, handle)
        target.cancel(handle)
        assert poll(target, handle).state is RunState.COMPLETED

    def test_logs_resume_at_their_offsets(self, target: Target, make_run: MakeRun) -> None:
        handle = target.launch(make_run(WRITES))
        offsets: dict[str, int] = {}
        pieces: list[str] = []
        ended = False
        while not ended:
            ended = poll(target, handle).state.final
            for chunk in target.logs(handle, offsets):
                offsets[chunk.name] = chunk.offset
                pieces += [chunk.text] if chunk.name == "user_logs/std_log.txt" else []
            time.sleep(0.02)
        assert "".join(pieces) == "epoch 0 äöü\nepoch 1 äöü\nepoch 2 äöü\n"
        assert not [c for c in target.logs(handle, offsets) if c.name in offsets and c.text]

    def test_collecting_twice_gives_the_same_files(
        self, target: Target, make_run: MakeRun, tmp_path: Path
    ) -> None:
        handle = target.launch(make_run(WRITES))
        self.ended(target, handle)
        left_out: list[str] = []
        files = target.collect(handle, tmp_path / "collected", left_out.append)
        again = target.collect(handle, tmp_path / "collected", left_out.append)
        assert sorted(files) == sorted(again)
        assert not left_out
        assert (tmp_path / "collected" / "outputs" / "model.txt").read_text() == "weights"
        assert (tmp_path / "collected" / "logs" / "extra.txt").read_text() == "more"
        assert tmp_path / "collected" / "user_logs" / "std_log.txt" in files

    def test_the_script_finds_its_files_folders_and_variables(
        self, target: Target, make_run: MakeRun
    ) -> None:
        run = make_run(
            LOOKS, "--rate", "0.1", files={"data/numbers.txt": "1 2 3"}, variables={"WISH": "yes"}
        )
        handle = target.launch(run)
        assert self.ended(target, handle).state is RunState.COMPLETED
        text = self.log(target, handle)
        assert "here: 1 2 3" in text
        assert "folders: True True" in text
        assert "arguments: ['--rate', '0.1']" in text
        assert f"AZUREML_RUN_ID = {run.run_id}" in text
        assert f"AZUREML_ARM_PROJECT_NAME = {run.experiment}" in text
        assert "WISH = yes" in text

    def test_a_line_of_the_shell_runs_in_place_of_a_script(
        self, target: Target, make_run: MakeRun
    ) -> None:
        line = "A='x y'; python train.py \"$A\" | tr a-z A-Z && python -c 'import sys; sys.exit(7)'"
        handle = target.launch(make_run("import sys; print(sys.argv[1:])", command=line))
        status = self.ended(target, handle)
        assert (status.state, status.exit_code) == (RunState.FAILED, 7)
        assert "['X Y']" in self.log(target, handle)

    def test_a_line_of_the_shell_reaches_it_as_it_is(
        self, target: Target, make_run: MakeRun
    ) -> None:
        line = "echo '${{inputs.x}}' '$[[a]]' \"$AZUREML_RUN_ID\"\necho second"
        run = make_run("", command=line)
        handle = target.launch(run)
        assert self.ended(target, handle).state is RunState.COMPLETED
        assert f"${{{{inputs.x}}}} $[[a]] {run.run_id}\nsecond" in self.log(target, handle)

    def test_canceling_ends_what_a_line_of_the_shell_started(
        self, target: Target, make_run: MakeRun
    ) -> None:
        handle = target.launch(make_run(WAITS, command="echo first; python train.py; echo after"))
        self.until(lambda: "started" in self.log(target, handle))
        target.cancel(handle)
        assert self.ended(target, handle).state is RunState.CANCELED
        assert "after" not in self.log(target, handle)

    def test_what_the_script_tracks_comes_back_as_events(
        self, target: Target, make_run: MakeRun
    ) -> None:
        events = self.events(target, target.launch(make_run(TRACKS)))
        metrics = [event.data for event in events if event.kind == "metric"]
        assert [(m["key"], float(m["value"]), int(m["step"])) for m in metrics] == [
            ("rmse", 0.25, 7)
        ]
        params = [event.data for event in events if event.kind == "param"]
        assert [(p["key"], p["value"]) for p in params] == [("alpha", "0.5")]

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until a condition holds; fail after ``patience_s``."""
        deadline = time.monotonic() + self.patience_s
        while not holds():
            assert time.monotonic() < deadline, "the run took too long"
            time.sleep(0.02)

    def ended(self, target: Target, handle: Handle) -> RunStatus:
        """Wait for the end of the run and return its full status."""
        self.until(lambda: poll(target, handle).state.final)
        return poll(target, handle)

    def events(self, target: Target, handle: Handle) -> list[RunEvent]:
        """Wait for the end of the run; return its events, collected poll by poll."""
        status, events = poll(target, handle), list[RunEvent]()
        deadline = time.monotonic() + self.patience_s
        while True:
            events += status.events
            if status.state.final and not status.events:
                return events
            assert time.monotonic() < deadline, "the run took too long"
            time.sleep(0.02)
            status = poll(target, handle, status.cursor)

    def log(self, target: Target, handle: Handle) -> str:
        """Return the script's output so far."""
        chunks = target.logs(handle, {})
        return "".join(chunk.text for chunk in chunks if chunk.name == "user_logs/std_log.txt")


def retried(run: PreparedRun, policy: RetryPolicy) -> PreparedRun:
    """Return a run with a policy of retries."""
    return replace(run, spec=replace(run.spec, retry=policy))


class RestartingContract(TargetContract):
    """Inherit it in place of ``TargetContract`` where a run that was lost may start again."""

    def test_a_run_that_was_lost_starts_again_with_its_outputs(
        self, target: Target, make_run: MakeRun, tmp_path: Path
    ) -> None:
        handle = target.launch(retried(make_run(LOST), RetryPolicy(2, events=("lost",))))
        status = self.ended(target, handle)
        assert (status.state, status.exit_code) == (RunState.COMPLETED, 0)
        log = self.log(target, handle)
        assert log == "attempt 1 \nattempt 2 from 1\nattempt 3 from 2\n"
        said = [event.data.get("text", "") for event in status.events]
        assert any("starts again: attempt 3 of 3" in text for text in said)
        found = target.collect(handle, tmp_path / "collected", lambda _: None)
        assert "from 3" in [file.read_text() for file in found if file.name == "kept.txt"]

    def test_a_run_that_is_lost_too_often_has_failed(
        self, target: Target, make_run: MakeRun
    ) -> None:
        handle = target.launch(retried(make_run(LOST), RetryPolicy(1)))
        assert self.ended(target, handle).state is RunState.FAILED
        assert self.log(target, handle).count("attempt") == 2


class CloseableContract:
    """Inherit it beside ``TargetContract`` for a target that holds connections."""

    @pytest.fixture
    def closeable(self) -> Closeable:
        """Return what is to be closed, with a connection open."""
        raise NotImplementedError

    def test_closing_is_recognized(self, closeable: Closeable) -> None:
        assert isinstance(closeable, Closeable)

    def test_closing_twice_does_nothing(self, closeable: Closeable) -> None:
        closeable.close()
        closeable.close()


class MirroringContract:
    """Inherit it beside ``TargetContract`` for a target whose live runs can be read."""

    def test_what_a_run_has_written_so_far_is_there(
        self, target: Target, make_run: MakeRun, tmp_path: Path
    ) -> None:
        assert isinstance(target, Mirroring)
        handle, copies = target.launch(make_run(GROWS)), tmp_path / "copies"
        try:
            sizes = {0}
            deadline = time.monotonic() + 60
            while len(sizes) < len("123"):
                file = target.mirror(handle, "logs", copies) / "events" / "numbers"
                sizes.add(file.stat().st_size if file.exists() else 0)
                assert time.monotonic() < deadline, f"only {sizes} bytes were seen"
                time.sleep(0.05)
            text = file.read_bytes()
            assert text == GROWN[: len(text)]
            assert not (copies / "azureml").exists()
        finally:
            target.cancel(handle)


def states(events: Sequence[RunEvent]) -> list[RunState]:
    """Return the states that the events of a run report, in the order of their times."""
    own = [event for event in events if event.kind == "state" and not event.data.get("run")]
    own.sort(key=lambda event: event.time)
    return [RunState(event.data["state"]) for event in own]


def reasons(events: Sequence[RunEvent]) -> list[str]:
    """Return why a run failed, as each event says that does: a history takes it from there."""
    ends = [
        event.data
        for event in events
        if event.kind == "state" and not event.data.get("run") and event.data["state"] == "Failed"
    ]
    return [str(why) for end in ends if (why := end.get("error") or end.get("reason"))]


def poll(target: Target, handle: Handle, cursor: str = "") -> RunStatus:
    """Return the status of one run."""
    return target.poll({handle: cursor})[handle]


def a_run(
    folder: Path,
    script: str,
    *arguments: str,
    environment: EnvironmentSpec | None = None,
    files: Mapping[str, str] | None = None,
    variables: Mapping[str, str] | None = None,
    max_duration_s: int = 600,
    idle_timeout_s: int = 0,
    command: str = "",
    inputs: tuple[DataInput, ...] = (),
    outputs: tuple[DataOutput, ...] = (),
) -> PreparedRun:
    """Return a run of a script's text; its source and snapshot are in ``folder``.

    With ``command``, that line runs, and the script is only beside it.
    """
    number = len(list(folder.glob("source-*")))
    source = folder / f"source-{number}"
    for name, text in {"train.py": script, **(files or {})}.items():
        file = source / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    spec = RunSpec(
        "" if command else "train.py",
        source,
        experiment="contract",
        arguments=arguments,
        environment=environment,
        variables=variables or {},
        max_duration_s=max_duration_s,
        idle_timeout_s=idle_timeout_s,
        command=command,
        inputs=inputs,
        outputs=outputs,
    )
    taken = SnapshotStore(folder / "snapshots").take(source)
    return prepared(spec, taken.snapshot, token=new_token(time.time()), git={}, locked=None)
