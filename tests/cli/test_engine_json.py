"""What `--json` prints of plans and deployments, in the Pulumi CLI's form."""

import json
from contextlib import suppress

from infra.commands.engine_json import EventLines, preview_document
from infra.contract.provider import UNKNOWN
from infra.engine.model.events import Finished, Message, Op, Started, Summary
from infra.engine.model.resources import Resource
from infra.engine.model.values import Secret
from infra.engine.planning.decision import Decision, Verdict, deletion_step, step_for

CANARY = "Pa55-canary"
PROVIDER = "urn:pulumi:dev::proj::pulumi:providers:lab::default::1"
MARK = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
OLD = Resource(
    "urn:pulumi:dev::proj::lab:index:Thing::a",
    "lab:index:Thing",
    custom=True,
    id="/a",
    inputs={"size": 1, "password": Secret(CANARY), "at": {"port": 1}},
    outputs={"size": 1, "token": Secret(CANARY)},
    parent="urn:parent",
    provider=PROVIDER,
    created="2026-01-01T00:00:00Z",
)
NEW = Resource(
    OLD.urn,
    OLD.type,
    custom=True,
    inputs={"size": UNKNOWN, "password": Secret(CANARY), "at": {"port": 2}},
    parent="urn:parent",
    provider=PROVIDER,
    hide_diffs=("at.port",),
)
DIFFS = {"size": "update", "at.port": "update-replace"}


def test_a_plan_has_the_records_before_and_after():
    decision = Decision(Verdict.REPLACE, DIFFS, ("at.port",), reason="moved")
    steps = [
        step_for(Op.REPLACE, NEW, OLD, decision),
        step_for(Op.CREATE_REPLACEMENT, NEW, OLD, decision),
        step_for(Op.CREATE, NEW),
        deletion_step(Op.DELETE, OLD, ""),
    ]
    summary = Summary({Op.REPLACE: 1, Op.CREATE: 1, Op.ADOPT: 1, Op.IMPORT: 1}, 1.5, failed=False)
    document = preview_document({"lab:x": "[secret]"}, steps, summary, {"stack": "dev"})
    assert CANARY not in json.dumps(document)
    replaced, created, deleted = document.pop("steps")
    assert document == {
        "config": {"lab:x": "[secret]"},
        "duration": 1_500_000_000,
        "changeSummary": {"replace": 1, "create": 1, "import": 2},
        "stack": "dev",
    }
    before, after = replaced.pop("oldState"), replaced.pop("newState")
    assert replaced == {
        "op": "replace",
        "urn": OLD.urn,
        "provider": PROVIDER,
        "diffReasons": ["at", "size"],
        "detailedDiff": {p: {"kind": k, "inputDiff": True} for p, k in DIFFS.items()},
        "reason": "moved",
    }
    assert before == {
        "urn": OLD.urn,
        "custom": True,
        "id": "/a",
        "type": OLD.type,
        "inputs": {"at": {"port": 1}, "password": "[secret]", "size": 1},
        "outputs": {"size": 1, "token": "[secret]"},
        "parent": "urn:parent",
        "provider": PROVIDER,
        "created": OLD.created,
    }
    assert after["inputs"] == {"at": {"port": "[hidden]"}, "password": "[secret]", "size": UNKNOWN}
    assert not {"id", "outputs"} & after.keys()
    assert list(created) == ["op", "urn", "provider", "newState", "detailedDiff"]
    assert list(deleted) == ["op", "urn", "provider", "oldState", "detailedDiff"]


def printed(*events, fails=False):
    lines = []
    with suppress(ZeroDivisionError), EventLines({"a:b": "c"}, lines.append) as listener:
        for event in events:
            listener(event)
        assert not fails or 1 / 0
    assert CANARY not in "".join(lines)
    documents = [json.loads(line) for line in lines]
    assert [document.pop("sequence") for document in documents] == list(range(len(documents)))
    assert all(document.pop("timestamp") > 0 for document in documents)
    return documents


def test_an_operation_is_its_events_one_a_line():
    step = step_for(Op.CREATE, NEW)
    started = printed(Started(step))[1]["resourcePreEvent"]["metadata"]
    step.records.became(OLD)
    summary = Summary({Op.CREATE: 1}, 2.4, failed=False)
    first, *_, outputs, message, last, cancel = printed(
        Started(step), Finished(step, 0.1), Message("warning", "careful", OLD.urn), summary
    )
    assert first == {"preludeEvent": {"config": {"a:b": "c"}}}
    assert started["old"] is None
    assert started["new"] == {
        "type": OLD.type,
        "urn": OLD.urn,
        "custom": True,
        "id": "",
        "parent": "urn:parent",
        "inputs": {
            "at": {"port": "[hidden]"},
            "password": {**MARK, "ciphertext": "[secret]"},
            "size": UNKNOWN,
        },
        "outputs": {},
        "provider": PROVIDER,
    }
    assert outputs["resOutputsEvent"]["metadata"]["new"]["id"] == "/a"
    assert outputs["resOutputsEvent"]["metadata"]["new"]["outputs"]["size"] == 1
    assert message == {
        "diagnosticEvent": {
            "urn": OLD.urn,
            "prefix": "warning: ",
            "message": "careful\n",
            "color": "never",
            "severity": "warning",
        }
    }
    assert last == {
        "summaryEvent": {
            "maybeCorrupt": False,
            "durationSeconds": 2,
            "resourceChanges": {"create": 1},
            "PolicyPacks": {},
            "isPreview": False,
            "result": "succeeded",
        }
    }
    assert cancel == {"cancelEvent": {}}


def test_a_step_that_fails_is_diagnosed_and_a_command_that_ends_early_has_failed():
    step = step_for(Op.UPDATE, NEW, OLD)
    _, diagnostic, failed, last, _ = printed(Finished(step, 0.1, "no room"), fails=True)
    assert diagnostic["diagnosticEvent"]["message"] == "no room\n"
    assert failed["resOpFailedEvent"]["metadata"]["op"] == "update"
    assert last["summaryEvent"]["result"] == "failed"
