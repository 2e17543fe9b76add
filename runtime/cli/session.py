"""The scene of a command: opened from its options, closed when the command ends."""

from pathlib import Path

import click

from runtime.submit.session import ProjectSession, open_session


def open_scene(stack: str | None, manifest: Path | None = None) -> ProjectSession:
    """Return the scene of ``stack`` (``None``: the selected one) for the command that runs."""
    scene = open_session(stack, manifest)
    click.get_current_context().call_on_close(scene.close)
    return scene
