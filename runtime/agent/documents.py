"""JSON documents, as MLflow's REST API and the event stream speak them.

Text, because Python 3.8 evaluates neither ``dict[str, Any]`` nor knows ``TypeAlias``; the agent
imports nothing of ours that would have them.
"""

from __future__ import annotations

import typing

Document: typing.TypeAlias = "typing.Mapping[str, typing.Any]"
"""A JSON object that is read."""

JsonObject: typing.TypeAlias = "dict[str, typing.Any]"
"""A JSON object that is built or changed by whoever holds it."""
