"""Schedules: kept by the local cloud's daemon, and fired when they are due."""

import json
import time
from dataclasses import replace

import pytest
from pydantic import ValidationError

from aml_platform import (
    AzureMLException,
    Pipeline,
    PipelineEndpoint,
    PipelineParameter,
    PublishedPipeline,
    PythonScriptStep,
    RunConfiguration,
    Schedule,
    ScheduleRecurrence,
    TimeZone,
    UserErrorException,
)
from runtime.pipelines.documents import work_of
from runtime.pipelines.due import run_due
from runtime.pipelines.schedules import Schedules, fired

LIMIT_S = 60


@pytest.fixture
def published(workspace, source):
    folder = str(source(say="import sys; print(sys.argv[1])"))
    word = PipelineParameter("word", "hello")
    step = PythonScriptStep("say.py", arguments=[word], source_directory=folder, allow_reuse=False)
    return Pipeline(workspace, [step]).publish("greeting", "says a word", version="1")


def test_a_published_pipeline_has_its_code_and_takes_parameters(
    workspace, experiment, published, source
):
    source(say="raise SystemExit('changed since')")
    (found,) = PublishedPipeline.list(workspace)
    assert (found.id, found.name, found.version) == (published.id, "greeting", "1")
    run = experiment.submit(found, pipeline_parameters={"word": "again"})
    run.wait_for_completion(show_output=False)
    (step,) = run.get_steps()
    assert step.get_stdout_log() == "again\n"
    assert [each.id for each in run.get_pipeline_runs(workspace, found.id)] == [run.id]
    found.archive()
    assert PublishedPipeline.list(workspace) == []
    with pytest.raises(UserErrorException, match="is disabled"):
        found.submit(workspace, "exp")


def test_an_endpoint_has_versions_of_which_one_is_the_default(workspace, published, source):
    folder = str(source(say="print('second')"))
    second = Pipeline(workspace, [PythonScriptStep("say.py", source_directory=folder)])
    endpoint = PipelineEndpoint.publish(workspace, "words", pipeline=published)
    endpoint.add(second)
    versions = endpoint.get_all_versions()
    assert (versions[0].pipeline.id, [each.version for each in versions]) == (
        published.id,
        ["0", "1"],
    )
    assert (endpoint.get_default_version(), endpoint.description) == ("0", "says a word")
    endpoint.set_default_version("1")
    again = PipelineEndpoint.get(workspace, name="words")
    assert (again.default_version, again.get_pipeline().id) == ("1", versions[1].pipeline_id)
    run = again.submit("exp", pipeline_version="0")
    run.wait_for_completion(show_output=False)
    assert run.find_step_run("say.py")[0].get_stdout_log() == "hello\n"
    with pytest.raises(UserErrorException, match="no version '7'"):
        again.submit("exp", pipeline_version=7)


def test_an_endpoint_is_renamed_and_archived(workspace, published, source):
    step = PythonScriptStep("say.py", source_directory=str(source(say="print(1)")))
    endpoint = PipelineEndpoint.publish(workspace, "words", pipeline=published)
    PipelineEndpoint.publish(workspace, "others", pipeline=Pipeline(workspace, [step]))
    with pytest.raises(UserErrorException, match="there is one of that name"):
        endpoint.set_name("others")
    endpoint.set_name("sayings")
    assert {each.name for each in PipelineEndpoint.list(workspace)} == {"sayings", "others"}
    endpoint.archive()
    assert endpoint.status == "Disabled"
    assert endpoint.get_all_pipelines() == []
    assert [each.id for each in endpoint.get_all_pipelines(active_only=False)] == [published.id]
    assert [each.name for each in PipelineEndpoint.list(workspace)] == ["others"]
    with pytest.raises(UserErrorException, match="'sayings' is disabled"):
        PipelineEndpoint.get(workspace, name="sayings").submit("exp")
    endpoint.reactivate("words")
    assert (endpoint.status, endpoint.name) == ("Active", "words")


