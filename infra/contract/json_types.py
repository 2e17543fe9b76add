"""The types of JSON documents, for every part that reads, writes or passes one on.

The service decides the shape of a document, so the value under a key is ``Any`` until it is read.
A value that is only compared, passed on or narrowed by ``isinstance`` is ``object``.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

Document: TypeAlias = Mapping[str, Any]
"""A JSON object that is read: an ARM body, a manifest, the inputs of a Pulumi resource."""

JsonObject: TypeAlias = dict[str, Any]
"""A JSON object that is built or changed by whoever holds it."""
