"""The session of a command, opened from its options and closed when the command ends."""

from pathlib import Path

import click

from runtime.submit.session import ProjectSession, open_session


def command_session(stack: str | None, manifest: Path | None = None) -> ProjectSession:
    """Return the session of ``stack`` (``None``: the selected one) for the running command."""
    session = open_session(stack, manifest)
    click.get_current_context().call_on_close(session.close)
    return session
