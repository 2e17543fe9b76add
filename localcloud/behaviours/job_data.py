"""The inputs and outputs of a job: what its nodes cannot do is refused when it is submitted."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from infra.contract.errors import UsageError
from infra.contract.json_types import Document, JsonObject
from localcloud.behaviours.job_references import asset_id, required_asset
from localcloud.calls.blob_addresses import address_of
from localcloud.calls.job_commands import placeholders, unclosed
from localcloud.calls.lookups import find
from localcloud.calls.messages import Call

_MODELS: Final = ("custom_model", "mlflow_model", "triton_model")
_OUTPUTS: Final = ("uri_file", "uri_folder", "mltable", *_MODELS)
_INPUTS: Final = ("literal", *_OUTPUTS)
_BINDING: Final = re.compile(r"[a-zA-Z0-9_][\w.\-]{0,254}", re.ASCII)  # its folder on a node
_ASSET_NAME: Final = re.compile(r"[a-zA-Z0-9][\w.\-]{0,254}")
_VERSION: Final = re.compile(r"[a-zA-Z0-9][\w.\-]{0,29}")


def with_assets(call: Call, inputs: Document | None) -> JsonObject:
    """Return the inputs with the id of each asset they name (``azureml:name:1``, ``name@latest``).

    Refuses with 404 an asset that does not exist.
    """
    return {name: _with_asset(call, value) for name, value in (inputs or {}).items()}


def data_problems(call: Call, given: Document) -> Iterator[tuple[str, str]]:
    """Yield every problem of the inputs, the outputs, and the command that uses them.

    The inputs are as ``with_assets`` returns them.
    """
    inputs, outputs = _declared(given, "inputs"), _declared(given, "outputs")
    yield from _command_problems(str(given.get("command") or ""), inputs, outputs)
    for kind, names in (("inputs", inputs), ("outputs", outputs)):
        for name in (each for each in names if not _BINDING.fullmatch(each)):
            says = f"'{name}' is not a name for {kind}: use letters, digits, '_', '-' and '.'."
            yield f"properties.{kind}.{name}", says
    for name, value in inputs.items():
        for sentence in _input_problems(call, name, value):
            yield f"properties.inputs.{name}", sentence
    for name, value in outputs.items():
        for sentence in _output_problems(call, name, value):
            yield f"properties.outputs.{name}", sentence


def _declared(given: Document, kind: str) -> dict[str, Document]:
    return {name: value for name, value in (given.get(kind) or {}).items() if value is not None}


def _with_asset(call: Call, value: Document | None) -> Document | None:
    uri = str((value or {}).get("uri") or "")
    if value is None or not uri or "://" in uri:
        return value
    is_model = "/models/" in uri.lower() or (
        "/data/" not in uri.lower() and str(value.get("jobInputType")) in _MODELS
    )
    kind = "models" if is_model else "data"
    return {**value, "uri": required_asset(call, asset_id(call, kind, uri), kind)}


def _command_problems(
    command: str, inputs: Mapping[str, Document], outputs: Mapping[str, Document]
) -> Iterator[tuple[str, str]]:
    valued = {f"inputs.{name}" for name, value in inputs.items() if _has_value(value)}
    valued |= {f"outputs.{name}" for name in outputs}
    if unclosed(command):
        yield "properties.command", "The command has '$[[' without ']]'."
    for name in placeholders(command, valued):
        if name in valued:
            continue
        declared = name.removeprefix("inputs.") in inputs
        why = "has no value" if declared else "is not declared"
        says = f"The command uses {name}, which {why}; '$[[ … ]]' leaves out what needs it."
        yield "properties.command", says


def _has_value(value: Document) -> bool:
    return value.get("value" if value.get("jobInputType") == "literal" else "uri") is not None


def _input_problems(call: Call, name: str, value: Document) -> Iterator[str]:
    form = str(value.get("jobInputType"))
    if form not in _INPUTS:
        yield f"'{form}' is not one of {', '.join(_INPUTS)}."
    elif form != "literal" and value.get("uri"):
        yield from _place_problems(call, f"Input '{name}'", str(value["uri"]))
    elif form != "literal":
        yield f"Input '{name}' has no uri."


def _output_problems(call: Call, name: str, value: Document) -> Iterator[str]:
    form = str(value.get("jobOutputType") or "uri_folder")
    if form not in _OUTPUTS:
        yield f"'{form}' is not one of {', '.join(_OUTPUTS)}."
    if value.get("uri"):
        yield from _place_problems(call, f"Output '{name}'", str(value["uri"]))
    asset, version = value.get("assetName"), str(value.get("assetVersion") or "")
    if version and not asset:
        yield f"Output '{name}' has a version, but no name to register it under."
    if not asset:
        return
    kind = "models" if form in _MODELS else "data"
    if not _ASSET_NAME.fullmatch(str(asset)):
        yield f"'{asset}' is not an asset name: use letters, digits, '-', '_' and '.'."
    elif version and not _VERSION.fullmatch(version):
        yield f"'{version}' is not a version: use up to 30 letters, digits, '-', '_' and '.'."
    elif version and find(call, f"{call.arm.parent}/{kind}/{asset}/versions/{version}"):
        yield (
            f"Version '{version}' of '{asset}' already exists; omit the version to register the "
            "next one."
        )


def _place_problems(call: Call, what: str, uri: str) -> Iterator[str]:
    try:
        address_of(call.cloud, str(call.arm.parent), uri)
    except UsageError as error:
        yield (
            f"{what} cannot be used: {error.detail} The nodes of the local cloud fetch nothing "
            f"from outside it. {error.remedy}"
        )
