"""`aml data`: data assets of the workspace, in the words of `az ml data`."""

from collections.abc import Iterator
from pathlib import Path

import click

from infra.contract.errors import UnknownNameError
from infra.contract.json_types import Document, JsonObject
from infra.contract.load import nearest
from runtime.agent.assets import asset_versions, registration
from runtime.agent.assets.transport import section
from runtime.api.assets_by_path import register_asset
from runtime.api.exceptions import azureml_errors
from runtime.cli.az import az_options, given
from runtime.cli.az_assets import asset_given, asset_options, deployed_workspace, name_and_version
from runtime.definitions.asset_yaml import AssetKind

_KIND = registration.KIND


@click.group()
def data() -> None:
    """Register, list and show data of the workspace."""


@data.command()
@asset_options
@az_options(metadata=False, path=False)
def create(*, file: Path | None, settings: tuple[str, ...], **named: str | None) -> None:
    """Register the data asset in a file, or the one that the options describe.

    Jobs use it as `azureml:NAME:VERSION`, scripts as `Dataset.get_by_name(workspace, NAME)`.
    """
    az = given()
    wanted = asset_given(AssetKind.DATA, file, settings, **named)
    az.show(_document(register_asset(deployed_workspace(az), wanted)))


@data.command("list")
@click.option("-n", "--name", metavar="NAME", help="The versions of this name, newest first.")
@click.option("-r", "--max-results", type=click.IntRange(min=1), metavar="N", help="At most N.")
@az_options(metadata=False, path=False)
def list_data(*, name: str | None, max_results: int | None) -> None:
    """List data assets: the newest version of each name, or the versions of one."""
    az = given()
    workspace = deployed_workspace(az)
    with azureml_errors():
        found: list[JsonObject] = (
            asset_versions.all_versions(workspace.transport, _KIND, name)
            if name
            else [each.document for each in registration.latest_of_all(workspace)]
        )
    az.show([_document(each) for each in found[:max_results]])


@data.command()
@click.option("-n", "--name", metavar="NAME", help="Name of the data asset.")
@click.option("-v", "--version", metavar="VERSION", help="Default: the newest.")
@click.option("-l", "--label", metavar="LABEL", help="`latest` is the only label.")
@az_options(metadata=False, path=False)
def show(*, name: str | None, version: str | None, label: str | None) -> None:
    """Show a version of a data asset."""
    az = given()
    wanted, number = name_and_version(name, version, label)
    workspace = deployed_workspace(az)
    with azureml_errors():
        found = asset_versions.one(workspace.transport, _KIND, wanted, number)
        if found is None:
            versions = asset_versions.all_versions(workspace.transport, _KIND, wanted)
            known = dict.fromkeys(_names(versions) if versions else registration.names(workspace))
            said = f"{wanted} in version {number}" if number else wanted
            raise UnknownNameError(
                f"The workspace has no data asset {said}.",
                remedy=nearest(
                    number if versions and number else wanted,
                    known,
                    noun="version" if versions else "data asset",
                ),
            )
    az.show(_document(found))


def _names(versions: list[JsonObject]) -> Iterator[str]:
    return (str(each["name"]) for each in versions)


def _document(found: Document) -> JsonObject:
    """Return a data asset under the keys of `az ml data`."""
    properties = section(dict(found), "properties")
    context = section(dict(found), "systemData")
    return {
        "name": asset_versions.named(dict(found)),
        "version": str(found["name"]),
        "id": found["id"],
        "type": properties.get("dataType"),
        "path": properties.get("dataUri"),
        "description": properties.get("description"),
        "tags": properties.get("tags") or {},
        "properties": properties.get("properties") or {},
        "creation_context": {
            "created_at": context.get("createdAt"),
            "created_by": context.get("createdBy"),
        },
    }
