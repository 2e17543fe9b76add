"""Reads the options of a run on Azure Batch, of a file's section ``batch`` or a command line.

One table says which options there are, and what each may be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from infra.contract.errors import UsageError
from infra.contract.json_types import JsonObject
from infra.contract.load import nearest
from runtime.definitions.databricks_options import OptionProblem
from runtime.definitions.located import Located
from runtime.definitions.settings_given import read_settings, with_settings
from runtime.model.services import BATCH_VM_SIZE, BatchOptions

FIELDS: Final[Mapping[str, tuple[type, str]]] = {
    "pool": (str, "A pool of the account. Default: one is made for the run, and deleted after it."),
    "create_pool": (bool, "Make `pool` unless it is there."),
    "vm_size": (str, f"The size of a made pool's nodes. Default: {BATCH_VM_SIZE}."),
    "image": (str, "Its image, PUBLISHER:OFFER:SKU[:VERSION] of Linux. Default: Ubuntu 24.04."),
    "nodes": (int, "Its nodes. Default: as many as the run has."),
    "low_priority": (bool, "Its nodes are low-priority (spot) nodes."),
    "as_admin": (bool, "The task runs with administrator rights."),
    "delete_pool": (bool, "Delete `pool` after the run, if the run made it."),
    "keep_job": (bool, "Leave the job in the account."),
}
"""Option → the type of its value, and what it does."""
_SPOKEN: Final[Mapping[type, str]] = {
    str: "Write a text.",
    bool: "Write true or false.",
    int: "Write a whole number, 1 or more.",
}


def batch_options(given: Mapping[str, object]) -> tuple[BatchOptions, Sequence[OptionProblem]]:
    """Return the options that a map gives, and every problem in it."""
    problems: list[OptionProblem] = []
    values: JsonObject = {}
    for name, value in given.items():
        if name not in FIELDS:
            remedy = nearest(name, dict.fromkeys(FIELDS), noun="option of Azure Batch")
            problems.append(OptionProblem(name, f"There is no option {name!r}.", remedy))
        elif value is not None:
            form = FIELDS[name][0]
            if type(value) is not form or (form is int and int(str(value)) < 1):
                problems.append(OptionProblem(name, f"`{name}` is {value!r}.", _SPOKEN[form]))
            else:
                values[name] = value
    return BatchOptions(**values), problems


def required_batch_options(given: Mapping[str, object]) -> BatchOptions:
    """Return the options that a map gives. Raises ``UsageError`` with every problem in it."""
    options, problems = batch_options(given)
    if problems:
        raise UsageError(
            "\n".join(each.what for each in problems),
            remedy=" ".join(dict.fromkeys(each.remedy for each in problems)),
        )
    return options


def given_batch_options(texts: Sequence[str], base: BatchOptions | None) -> BatchOptions | None:
    """Return ``base`` with the options of ``KEY=VALUE`` texts. Raises ``UsageError``."""
    if not texts:
        return base
    document = with_settings(Located({}, 1), read_settings(texts)).plain()
    given = document if isinstance(document, Mapping) else {}
    options = required_batch_options(given)
    return replace(base or BatchOptions(), **{name: getattr(options, name) for name in given})
