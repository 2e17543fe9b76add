"""The commands that hints tell a person to type."""

import doctest

import pytest

from infra.arm.client import _out_of_time
from infra.arm.faults import REMEDIES
from infra.contract import command_line
from infra.contract.command_line import on_stack
from infra.deploy.run.runner import StepCollector
from infra.engine.model.events import Finished, Message, Op, Step


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Run `aml up` again.", "Run `aml up -s dev` again."),
        ("`aml up --yes`, or `aml refresh`", "`aml up --yes -s dev`, or `aml refresh -s dev`"),
        ("Run `aml up -s other`.", "Run `aml up -s other`."),
        ("Run `aml destroy -s other --yes`.", "Run `aml destroy -s other --yes`."),
        ("Run `aml cloud start`.", "Run `aml cloud start`."),
        ("`az login`", "`az login`"),
        ("`aml update`", "`aml update`"),
    ],
)
def test_a_hint_names_the_stack_unless_it_does(said, shown):
    assert on_stack(said, "dev") == shown


def test_the_examples_of_the_module_hold():
    assert doctest.testmod(command_line).failed == 0


def test_the_hints_of_a_provider_name_the_stack():
    seen = []
    collector = StepCollector(seen.append, "dev")
    error = str(_out_of_time(5, "/subscriptions/s"))
    collector(Finished(Step(Op.CREATE, "urn", "type"), 1.0, error))
    collector(Message("error", REMEDIES["ResourceNotFound"], ""))
    assert "hint: Run `aml up -s dev` again later" in seen[0].error
    assert "`aml refresh -s dev` removes it" in seen[1].text
    # What is kept of them is why, not what to do.
    assert [each.urn for each in collector.failures] == ["urn", ""]
    assert "hint" not in collector.failures[0].error
