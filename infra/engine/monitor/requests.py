"""Turns the SDK's request messages into goals, and refuses options this engine lacks.

Pure: nothing is decided about resources, and nothing is answered here.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import semver
from google.protobuf.message import Message

from infra.contract.errors import UsageError
from infra.contract.json_types import Document, JsonObject
from infra.engine.model.goals import Alias, Goal, ReadGoal
from infra.engine.model.resources import STACK_TYPE
from infra.engine.model.values import Secret
from infra.engine.monitor.protobuf import Dependencies, from_struct, from_value

OTHER_ENGINE: Final = "Deploy with `aml up --engine pulumi`, which uses the Pulumi CLI."

_UNSUPPORTED: Final[Mapping[str, Callable[[Message], bool]]] = {
    "the option `state_migrations`": lambda request: bool(request.state_migrations),
}
_DURATION: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|us|µs|ns|s)")
_SECONDS: Final = {"h": 3600, "m": 60, "s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_COMPARISON: Final = re.compile(r"(>=|<=|!=|==|>|<|=|!)?\s*v?(\d+\.\d+\.\d+\S*)\s*")
_OPERATORS: Final = {None: "==", "=": "==", "!": "!="}
_PREVIEW_MARK: Final = "@isPulumiResource"


def register_goal(request: Message, root: Path) -> Goal:
    """Return the goal of one ``RegisterResource``.

    ``root`` is the project's folder, which source positions are relative to. Raises ``UsageError``
    for options this engine lacks and for invalid durations, naming the option.
    """
    at = f"{request.type} {request.name!r}"
    for feature, is_used in _UNSUPPORTED.items():
        if is_used(request):
            raise unsupported(feature, at)
    found: Dependencies = {}
    inputs = from_struct(request.object, found)
    dependencies = _sorted(request.dependencies)
    return Goal(
        type=request.type,
        name=request.name,
        custom=request.custom,
        inputs=inputs,
        parent=request.parent,
        dependencies=dependencies,
        property_dependencies=_property_dependencies(request, inputs, dependencies, found),
        provider=request.provider,
        providers=dict(request.providers),
        version=request.version,
        plugin_download_url=request.pluginDownloadURL,
        protect=_optional(request, "protect"),
        retain_on_delete=_optional(request, "retainOnDelete"),
        delete_before_replace=(
            request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None
        ),
        ignore_changes=tuple(request.ignoreChanges),
        hide_diffs=tuple(request.hideDiffs),
        replace_on_changes=tuple(request.replaceOnChanges),
        replacement_trigger=(
            from_value(request.replacement_trigger)
            if request.HasField("replacement_trigger")
            else None
        ),
        replace_with=_sorted(request.replace_with),
        deleted_with=request.deletedWith,
        additional_secret_outputs=tuple(request.additionalSecretOutputs),
        aliases=_aliases(request),
        import_id=request.importId,
        custom_timeouts=_timeouts(request.customTimeouts, at),
        hooks=_hooks(request.hooks),
        source_position=_source_position(request, root),
    )


def read_goal(request: Message, root: Path) -> ReadGoal:
    """Return the goal of one ``ReadResource`` (``Type.get(name, id)``)."""
    return ReadGoal(
        type=request.type,
        name=request.name,
        id=request.id,
        inputs=from_struct(request.properties),
        parent=request.parent,
        dependencies=_sorted(request.dependencies),
        provider=request.provider,
        version=request.version,
        plugin_download_url=request.pluginDownloadURL,
        additional_secret_outputs=tuple(request.additionalSecretOutputs),
        source_position=_source_position(request, root),
    )


def outputs_of(request: Message) -> JsonObject:
    """Return the outputs of one ``RegisterResourceOutputs``, without the marks of a preview."""
    outputs = from_struct(request.outputs)
    return {key: _without_marks(value) for key, value in outputs.items() if key != _PREVIEW_MARK}


def unsupported(feature: str, at: str) -> UsageError:
    """Return the error for a feature that only the Pulumi CLI has."""
    return UsageError(
        f"The embedded engine does not support {feature}.", remedy=OTHER_ENGINE, at=at
    )


def seconds(duration: str) -> float | None:
    """Return a Go duration (``1h30m``) in seconds, ``None`` if it is not one."""
    if not duration or _DURATION.sub("", duration):
        return None
    return sum(float(n) * _SECONDS[unit] for n, unit in _DURATION.findall(duration))


def version_fits(wanted: str, version: str) -> bool:
    """Say whether ``version`` is in the range ``wanted``: ``>=3.0.0 !3.1.2 || >4.0.0``."""
    ours = semver.Version.parse(version)

    def holds(alternative: str) -> bool:
        if not alternative.strip() or _COMPARISON.sub("", alternative).strip():
            raise UsageError(
                f"{wanted!r} is not a range of versions.",
                remedy="Write it as `>=3.0.0 <4.0.0` (`||` for or).",
            )
        comparisons = _COMPARISON.findall(alternative)
        return all(ours.match(f"{_OPERATORS.get(op or None, op)}{v}") for op, v in comparisons)

    return any(list(map(holds, wanted.split("||"))))  # a list: a syntax error anywhere is reported


def _optional(request: Message, field: str) -> bool | None:
    return bool(getattr(request, field)) if request.HasField(field) else None


def _property_dependencies(
    request: Message, inputs: Document, dependencies: tuple[str, ...], found: Dependencies
) -> dict[str, tuple[str, ...]]:
    """Return what each property depends on: where the program names nothing, on everything."""
    sent = request.propertyDependencies
    declared = {key: _sorted(sent[key].urns) for key in sorted(sent)}
    declared = declared or dict.fromkeys(inputs, dependencies)
    return declared | {
        key: tuple(sorted({*declared.get(key, ()), *urns})) for key, urns in found.items()
    }


def _sorted(urns: Iterable[str]) -> tuple[str, ...]:
    # The SDK keeps them in a set: unsorted, state would change from run to run.
    return tuple(sorted(urns))


def _aliases(request: Message) -> tuple[Alias, ...]:
    return (
        *(_alias(message.SerializeToString(), message.FromString) for message in request.aliases),
        *(Alias(urn=urn) for urn in request.aliasURNs),
    )


@lru_cache(maxsize=4096)  # each resource of a type has the same fifty
def _alias(encoded: bytes, decode: Callable[[bytes], Message]) -> Alias:
    message = decode(encoded)
    if message.WhichOneof("alias") == "urn":
        return Alias(urn=message.urn)
    spec = message.spec
    return Alias(
        name=spec.name,
        type=spec.type,
        stack=spec.stack,
        project=spec.project,
        parent_urn=spec.parentUrn,
        no_parent=spec.noParent,
    )


def _hooks(binding: Message) -> dict[str, tuple[str, ...]]:
    """Return the names of hooks by event, as a checkpoint has them (``BeforeCreate``)."""
    events = ((field.name.title().replace("_", ""), names) for field, names in binding.ListFields())
    return {event: tuple(names) for event, names in events}


def _timeouts(message: Message, at: str) -> dict[str, float]:
    timeouts = {}
    for verb in ("create", "update", "delete", "read"):
        duration = getattr(message, verb)
        if not duration:
            continue
        length = seconds(duration)
        if length is None:
            raise UsageError(
                f"{duration!r} in the option `custom_timeouts` ({verb}) is not a duration.",
                remedy="Write it as 30s, 20m or 1h30m.",
                at=at,
            )
        timeouts[verb] = length
    return timeouts


def _source_position(request: Message, root: Path) -> str:
    """Return ``project:///<path>#<line>``, empty for code of packages or outside the project."""
    if request.type == STACK_TYPE or not request.HasField("sourcePosition"):
        return ""
    position = request.sourcePosition
    return _project_url(position.uri, root, position.line)


@lru_cache(maxsize=1024)
def _project_url(uri: str, root: Path, line: int) -> str:
    path = Path(unquote(urlsplit(uri).path))
    if "site-packages" in path.parts or not path.is_relative_to(root):
        return ""
    return f"project:///{path.relative_to(root).as_posix()}#{line}"


def _without_marks(value: object) -> object:
    if isinstance(value, dict):
        return {k: _without_marks(v) for k, v in value.items() if k != _PREVIEW_MARK}
    if isinstance(value, list):
        return [_without_marks(item) for item in value]
    if isinstance(value, Secret):
        return Secret(_without_marks(value.value))
    return value
