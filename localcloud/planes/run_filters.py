"""The filters that azureml-core sends to list runs: a small part of OData. Pure.

``(ParentRunId eq null) and (Status eq Completed) and (Tags/team eq ml)``; ``Tags/x ne null or
Tags/x eq null`` says that a tag exists.
"""

import re
from collections.abc import Callable
from typing import Final

from infra.contract.json_types import Document
from localcloud.calls.refusals import RefusedError

Holds = Callable[[Document], bool]

_NAME: Final = r"[^\s()]+"
_VALUE: Final = r"(?:(?P<mark>['\"])(?P<quoted>.*?)(?P=mark)|(?P<plain>(?:(?! or )[^()'])+))"
_ROOT: Final = re.compile(r"ParentRunId eq null")
_EQUALS: Final = re.compile(
    rf"(?P<key>Status|RunId|RootRunId|ParentRunId|(?:Tags|Properties)/{_NAME})"
    rf" (?P<sign>eq|ne) {_VALUE}"
)
_EXISTS: Final = re.compile(rf"(?P<key>Tags/{_NAME}) ne null or (?P=key) eq null")
_FIELDS: Final = {
    "Status": "status",
    "RunId": "runId",
    "RootRunId": "rootRunId",
    "ParentRunId": "parentRunId",
}


def run_filter(text: str) -> Holds:
    """Return whether a run's document is wanted; 400 for what cannot be answered exactly."""
    clauses = [_clause(part) for part in re.split(r"\)? and \(?", text.strip())] if text else []
    return lambda run: all(holds(run) for holds in clauses)


def _clause(text: str) -> Holds:
    part = text.strip().strip("()")
    if _ROOT.fullmatch(part):
        return lambda run: run["parentRunId"] is None
    if found := _EXISTS.fullmatch(part):
        tag = found["key"].partition("/")[2]
        return lambda run: tag in run["tags"]
    if found := _EQUALS.fullmatch(part):
        key, value = found["key"], found["quoted"] or found["plain"] or ""
        return lambda run: (_value(run, key) == value) == (found["sign"] == "eq")
    raise RefusedError(
        400,
        "UserError",
        f"The local cloud cannot filter runs by '{part}'; use parents, status, run ids or tags, or "
        "search with MLflow.",
    )


def _value(run: Document, key: str) -> str | None:
    if key in _FIELDS:
        return str(run[_FIELDS[key]])
    kind, _, name = key.partition("/")
    found = run[kind.lower()].get(name)
    return None if found is None else str(found)
