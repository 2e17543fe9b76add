"""Attempts of a script: after which failures it starts again, and what is kept."""

import time
from contextlib import closing

import pytest

from runtime.agent.attempts import left_s
from runtime.agent.events import EventLog
from runtime.agent.failures import failure_events
from runtime.agent.memory_kills import memory_kills
from runtime.agent.outputs import Output
from runtime.agent.retries import Retries
from runtime.agent.supervise import ScriptExit

SECOND_TIME = """
import os, sys
attempt = os.environ["AML_ATTEMPT"]
open("outputs/" + attempt, "w").close()
print("attempt", attempt)
sys.exit(0 if attempt == "2" else {code})
"""


def of(kind, agent):
    return [event["data"] for event in agent.events if event["kind"] == kind]


@pytest.mark.parametrize(
    ("retries", "attempt", "code", "events", "expected"),
    [
        pytest.param(Retries(), 1, 1, (), False, id="none"),
        pytest.param(Retries(1), 1, 1, (), True, id="any failure"),
        pytest.param(Retries(1), 2, 1, (), False, id="no attempt left"),
        pytest.param(Retries(1, frozenset({75})), 1, 75, (), True, id="code"),
        pytest.param(Retries(1, frozenset({75})), 1, 1, (), False, id="another code"),
        pytest.param(Retries(1, events=frozenset({"idle"})), 1, 1, ("idle",), True, id="event"),
        pytest.param(Retries(1, events=frozenset({"idle"})), 1, 1, (), False, id="no event"),
    ],
)
def test_when_a_script_starts_again(retries, attempt, code, events, expected):
    assert retries.again(attempt, code, frozenset(events)) is expected


@pytest.mark.parametrize(
    ("code", "stopped_by", "out_of_memory", "expected"),
    [
        (1, "", False, set()),
        (-11, "", False, {"killed"}),
        (-9, "", True, {"killed", "out of memory"}),
        (137, "", True, {"killed", "out of memory"}),
        (-15, "idle", True, {"idle"}),
        (-15, "rendezvous", False, {"rendezvous"}),
    ],
)
def test_what_a_failure_is_called(code, stopped_by, out_of_memory, expected):
    outcome = ScriptExit(code, stopped_by, ())
    assert failure_events(outcome, out_of_memory=out_of_memory) == expected


def test_kills_for_memory_are_counted_where_the_kernel_says(tmp_path):
    groups = tmp_path / "groups"
    groups.write_text("2:cpu:/x\n0::/job\n")
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "memory.events").write_text("low 0\noom 4\noom_kill 3\n")
    assert memory_kills(tmp_path, groups) == 3
    assert memory_kills(tmp_path / "none", groups) == 0


def test_a_script_that_fails_starts_again_and_its_outputs_are_kept(agent):
    code, output = agent.run(SECOND_TIME.format(code=75), "--max-retries=3")
    assert (code, output) == (0, "attempt 1\nattempt 2\n")
    assert {file.name for file in (agent.folder / "outputs").iterdir()} >= {"1", "2"}
    assert {"key": "aml.attempts", "value": "2"} in of("property", agent)
    assert of("message", agent) == [
        {"text": "The script ended with exit code 75. It starts again: attempt 2 of 4."}
    ]
    assert [each["state"] for each in of("state", agent)] == ["Running", "Completed"]


def test_each_attempt_begins_on_a_line_of_its_own(agent):
    script = "import os; print(os.environ['AML_ATTEMPT'], end='', flush=True); os._exit(1)"
    assert agent.run(script, "--max-retries=2") == (1, "1\n2\n3")


def test_a_line_that_a_lost_machine_left_unfinished_is_ended(tmp_path):
    log = tmp_path / "user_logs" / "std_log.txt"
    log.parent.mkdir(parents=True)
    log.write_text("first\nhalf a li")
    with Output(log, ours=True) as output:
        output.begin()
        output.write(0, b"second\n")
    assert log.read_text() == "first\nhalf a li\nsecond\n"


def test_another_exit_code_ends_the_run(agent):
    code, output = agent.run(SECOND_TIME.format(code=2), "--max-retries=3", "--retry-exit-code=75")
    assert (code, output) == (2, "attempt 1\n")


def test_a_silent_script_is_stopped_with_the_reason(agent):
    script = "import time; print('begun', flush=True); time.sleep(100)"
    code, _ = agent.run(script, "--idle-timeout=0.5", "--grace=1")
    assert code == 124
    assert agent.last_state["error"] == (
        "The script wrote nothing for 0.5 s, its idle timeout. Its last lines:\nbegun"
    )


def test_a_script_that_writes_is_not_idle(agent):
    script = "import time\nfor n in range(12): print(n, flush=True); time.sleep(0.3)"
    assert agent.run(script, "--idle-timeout=3")[0] == 0


def test_a_script_may_start_again_because_it_was_silent(agent):
    script = "import os, time; time.sleep(100 * (os.environ['AML_ATTEMPT'] == '1'))"
    options = ("--idle-timeout=2", "--max-retries=1", "--retry-event=idle", "--grace=1")
    assert agent.run(script, *options)[0] == 0


def test_the_maximum_duration_is_that_of_all_attempts(agent):
    script = "import time; time.sleep(0.6); raise SystemExit(1)"
    began = time.monotonic()
    code, _ = agent.run(script, "--max-retries=100", "--max-duration=1.5", "--grace=0.2")
    assert code == 124
    assert time.monotonic() - began < 20
    assert "maximum duration of 1.5 s" in agent.last_state["error"]


def test_a_cancel_is_final_in_every_attempt(agent):
    script = (
        "import os, sys, time\nprint(os.environ['AML_ATTEMPT'], flush=True)\n"
        "sys.exit(1) if os.environ['AML_ATTEMPT'] == '1' else time.sleep(100)"
    )
    with agent.start(script, "--max-retries=5") as process:
        assert process.stdout.readline() == "1\n"
        assert process.stdout.readline() == "2\n"
        process.terminate()
        assert process.stdout.read() == ""
    assert agent.last_state["state"] == "Canceled"


def test_several_processes_start_again_together(agent):
    script = (
        "import os, sys, time\nattempt, rank = os.environ['AML_ATTEMPT'], os.environ['RANK']\n"
        "print(attempt, flush=True)\n"
        "if attempt == '1': sys.exit(3) if rank == '1' else time.sleep(100)"
    )
    code, output = agent.run(
        script, "--distribution=pytorch", "--processes=2", "--max-retries=1", "--grace=1"
    )
    assert code == 0
    assert sorted(output.splitlines()) == [
        "[rank 0] 1", "[rank 0] 2", "[rank 1] 1", "[rank 1] 2",
    ]  # fmt: skip


def test_attempts_of_several_agents_share_the_maximum_duration(tmp_path):
    events = tmp_path / "events.jsonl"
    with closing(EventLog(events)) as log:
        log.append("state", {"state": "Running"})
        time.sleep(0.2)
        log.append("state", {"state": "Running"})
    assert left_s(10, events, attempt=1) == 10
    assert 9 < left_s(10, events, attempt=2) <= 9.8
    assert left_s(0.1, events, attempt=2) == 1
    assert left_s(0, events, attempt=2) == 0
