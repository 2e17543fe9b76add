"""The types of JSON documents in MLflow's REST API and the event stream.

Aliases as strings: Python 3.8 has neither ``dict[...]`` at run time nor ``TypeAlias``. The same
aliases in ``infra.contract`` are out of reach, since the agent travels alone.
"""

from __future__ import annotations

import typing

JsonObject: typing.TypeAlias = "dict[str, typing.Any]"
"""A JSON object."""