def test_a_schedule_is_updated(workspace, published, home):
    daily = ScheduleRecurrence("Day", 1, start_time="2026-01-01T00:00:00", hours=[3])
    made = Schedule.create(workspace, "daily", published.id, "exp", daily)
    hourly = ScheduleRecurrence("Hour", 1, start_time="2026-01-01T00:00:00")
    made.update(
        description="more often", recurrence=hourly, pipeline_parameters={"word": "updated"}
    )
    assert Schedule.get(workspace, "daily").description == "more often"
    kept = Schedules(home.absolute()).read("daily")
    assert kept.trigger.frequency == "hour"
    assert run_due(home.absolute(), kept.next) == ["daily"]
    run = made.get_last_pipeline_run()
    run.wait_for_completion(show_output=False)
    assert run.experiment.name == "exp"
    assert run.find_step_run("say.py")[0].get_stdout_log() == "updated\n"
    made.update(status="Disabled")
    assert (made.status, Schedules(home.absolute()).read("daily").next) == ("Disabled", None)


def test_a_schedule_has_the_trigger_it_was_made_with(workspace, published):
    start, zone = "2026-01-01T03:00:00", TimeZone.WEuropeStandardTime
    weekly = ScheduleRecurrence("Week", 2, start, zone, [3], [30], ["Monday", "Friday"])
    made = Schedule.create(
        workspace, "weekly", published.id, recurrence=weekly, continue_on_step_failure=True
    )
    found = made.recurrence
    assert (found.frequency, found.interval, found.time_zone) == ("Week", 2, zone.value)
    assert (found.hours, found.minutes, found.week_days) == ([3], [30], ["Monday", "Friday"])
    assert found.start_time.isoformat() == f"{start}+01:00"
    assert (made.datastore_name, made.polling_interval) == (None, None)
    assert made.continue_on_step_failure
    made.update(continue_on_step_failure=False, recurrence=found)
    (again,) = Schedule.get_schedules_for_pipeline_id(workspace, published.id)
    assert (again.recurrence, again.continue_on_step_failure) == (found, False)


def test_a_published_pipeline_is_submitted_with_its_options(workspace, source):
    folder = str(source(bad="raise SystemExit(3)", good="print('good')"))
    bad = PythonScriptStep("bad.py", source_directory=folder)
    other = PythonScriptStep("good.py", name="other", source_directory=folder)
    last = PythonScriptStep("good.py", name="last", source_directory=folder)
    last.run_after(other)
    published = Pipeline(workspace, [bad, last]).publish("two")
    endpoint = PipelineEndpoint.publish(workspace, "twice", "", published)
    options = {"continue_on_step_failure": True, "parent_run_id": "above"}
    run = endpoint.submit("exp", **options)
    assert run.wait_for_completion(show_output=False, raise_on_error=False) == "Failed"
    assert {each.name for each in run.get_steps()} == {"bad.py", "other", "last"}
    assert run.properties["azureml.pipelineParentRunId"] == "above"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "other"}, "its name is its id"),
        ({"status": "Paused"}, "not 'Paused'"),
        ({"datastore": "workspaceblobstore"}, "is started by times, and stays so"),
        ({"pipeline_parameters": {"wrod": "x"}}, "no parameter 'wrod'"),
        ({"data_path_parameter_name": "p"}, "is not passed on"),
    ],
)
def test_what_a_schedule_cannot_become_is_refused(workspace, published, change, said):
    daily = ScheduleRecurrence("Day", 1, start_time="2026-01-01T00:00:00")
    made = Schedule.create(workspace, "daily", published.id, "exp", daily)
    with pytest.raises(AzureMLException, match=said):
        made.update(**change)


