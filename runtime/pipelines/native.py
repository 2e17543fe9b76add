"""A pipeline as a pipeline job of Azure ML: what the service cannot do, and the job. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from infra.contract.errors import UsageError
from infra.contract.json_types import Document, JsonObject
from runtime.model.pipelines import Pipeline, Step
from runtime.pipelines.triggers import Cron, DataChange, Trigger, zone_of
from runtime.pipelines.windows_zones import WINDOWS_ZONES
from runtime.targets.azureml_data import binding

_MAY_CHANGE: Final = frozenset({"datastore", "url"})


def not_native(pipeline: Pipeline) -> str:
    """Return why the service cannot run a pipeline as it is, ``""`` if it can."""
    return next((why for each in pipeline.steps if (why := _of_step(each))), "")


def reuses_otherwise(pipeline: Pipeline) -> str:
    """Return why the service may reuse a step that would run again here, ``""`` if it does not.

    The service compares where data is, and not what it holds.
    """
    for step in pipeline.steps:
        for each in step.run.inputs:
            if step.reuse and each.name not in step.reads and each.location.kind in _MAY_CHANGE:
                return (
                    f"Azure ML would not notice that input {each.name} of step {step.name} changed"
                )
    return ""


def reads_of(step: Step) -> dict[str, str]:
    """Return the expression of each input of a step that another step writes."""
    return {
        name: f"${{{{parent.jobs.{node_name(each.step)}.outputs.{binding(each.output)}}}}}"
        for name, each in step.reads.items()
    }


def node_name(step: str) -> str:
    """Return the name of a step as a node may have it: letters, digits and ``_``."""
    return binding(step)


def pipeline_properties(
    pipeline: Pipeline, nodes: Mapping[str, Document], *, regenerate: bool
) -> JsonObject:
    """Return the properties of the pipeline job; ``nodes`` are those of the steps, by their names.

    The parameters of the pipeline have their values in the steps.
    """
    made = {node_name(name): {**node, "name": node_name(name)} for name, node in nodes.items()}
    for name, source in pipeline.outputs.items():
        outputs = made[node_name(source.step)]["outputs"]
        bound = {"type": "literal", "value": f"${{{{parent.outputs.{binding(name)}}}}}"}
        outputs[binding(source.output)] = bound
    properties: JsonObject = {
        "jobType": "Pipeline",
        "displayName": pipeline.display_name or pipeline.name,
        "experimentName": pipeline.experiment,
        "tags": dict(pipeline.tags),
        "properties": dict(pipeline.properties),
        "isArchived": False,
        "inputs": {},
        "outputs": {binding(name): {"jobOutputType": "uri_folder"} for name in pipeline.outputs},
        "settings": {
            "continue_on_step_failure": pipeline.continue_on_failure,
            "force_rerun": regenerate,
            "_source": "REMOTE.WORKSPACE.COMPONENT",
        },
        "jobs": made,
    }
    if pipeline.description:
        properties["description"] = pipeline.description
    return properties


def not_kept(trigger: Trigger) -> str:
    """Return why the service cannot keep a trigger as it is, ``""`` if it can."""
    if isinstance(trigger, DataChange):
        return "Azure ML has no schedules that start when data changes"
    if isinstance(trigger, Cron) and trigger.month != "*":
        # https://learn.microsoft.com/azure/machine-learning/how-to-schedule-pipeline-job
        return f"Azure ML ignores the months of a cron expression ({trigger.month})"
    return ""


def schedule_properties(name: str, trigger: Trigger, job: Document, description: str) -> JsonObject:
    """Return the properties of a schedule of Azure ML; ``UsageError`` for one it cannot keep."""
    return {
        "displayName": name,
        "description": description,
        "isEnabled": True,
        "trigger": _trigger(trigger),
        "action": {"actionType": "CreateJob", "jobDefinition": dict(job)},
    }


def _trigger(trigger: Trigger) -> JsonObject:
    why = not_kept(trigger)
    if isinstance(trigger, DataChange) or why:
        raise UsageError(f"{why}.", remedy="Leave out `--native`: this machine keeps it.")
    common: JsonObject = {"timeZone": _zone(trigger.time_zone)}
    if trigger.start:
        common["startTime"] = _moment(trigger.start, trigger.time_zone)
    if trigger.end is not None:
        common["endTime"] = _moment(trigger.end, trigger.time_zone)
    if isinstance(trigger, Cron):
        return {"triggerType": "Cron", "expression": trigger.expression, **common}
    made: JsonObject = {
        "triggerType": "Recurrence",
        "frequency": trigger.frequency.capitalize(),
        "interval": trigger.interval,
        **common,
    }
    if trigger.hours or trigger.minutes or trigger.week_days or trigger.month_days:
        hours, minutes = map(list, trigger.times_of_day)
        days = {
            "weekDays": [each.capitalize() for each in trigger.week_days],
            "monthDays": list(trigger.month_days),
        }
        named = {key: value for key, value in days.items() if value}
        made["schedule"] = {"hours": hours, "minutes": minutes, **named}
    return made


def _zone(name: str) -> str:
    """Return the name by which Azure knows a time zone."""
    if name in WINDOWS_ZONES:
        return name
    known = {iana: windows for windows, iana in reversed(WINDOWS_ZONES.items())}
    if name not in known:
        raise UsageError(
            f"Azure ML has no time zone {name!r}.",
            remedy="Use a zone of Windows with the same time, such as 'W. Europe Standard Time'.",
        )
    return known[name]


def _moment(moment: float, zone: str) -> str:
    return datetime.fromtimestamp(moment, zone_of(zone)).strftime("%Y-%m-%dT%H:%M:%S")


def _of_step(step: Step) -> str:
    named = f"step {step.name}"
    if step.sweep is not None:
        return f"{named} is a sweep"
    alone = [each for each in step.after if each not in {s.step for s in step.reads.values()}]
    if alone:
        return f"{named} waits for {alone[0]} without reading what it writes"
    if any(each.path for each in step.reads.values()):
        return f"{named} reads one file of what another step writes"
    for each in step.run.outputs:
        if each.registered_as and (each.definition or each.tags):
            return f"output {each.name} of {named} is registered as a table, or with tags"
    if step.run.cluster is not None:
        return f"{named} runs on a cluster that is made for it"
    return ""
