"""What a step of a plan destroys, and what it only detaches. Pure."""

from typing import Final

from infra.catalogue.types.table import is_type, type_of_token, variant_of_inputs
from infra.contract.json_types import Document
from infra.deploy.preflight.planned import is_attachment
from infra.engine.model.events import Op

_DELETING: Final = frozenset({Op.DELETE, Op.REPLACE, Op.DELETE_REPLACED})


def destroys(op: Op, token: str, inputs: Document) -> bool:
    """Return whether something is deleted, or replaced and so deleted."""
    return op in _DELETING and not _is_attached(token, inputs)


def detaches(op: Op, token: str, inputs: Document) -> bool:
    """Return whether something leaves the workspace, but stays as it is."""
    return op in _DELETING and _is_attached(token, inputs)


def _is_attached(token: str, inputs: Document) -> bool:
    return is_type(token) and is_attachment(variant_of_inputs(type_of_token(token), inputs))