def test_a_pipeline_whose_steps_need_variables_is_not_scheduled(workspace, source):
    settings = RunConfiguration()
    settings.environment_variables = {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE", "TOKEN": "s3cret"}
    folder = str(source(say="print('hello')"))
    step = PythonScriptStep("say.py", source_directory=folder, runconfig=settings)
    published = Pipeline(workspace, [step]).publish("needy")
    daily = ScheduleRecurrence("Day", 1, start_time="2026-01-01T00:00:00")
    with pytest.raises(UserErrorException, match="does not have: TOKEN"):
        Schedule.create(workspace, "daily", published.id, "exp", daily)
    assert Schedule.list(workspace) == []


def test_the_graph_of_a_pipeline_shows_its_steps(workspace, source):
    folder = str(source(say="print('hello')"))
    pipeline = Pipeline(workspace, [PythonScriptStep("say.py", source_directory=folder)])
    assert [each.name for each in pipeline.graph.steps] == ["say.py"]


def test_a_schedule_that_is_due_starts_its_pipeline_once(workspace, published, home):
    recurrence = ScheduleRecurrence("Minute", 15, start_time="2026-01-01T00:00:00")
    made = Schedule.create(
        workspace, "often", published.id, "exp", recurrence, pipeline_parameters={"word": "now"}
    )
    due = Schedules(home.absolute()).read("often").next
    assert run_due(home.absolute(), due - 1) == []
    assert run_due(home.absolute(), due) == ["often"]
    assert run_due(home.absolute(), due) == []
    run = made.get_last_pipeline_run()
    assert run.wait_for_completion(show_output=False) == "Finished"
    assert made.get_pipeline_runs() == [run]
    made.disable()
    assert run_due(home.absolute(), due + 10_000) == []


def due(home, name):
    return Schedules(home.absolute()).read(name)


def test_a_time_whose_run_was_started_by_a_killed_process_starts_no_other(
    workspace, published, home
):
    hourly = ScheduleRecurrence("Hour", 1, start_time="2026-01-01T00:00:00")
    made = Schedule.create(workspace, "hourly", published.id, "exp", hourly)
    before = due(home, "hourly")
    run_due(home.absolute(), before.next)
    first = made.get_last_pipeline_run()
    Schedules(home.absolute()).write(before)  # as if it had been killed before it wrote this
    run_due(home.absolute(), before.next)
    assert made.get_pipeline_runs() == [first]
    first.wait_for_completion(show_output=False)


def test_a_schedule_that_was_deleted_or_disabled_while_it_fired_stays_so(
    workspace, published, home
):
    hourly = ScheduleRecurrence("Hour", 1, start_time="2026-01-01T00:00:00")
    made = Schedule.create(workspace, "hourly", published.id, "exp", hourly)
    schedules, before = Schedules(home.absolute()), due(home, "hourly")
    after = replace(before, next=before.next + 3600, last_run="exp_1")
    made.disable()
    fired(schedules, before, after)
    assert (due(home, "hourly").next, due(home, "hourly").last_run) == (None, "exp_1")
    schedules.delete("hourly")
    fired(schedules, before, after)
    assert schedules.names() == []


def test_a_schedule_says_why_its_pipeline_could_not_start(workspace, published, home):
    hourly = ScheduleRecurrence("Hour", 1, start_time="2026-01-01T00:00:00")
    Schedule.create(workspace, "hourly", published.id, "exp", hourly)
    before = due(home, "hourly")
    (home / "history.sqlite").write_text("no database")
    run_due(home.absolute(), before.next)
    after = due(home, "hourly")
    assert after.next == before.next + 3600
    assert "The history of runs cannot be used" in after.problem


def test_a_schedule_that_meets_a_bug_is_not_due_for_ever(workspace, published, home):
    hourly = ScheduleRecurrence("Hour", 1, start_time="2026-01-01T00:00:00")
    Schedule.create(workspace, "hourly", published.id, "exp", hourly)
    schedules, before = Schedules(home.absolute()), due(home, "hourly")
    schedules.write(replace(before, work={}))
    with pytest.raises(ValidationError):
        run_due(home.absolute(), before.next)
    assert due(home, "hourly").next == before.next + 3600
    assert "bug in aml-platform" in due(home, "hourly").problem


def test_a_schedule_may_have_its_pipeline_continue_after_failures(workspace, published, home):
    hourly = ScheduleRecurrence("Hour", 1, start_time="2026-01-01T00:00:00")
    Schedule.create(workspace, "hourly", published.id, "exp", hourly, continue_on_step_failure=True)
    assert work_of(due(home, "hourly").work, {}).pipeline.continue_on_failure


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--every", "1 day", "--polling-interval", "5"), "--polling-interval needs --on-change"),
        (
            ("--on-change", "store/x", "--start-time", "2027-01-01", "--time-zone", "UTC"),
            "--start-time and --time-zone need --cron or --every",
        ),
        (("--cron", "0 0 30 2 *"), "never due"),
    ],
)
def test_options_of_a_schedule_that_would_be_ignored_are_refused(tmp_path, aml, options, said):
    (tmp_path / "pipeline.yml").write_text(PIPELINE)
    assert said in aml("schedule", "create", "-f", tmp_path / "pipeline.yml", *options, fails=True)


