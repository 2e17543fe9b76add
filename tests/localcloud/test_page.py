"""The page about the local cloud agrees with its tables."""

import json
import re
from dataclasses import fields
from pathlib import Path

from infra.contract.discovery import SUBSCRIPTION, TENANT
from localcloud.calls.fault_injection import InjectedFailure
from localcloud.chain.table import KINDS
from localcloud.commands import cloud

PAGE = (Path(__file__).parents[2] / "docs" / "local-cloud.md").read_text(encoding="utf-8")


def test_every_type_and_action_is_listed():
    kinds = sorted(KINDS, key=lambda kind: kind.type)
    wanted = [f"| `{kind.type}` | {', '.join(sorted(kind.actions))} |" for kind in kinds]
    section = PAGE.partition("\n## Types\n")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `Microsoft\..*$", section, re.MULTILINE)
    assert listed == [line.replace("|  |", "| |") for line in wanted]


def test_every_command_is_named():
    first = next(line for line in PAGE.splitlines() if line.startswith("    aml cloud "))
    assert set(re.findall(r"\w+", first)) - {"aml", "cloud"} == set(cloud.commands)


def test_ids_are_those_of_the_contract():
    assert SUBSCRIPTION in PAGE
    assert TENANT in PAGE


def test_the_example_of_fault_injection_is_accepted(chain):
    faults = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL).group(1)
    answered = chain.control("POST", "/aml/fault-injection", json.loads(faults))
    assert answered.status_code == 200
    known = {field.name for field in fields(InjectedFailure)}
    assert all(each.keys() <= known for each in json.loads(faults)["failures"])
