"""Small things of azureml that are neither classes of ours nor refused."""

from typing import Final

__all__ = ["VERSION", "set_diagnostics_collection"]
VERSION: Final = "1.61.0"
"""The release of azureml-core whose names and behaviour are followed."""


def set_diagnostics_collection(
    send_diagnostics: bool = True,  # noqa: FBT001, FBT002 - azureml-telemetry's signature
    verbose: bool = False,  # noqa: FBT001, FBT002 - azureml-telemetry's signature
) -> None:
    """Do nothing, whatever is asked for: nothing is ever collected or sent."""
    del send_diagnostics, verbose
