"""What the target knows of a run before its script starts: properties, tags, number, parent.

The submitter's target passes them in a variable that the script does not see; a service is asked.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping

from runtime.agent.documents import JsonObject
from runtime.agent.wire import RefusalError

FACTS_VARIABLE = "AML_RUN_FACTS"
"""A JSON object: ``number``, ``name``, ``parent``, ``target``, ``tags``, ``properties``, …"""


class RunFacts:
    """The facts of one run. Properties can be added and never change."""

    def __init__(self, document: JsonObject) -> None:
        self._lock = threading.Lock()
        self._document = document
        self._properties: dict[str, str] = {
            str(key): str(value) for key, value in (document.get("properties") or {}).items()
        }
        self.started = time.time()

    @property
    def document(self) -> JsonObject:
        """The facts, with the properties as they are now."""
        with self._lock:
            return {**self._document, "properties": dict(self._properties)}

    def learn(self, document: JsonObject) -> None:
        """Add what a service knows; what is known already stays."""
        with self._lock:
            known = {key: value for key, value in document.items() if value is not None}
            self._document = {**known, **self._document}
            for key, value in (document.get("properties") or {}).items():
                self._properties.setdefault(str(key), str(value))

    @property
    def tags(self) -> dict[str, str]:
        """The tags that the run was submitted with."""
        return {str(k): str(v) for k, v in (self._document.get("tags") or {}).items()}

    def add_properties(self, added: Mapping[str, str]) -> dict[str, str]:
        """Add properties and return the new ones. Raises ``RefusalError`` for a changed one."""
        with self._lock:
            changed = [k for k, v in added.items() if self._properties.get(k, v) != v]
            if changed:
                text = (
                    f"The property {changed[0]!r} is {self._properties[changed[0]]!r} already, and"
                    " properties cannot be changed. Use a tag for what changes."
                )
                raise RefusalError("INVALID_PARAMETER_VALUE", text)
            new = {key: value for key, value in added.items() if key not in self._properties}
            self._properties.update(new)
            return new


def passed_facts(environ: Mapping[str, str], command: list[str]) -> RunFacts:
    """Return the facts that the target passed, and the command."""
    try:
        document = json.loads(environ.get(FACTS_VARIABLE) or "{}")
    except ValueError:
        document = {}
    if not isinstance(document, dict):
        document = {}
    return RunFacts({"command": list(command), **document})
