"""Why an operation of a stack's history failed, as people read it. Pure."""

from collections.abc import Sequence

from infra.contract.json_types import Document
from infra.contract.stack_console import OperationFailure
from infra.deploy.stack.step_documents import short_type
from infra.engine.model.resources import urn_name, urn_type
from infra.engine.state.archive import FAILURES


def past_failures(entry: Document) -> Sequence[OperationFailure]:
    """Return the reasons that an entry has; those of the Pulumi CLI, and older ones, have none."""
    return [_failure(each) for each in entry.get(FAILURES) or ()]


def _failure(document: Document) -> OperationFailure:
    urn, error = str(document.get("urn") or ""), str(document["error"])
    if not urn:
        return OperationFailure("", "", error)
    return OperationFailure(urn_name(urn), short_type(urn_type(urn)), error)
