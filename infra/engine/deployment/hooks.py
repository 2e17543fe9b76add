"""Runs the functions that a program hooks into the operations on its resources.

A hook before an operation that fails prevents it; one after it fails the run, and what was done is
kept. An error hook decides whether a failed operation is tried again.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from infra.contract.errors import ProviderError, UsageError
from infra.engine.model.hooks import AFTER, BEFORE, ON_ERROR, HookCall
from infra.engine.model.resources import Resource

Hook = Callable[[HookCall], str]
"""Runs a function of the program; returns its error, empty if it has none."""

ErrorHook = Callable[[HookCall], tuple[bool, str]]
"""Says whether to try again; and its own error, empty if it has none."""

Warn = Callable[[str, str], None]
"""Reports a warning about a URN."""

MOST_RETRIES: Final = 100  # Pulumi's


@dataclass(frozen=True, slots=True)
class _Registered:
    run: Hook
    on_dry_run: bool
    ignore_errors: bool


class Hooks:
    """The hooks of one run. ``warn`` reports what is ignored. Safe from many threads."""

    def __init__(self, warn: Warn, *, preview: bool) -> None:
        self._warn, self._preview = warn, preview
        self._lock = threading.Lock()
        self._hooks: dict[str, _Registered] = {}
        self._error_hooks: dict[str, ErrorHook] = {}
        self.program_runs = False

    def add(self, name: str, run: Hook, *, on_dry_run: bool, ignore_errors: bool) -> None:
        """Add a hook; ``UsageError`` if there is one of that name."""
        with self._lock:
            self._refuse_second(name)
            self._hooks[name] = _Registered(run, on_dry_run, ignore_errors)

    def add_error_hook(self, name: str, run: ErrorHook) -> None:
        """Add an error hook; ``UsageError`` if there is a hook of that name."""
        with self._lock:
            self._refuse_second(name)
            self._error_hooks[name] = run

    def before(self, call: HookCall) -> None:
        """Run what comes before an operation; raises ``ProviderError`` if it is not to begin."""
        names = call.resource.hooks.get(BEFORE[call.verb], ())
        if call.verb == "delete":
            self._refuse_without_program(call.resource)
        for name in names:
            self._run("before", name, call)

    def after(self, call: HookCall) -> None:
        """Run what comes after an operation; raises ``ProviderError`` if it fails."""
        for name in call.resource.hooks.get(AFTER[call.verb], ()):
            self._run("after", name, call)

    def retries(self, call: HookCall) -> bool:
        """Say whether an operation is tried again, after ``call.errors``."""
        names = call.resource.hooks.get(ON_ERROR, ())
        if self._preview or not names:
            return False
        resource, tries = call.resource, len(call.errors)
        if tries > MOST_RETRIES:
            self._warn(f"{resource.name!r}: gave up after {MOST_RETRIES} retries.", resource.urn)
            return False
        again = [self._asked(name, call) for name in names]
        if any(again):
            text = f"Retrying {call.verb} of {resource.name!r}: its error hook requests it"
            self._warn(f"{text} ({tries}/{MOST_RETRIES}).", resource.urn)
        return any(again)

    def _asked(self, name: str, call: HookCall) -> bool:
        with self._lock:
            hook = self._error_hooks.get(name)
        if hook is None:
            raise _unknown(name, call.resource)
        again, error = hook(call)
        if error:
            self._warn(f"The error hook {name!r} failed: {error}", call.resource.urn)
        return again and not error

    def _run(self, when: str, name: str, call: HookCall) -> None:
        with self._lock:
            hook = self._hooks.get(name)
        resource = call.resource
        if hook is None:
            raise _unknown(name, resource)
        if self._preview and not hook.on_dry_run:
            return
        error = hook.run(call)
        if not error:
            return
        text = f"The {when} hook {name!r} of {resource.name!r} failed: {error}"
        if hook.ignore_errors:
            self._warn(text, resource.urn)
            return
        kept = "Nothing was done." if when == "before" else f"The {call.verb} itself succeeded."
        raise ProviderError(text, remedy=f"{kept} Correct the hook.", at=resource.urn)

    def _refuse_without_program(self, resource: Resource) -> None:
        names = [
            *resource.hooks.get(BEFORE["delete"], ()),
            *resource.hooks.get(AFTER["delete"], ()),
        ]
        if names and not self.program_runs:
            raise ProviderError(
                f"{resource.name!r} has hooks of the program for its deletion, and the program does"
                f" not run: {', '.join(names)}.",
                remedy="Run `aml destroy --run-program`.",
                at=resource.urn,
            )

    def _refuse_second(self, name: str) -> None:
        if name in self._hooks or name in self._error_hooks:
            raise UsageError(
                f"There are two hooks named {name!r}.", remedy="Give one of them another name."
            )


def _unknown(name: str, resource: Resource) -> ProviderError:
    return ProviderError(
        f"The program has no hook {name!r}, which {resource.name!r} names.",
        remedy="Register it: `pulumi.ResourceHook(name, function)`.",
        at=resource.urn,
    )