def test_a_file_of_a_schedule_that_is_never_due_is_refused_with_its_line(tmp_path, aml):
    (tmp_path / "pipeline.yml").write_text(PIPELINE)
    (tmp_path / "schedule.yml").write_text(SCHEDULE.replace("* * * * *", "0 0 31 4 *"))
    said = aml("schedule", "create", "-f", tmp_path / "schedule.yml", fails=True)
    assert "schedule.yml:3" in said
    assert "never due" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"recurrence": {"frequency": "Day"}}, "recurrence is a dict"),
        ({"recurrence": ScheduleRecurrence("Day", 1, start_time="soon")}, "'soon' is not a time"),
        ({"datastore": "workspaceblobstore", "polling_interval": "5"}, "polling_interval is '5'"),
        ({"experiment_name": "no name!"}, "no name!"),
    ],
)
def test_what_a_schedule_cannot_be_is_refused(workspace, published, options, said):
    daily = {} if "datastore" in options else {"recurrence": ScheduleRecurrence("Day", 1)}
    with pytest.raises(AzureMLException, match=said):
        Schedule.create(workspace, "s", published.id, **{**daily, **options})


def test_a_schedule_has_a_recurrence_or_a_datastore(workspace, published):
    with pytest.raises(UserErrorException, match="either a recurrence or a datastore"):
        Schedule.create(workspace, "s", published.id, "exp")


PIPELINE = """\
type: pipeline
settings: {default_compute: local}
jobs:
  say: {command: echo hello}
"""
SCHEDULE = """\
$schema: https://azuremlschemas.azureedge.net/latest/schedule.schema.json
name: nightly
trigger: {type: cron, expression: "* * * * *", time_zone: UTC}
create_job: ./pipeline.yml
"""


def test_the_local_cloud_starts_pipelines_when_they_are_due(deployed, tmp_path, aml):
    (tmp_path / "pipeline.yml").write_text(PIPELINE)
    (tmp_path / "schedule.yml").write_text(SCHEDULE)
    assert "Created schedule nightly" in aml("schedule", "create", "-f", tmp_path / "schedule.yml")
    schedules = Schedules(deployed.home.absolute())
    file = deployed.home / "schedules" / "nightly.json"
    document = json.loads(file.read_text())
    file.write_text(json.dumps({**document, "next": time.time() - 1}))
    until = time.monotonic() + LIMIT_S
    while not schedules.read("nightly").last_run and time.monotonic() < until:
        time.sleep(0.1)
    found = schedules.read("nightly")
    assert (found.problem, found.last_run[:8]) == ("", "Default_")
    assert "nightly" in aml("schedule", "list")
    assert "Deleted" in aml("schedule", "delete", "nightly")


def test_a_change_of_data_starts_a_pipeline(deployed, tmp_path, aml):
    deployed.write("landing/one.csv", "1", tmp_path)
    (tmp_path / "pipeline.yml").write_text(PIPELINE)
    aml(
        *("schedule", "create", "-n", "landed", "-f", tmp_path / "pipeline.yml"),
        *("--on-change", "workspaceblobstore/landing", "--polling-interval", "1"),
    )
    schedules = Schedules(deployed.home.absolute())

    def fired():
        run_due(deployed.home.absolute(), schedules.read("landed").next)
        return bool(schedules.read("landed").last_run)

    assert not fired()
    deployed.write("landing/below/two.csv", "2", tmp_path)  # folders below do not count
    assert not fired()
    deployed.write("landing/one.csv", "1, changed", tmp_path)
    schedule = schedules.read("landed")
    schedules.write(replace(schedule, variables=("TOKEN",)))
    assert not fired()
    assert "TOKEN" in schedules.read("landed").problem
    schedules.write(replace(schedules.read("landed"), variables=()))
    assert fired()  # the change was not lost
