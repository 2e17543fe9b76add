"""Submitting, watching, collecting: over the local target, and over a scripted one."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from infra.contract.errors import UnknownNameError, UnreachableError, UsageError
from runtime.history.store import History
from runtime.model.runs import RunEvent, RunSpec
from runtime.model.states import RunState
from runtime.snapshots.sizes import size_text
from runtime.submit.collect import collect
from runtime.submit.launching import is_launching, launching
from runtime.submit.submitting import Submitter
from runtime.submit.watch import Ended, Happened, Logged, Pace, Watcher, in_order, unfinished
from runtime.targets.base import Handle, LogChunk, RunStatus
from runtime.targets.local import LocalTarget
from runtime.targets.registry import target_class, target_kinds


@dataclass
class Scripted:
    """A target with scripted polls: a status or an error for each."""

    polls: list
    name: str = "scripted"
    launched: list = field(default_factory=list)
    asked: list = field(default_factory=list)
    text: str = ""

    def launch(self, run):
        self.launched.append(run.run_id)
        return Handle(self.name, f"handle-of-{run.run_id}")

    def poll(self, handles):
        self.asked.append(dict(handles))
        answer = self.polls.pop(0) if len(self.polls) > 1 else self.polls[0]
        if isinstance(answer, Exception):
            raise answer
        return dict.fromkeys(handles, answer)

    def cancel(self, handle): ...

    def logs(self, handle, offsets):
        start = offsets.get("user_logs/std_log.txt", 0)
        if self.text[start:]:
            yield LogChunk("user_logs/std_log.txt", self.text[start:], len(self.text))

    def collect(self, handle, into, report):
        into.mkdir(parents=True, exist_ok=True)
        (into / "model.txt").write_text("weights")
        return [into / "model.txt"]


def status(state, *events, cursor="", **more):
    return RunStatus(RunState(state), events, cursor, **more)


def event(seq, state):
    return RunEvent(seq, float(seq), "state", {"state": state}, "service")


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self):
        self.now = 0.0
        self.slept = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        assert self.now < 3_600, "the watcher waits without end"
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def history(home):
    return History(home / "history.sqlite")


@pytest.fixture
def source(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text("print('hello')")
    return tmp_path / "src"


@pytest.fixture
def submitter(home, history):
    return Submitter(home, history, environ={})


@pytest.fixture
def watcher(history, clock):
    return lambda **pace: Watcher(history, pace=Pace(**pace), sleep=clock.sleep, clock=clock)


def submit(submitter, source, target):
    return submitter.submit(RunSpec("train.py", source), target).run.run_id


def test_a_submitted_run_is_in_history(submitter, history, source):
    submitted = submitter.submit(RunSpec("train.py", source), Scripted([]), stack="dev")
    record = history.record(submitted.run.run_id)
    assert (record.state, record.stack, record.script) == ("NotStarted", "dev", "train.py")
    assert record.handle == f"handle-of-{record.run_id}"
    assert record.properties["ContentSnapshotId"] == submitted.taken.snapshot.id


def test_the_second_submission_reports_that_nothing_changed(submitter, history, source):
    submit(submitter, source, Scripted([]))
    again = submit(submitter, source, Scripted([]))
    ((_, first),) = history.events(again)
    assert first.data["step"] == "snapshot zip"
    assert first.data["text"].startswith("1 file, ")
    assert "unchanged" in first.data["text"]


def test_a_target_that_refuses_leaves_a_failed_run(submitter, history, source):
    class Refuses(Scripted):
        def launch(self, run):
            raise UnreachableError("The cloud does not answer.", remedy="Start it.")

    with pytest.raises(UnreachableError):
        submit(submitter, source, Refuses([]))
    (record,) = history.runs()
    assert (record.state, record.error) == (RunState.FAILED, "The cloud does not answer.")


def test_the_hint_of_a_target_that_refuses_names_the_stack(submitter, source):
    class Gone(Scripted):
        def launch(self, run):
            raise UnreachableError("There is no workspace.", remedy="Run `aml up` to deploy it.")

    with pytest.raises(UnreachableError) as caught:
        submitter.submit(RunSpec("train.py", source), Gone([]), stack="dev")
    assert caught.value.remedy == "Run `aml up -s dev` to deploy it."


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        ({"script": "absent.py"}, UnknownNameError),
        ({"experiment": "no good"}, UsageError),
        ({"script": "absent.py", "experiment": "no good"}, UsageError),
    ],
)
def test_a_refused_submission_leaves_no_run(submitter, history, source, spec, error):
    target = Scripted([])
    with pytest.raises(error):
        submitter.submit(
            RunSpec(**{"script": "train.py", "source_directory": source, **spec}), target
        )
    assert not target.launched
    assert not history.runs()


def test_all_that_is_wrong_is_said_at_once(submitter, source):
    spec = RunSpec("trian.py", source, experiment="no good", node_count=4)
    with pytest.raises(UsageError) as wrong:
        submitter.submit(spec, Scripted([]))
    detail = wrong.value.detail
    assert "for 3 reasons" in detail
    for part in ("no good", "4 nodes", "Did you mean 'train.py'?"):
        assert part in detail


def test_a_plan_stores_nothing(submitter, source, home):
    plan = submitter.plan(RunSpec("train.py", source))
    assert [file.path for file in plan.listing.files] == ["train.py"]
    assert plan.size == 14
    assert plan.environment is None
    assert not (home / "snapshots").exists()


def test_a_watcher_yields_events_logs_and_the_end(submitter, watcher, history, source):
    target = Scripted(
        [
            status("Queued", event(0, "Queued"), cursor="1"),
            status("Completed", event(1, "Running"), event(2, "Completed"), cursor="3"),
        ],
        text="hello\n",
    )
    run_id = submit(submitter, source, target)
    seen = list(watcher().watch({run_id: target}))
    assert [type(item) for item in seen] == [Happened, Logged, Happened, Happened, Ended]
    assert seen[-1].record.run_id == run_id
    assert seen[-1].record.state is RunState.COMPLETED
    assert [list(asked.values()) for asked in target.asked] == [[""], ["1"]]
    assert len(history.events(run_id)) == 4


@pytest.mark.parametrize(
    ("states", "order"),
    [
        ("Preparing Running Finalizing Completed",
         "Preparing BUILD Running SCRIPT Finalizing Completed"),
        ("Running", "BUILD Running SCRIPT"),
        ("Preparing", "Preparing BUILD SCRIPT"),
        ("Failed", "BUILD SCRIPT Failed"),
        ("", "BUILD SCRIPT"),
    ],
)  # fmt: skip
def test_log_text_is_merged_with_events_where_it_was_written(states, order):
    events = [Happened("r", event(n, state)) for n, state in enumerate(states.split())]
    logged = [
        Logged("r", LogChunk("user_logs/std_log.txt", "SCRIPT", 6)),
        Logged("r", LogChunk("azureml-logs/20_image_build_log.txt", "BUILD", 5)),
    ]
    said = [
        item.chunk.text if isinstance(item, Logged) else item.event.data["state"]
        for item in in_order(events, logged)
    ]
    assert said == order.split()


def test_a_second_watcher_continues_and_can_replay(submitter, watcher, source):
    target = Scripted([status("Running", event(0, "Running"), cursor="1"), status("Completed")])
    run_id = submit(submitter, source, target)
    watching = watcher().watch({run_id: target})
    next(watching)
    watching.close()
    seen = list(watcher().watch({run_id: target}, replay=True))
    states = [item.event.data.get("state") for item in seen if isinstance(item, Happened)]
    assert states == [None, "Running", "Completed"]
    assert list(target.asked[-1].values()) == ["1"]


def test_a_state_without_an_event_is_recorded(submitter, watcher, history, source):
    target = Scripted([status("Failed", error="lost", exit_code=9)])
    run_id = submit(submitter, source, target)
    *_, end = watcher().watch({run_id: target})
    assert (end.record.error, end.record.exit_code) == ("lost", 9)
    assert history.record(run_id).state is RunState.FAILED


def test_intervals_grow_while_nothing_happens(submitter, watcher, clock, source):
    quiet = [status("Queued", cursor="1")] * 6
    news = status("Running", event(0, "Running"), cursor="2")
    target = Scripted([*quiet, news, status("Running", cursor="2"), status("Completed")])
    run_id = submit(submitter, source, target)
    list(watcher(first_s=1, growth=2, longest_s=8).watch({run_id: target}))
    assert clock.slept == [1, 2, 4, 8, 8, 8, 1, 2]


def test_all_runs_are_polled_in_one_call(submitter, watcher, source):
    target = Scripted([status("Running"), status("Completed")])
    runs = dict.fromkeys((submit(submitter, source, target) for _ in range(3)), target)
    list(watcher().watch(runs))
    assert [len(asked) for asked in target.asked] == [3, 3]


def test_a_brief_outage_of_the_cloud_is_waited_out(submitter, watcher, source):
    away = UnreachableError("away", remedy="wait")
    target = Scripted([status("Running", event(0, "Running")), away, away, status("Completed")])
    run_id = submit(submitter, source, target)
    *_, end = watcher().watch({run_id: target})
    assert end.record.state is RunState.COMPLETED


def test_short_outages_do_not_add_up_to_a_long_one(submitter, watcher, source):
    away = UnreachableError("away", remedy="wait")
    outage = [status("Running"), away, away]
    target = Scripted([*outage, *outage, status("Completed")])
    run_id = submit(submitter, source, target)
    pace = {"first_s": 5, "growth": 1, "longest_s": 5, "patience_s": 12}
    *_, end = watcher(**pace).watch({run_id: target})
    assert end.record.state is RunState.COMPLETED


def test_a_long_outage_of_the_cloud_is_an_error(submitter, watcher, clock, source):
    target = Scripted([UnreachableError("away", remedy="wait")])
    run_id = submit(submitter, source, target)
    with pytest.raises(UnreachableError):
        list(watcher(patience_s=20).watch({run_id: target}))
    assert 20 < clock.now < 40


def test_a_watcher_can_wait_for_the_node_to_be_released(submitter, watcher, source):
    given, released = node_step(4, "scale up"), node_step(5, "scale down")
    ended = status("Completed")
    target = Scripted([status("Running", given), ended, ended, status("Completed", released)])
    run_id = submit(submitter, source, target)
    seen = list(watcher(linger_s=60).watch({run_id: target}))
    assert seen[-1] == Happened(run_id, released)
    assert sum(isinstance(item, Ended) for item in seen) == 1


def node_step(seq, name):
    return RunEvent(seq, float(seq), "step", {"step": name}, "service")


def test_a_watcher_does_not_wait_forever(submitter, watcher, clock, source):
    target = Scripted([status("Running", node_step(4, "scale up")), status("Completed")])
    run_id = submit(submitter, source, target)
    list(watcher(linger_s=10).watch({run_id: target}))
    assert 10 <= clock.now < 20


def test_a_watcher_does_not_wait_for_nodes_that_a_run_never_had(submitter, watcher, clock, source):
    target = Scripted([status("Failed")])
    run_id = submit(submitter, source, target)
    list(watcher(linger_s=10).watch({run_id: target}))
    assert clock.now == 0


def test_a_watcher_does_not_wait_for_the_nodes_of_a_past_run(submitter, watcher, clock, source):
    target = Scripted([status("Running", event(0, "Running"), cursor="1"), status("Completed")])
    run_id = submit(submitter, source, target)
    for _ in range(2):
        watcher().refresh({run_id: target})
    *_, end = watcher(linger_s=10).watch({run_id: target})
    assert isinstance(end, Ended)
    assert clock.now == 0


def test_a_refresh_polls_once(submitter, watcher, history, source):
    target = Scripted([status("Running", event(0, "Running"), cursor="1")])
    run_id = submit(submitter, source, target)
    watcher().refresh({run_id: target})
    assert history.record(run_id).state is RunState.RUNNING
    assert [record.run_id for record in unfinished(history)] == [run_id]


@dataclass
class Slow(Scripted):
    """A target whose runs are asked about by somebody else while they are launched."""

    meanwhile: Callable[[str], object] = str

    def launch(self, run):
        self.meanwhile(run.run_id)
        return super().launch(run)


def test_a_run_that_is_being_launched_is_not_taken_for_lost(submitter, watcher, history, source):
    target = Slow([status("Failed", error="The job does not exist.")])
    target.meanwhile = lambda run_id: watcher().refresh({run_id: target})
    run_id = submit(submitter, source, target)
    assert (target.asked, history.record(run_id).state) == ([], RunState.NOT_STARTED)
    watcher().refresh({run_id: target})
    assert history.record(run_id).state is RunState.FAILED


def test_a_run_that_is_being_launched_is_followed_once_it_is(submitter, history, source):
    target, waits, seen = Slow([status("Completed")]), threading.Event(), []
    following = Watcher(history, sleep=lambda _: waits.set())

    def follow(run_id):
        thread.append(
            threading.Thread(target=lambda: seen.extend(following.watch({run_id: target})))
        )
        thread[0].start()
        assert waits.wait(30)

    thread, target.meanwhile = [], follow
    run_id = submit(submitter, source, target)
    thread[0].join(30)
    assert [each.record.run_id for each in seen if isinstance(each, Ended)] == [run_id]
    assert list(target.asked[0]) == [Handle("scripted", f"handle-of-{run_id}")]


def test_a_run_whose_launch_was_killed_is_asked_about(watcher, history, home, record):
    target = Scripted([status("Failed", error="The job does not exist.")])
    run_id = "left_behind"
    history.add(record(run_id))
    (home / "launching").mkdir()
    (home / "launching" / run_id).touch()
    watcher().refresh({run_id: target})
    assert history.record(run_id).error == "The job does not exist."


def test_runs_that_are_launched_at_once_do_not_disturb_each_other(home):
    def launch(run_id):
        for _ in range(200):
            with launching(home, run_id):
                assert is_launching(home, run_id)
            assert not is_launching(home, run_id)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(launch, [f"run_{number}" for number in range(8)]))


def test_outputs_are_collected_when_the_run_has_ended(submitter, watcher, history, source, home):
    target = Scripted([status("Running", event(0, "Running"), cursor="1"), status("Completed")])
    run_id = submit(submitter, source, target)
    with pytest.raises(UsageError, match="is NotStarted"):
        collect(history, target, run_id, home, report=print)
    list(watcher().watch({run_id: target}))
    files = collect(history, target, run_id, home, report=print)
    assert files == [home / "outputs" / run_id / "model.txt"]
    assert history.record(run_id).outputs == str(home / "outputs" / run_id)


def test_the_log_of_another_attempt_is_read_from_its_beginning(submitter, watcher, source):
    again = RunEvent(2, 2.0, "state", {"state": "Running", "attempt": 2}, "service")
    queued = event(1, "Queued")
    polls = [
        status("Running", event(0, "Running"), cursor="1"),
        status("Running", queued, again, cursor="3"),
        status("Completed", cursor="3"),
    ]
    target = Scripted(polls, text="step 0\n")
    run_id = submit(submitter, source, target)
    seen = list(watcher().watch({run_id: target}))
    assert [item.chunk.text for item in seen if isinstance(item, Logged)] == ["step 0\n"] * 2


def test_a_script_from_submission_to_outputs(home, history, source):
    script = "print('hi')\nopen('outputs/model.txt', 'w').write('weights')\n"
    (source / "train.py").write_text(script)
    target = LocalTarget(home)
    run_id = submit(Submitter(home, history), source, target)
    seen = list(Watcher(history, pace=Pace(first_s=0.02, longest_s=0.05)).watch({run_id: target}))
    assert "".join(item.chunk.text for item in seen if isinstance(item, Logged)) == "hi\n"
    assert seen[-1].record.exit_code == 0
    assert (home / "outputs" / run_id / "outputs" / "model.txt") in collect(
        history, target, run_id, home, report=print
    )


def test_the_table_of_targets():
    assert {"local", "azureml"} <= set(target_kinds())
    assert target_class("local") is LocalTarget
    with pytest.raises(UnknownNameError) as unknown:
        target_class("lcoal")
    assert "'local'" in unknown.value.remedy


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (5 * 1024**2, "5.0 MiB")],
)
def test_sizes_are_formatted_for_people(size, text):
    assert size_text(size) == text
