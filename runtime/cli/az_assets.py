"""What `aml model`, `aml data` and `aml environment` share: their workspace, options and values."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from infra.contract.errors import UsageError
from runtime.api.workspace import Workspace
from runtime.cli.az import AzOptions
from runtime.cli.session import command_session
from runtime.definitions.asset_yaml import AssetFile, AssetKind, read_asset
from runtime.definitions.problems import GIVEN_OPTION
from runtime.definitions.settings_given import Setting, read_settings

Command = TypeVar("Command", bound=Callable[..., object])
_GIVEN = ("name", "version", "type", "path", "description")


def deployed_workspace(az: AzOptions) -> Workspace:
    """Return the workspace that the stack deployed, compared with the one the options name."""
    session = command_session(None)
    az.require_workspace(session)
    return Workspace(session)


def asset_options(command: Command) -> Command:
    """Add the options that say what to register, read with ``asset_given``."""
    options = (
        click.option(
            "-f", "--file", type=click.Path(path_type=Path), help="File of the asset, in YAML."
        ),
        click.option("-n", "--name", metavar="NAME", help="Name of the asset."),
        click.option("-v", "--version", metavar="VERSION", help="Default: the next one."),
        click.option("--type", metavar="TYPE", help="Type of the asset."),
        click.option("-p", "--path", metavar="PATH", help="Local path or address of the files."),
        click.option("-d", "--description", metavar="TEXT", help="Description of the asset."),
        click.option(
            "--set", "settings", metavar="KEY=VALUE", multiple=True, help="Replace or add a value."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def asset_given(
    kind: AssetKind, file: Path | None, settings: tuple[str, ...], **named: str | None
) -> AssetFile:
    """Return what a file and the options of ``asset_options`` describe."""
    if file is None and not any(named.values()) and not settings:
        raise UsageError(
            f"Nothing says what {kind} to register.", remedy="Give `-f FILE`, or name and path."
        )
    options = ((key, named.get(key)) for key in _GIVEN)
    own = [Setting((key,), value, GIVEN_OPTION) for key, value in options if value is not None]
    return read_asset(kind, file, [*read_settings(settings), *own])


def name_and_version(
    name: str | None, version: str | None, label: str | None, identifier: str | None = None
) -> tuple[str, str | None]:
    """Return the name and the version that options give, ``None`` for the newest.

    ``identifier`` is ``NAME:VERSION``. Raises ``UsageError`` for neither, and for another label
    than ``latest``.
    """
    if identifier is not None:
        name, _, version = identifier.partition(":")
    if not name:
        raise UsageError("No asset is named.", remedy="Give its name with `-n`.")
    if label not in {None, "latest"}:
        raise UsageError(
            f"There is no label {label!r}.", remedy="`latest` is the only one; or give `-v`."
        )
    return name, version or None
