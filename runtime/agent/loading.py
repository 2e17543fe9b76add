"""The one place of the agent that imports late: a script starts once its agent has started.

What only some scripts need, such as the endpoint or Spark, is imported when one does.
"""

from __future__ import annotations

import importlib
import typing


def load(place: str) -> typing.Any:
    """Import ``module:attribute``, whose module is one of the agent's."""
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(f"runtime.agent.{module}"), attribute)
