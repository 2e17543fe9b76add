"""Reads the git state of a source folder as run properties, named as in Azure ML and MLflow.

Never an error: without git, a repository or a commit, there are fewer properties.
"""

import os
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from runtime.model.redaction import redacted

Ask = Callable[[tuple[str, ...]], str | None]
_TIMEOUT_S: Final = 5.0
_PROPERTIES: Final = {
    "repository_uri": ("azureml.git.repository_uri", "mlflow.source.git.repoURL"),
    "branch": ("azureml.git.branch", "mlflow.source.git.branch"),
    "commit": ("azureml.git.commit", "mlflow.source.git.commit"),
    "dirty": ("azureml.git.dirty",),
    "build_id": ("azureml.git.build_id",),
    "build_uri": ("azureml.git.build_uri",),
}


def git_properties(folder: Path, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the properties of the work tree around ``folder``.

    ``AZUREML_GIT_REPOSITORY_URI``, ``…_BRANCH``, ``…_COMMIT``, ``…_DIRTY``, ``…_BUILD_ID`` and
    ``…_BUILD_URI`` override what git reports, for build servers. Credentials in URLs are removed.
    """

    def ask(arguments: tuple[str, ...]) -> str | None:
        return _git(folder, environ, arguments)

    facts = _facts(ask) | {
        fact: environ[f"AZUREML_GIT_{fact.upper()}"]
        for fact in _PROPERTIES
        if environ.get(f"AZUREML_GIT_{fact.upper()}")
    }
    return {
        name: without_credentials(value)
        for fact, value in facts.items()
        for name in _PROPERTIES[fact]
    }


def without_credentials(url: str) -> str:
    """Return ``url`` without user and password; ``git@host:path`` is unchanged."""
    return redacted(re.sub(r"^([a-z][a-z0-9+.-]*://)[^/]*@", r"\1", url, flags=re.IGNORECASE))


def _facts(ask: Ask) -> dict[str, str]:
    if ask(("rev-parse", "--is-inside-work-tree")) != "true":
        return {}
    remote = ask(("ls-remote", "--get-url"))
    status = ask(("status", "--porcelain", "."))
    facts = {
        # Without a remote, git prints the default remote's name.
        "repository_uri": remote if remote != "origin" else None,
        "branch": ask(("symbolic-ref", "--short", "HEAD")),
        "commit": ask(("rev-parse", "--verify", "HEAD")),
        "dirty": None if status is None else str(bool(status)),
    }
    return {fact: value for fact, value in facts.items() if value}


def _git(folder: Path, environ: Mapping[str, str], arguments: tuple[str, ...]) -> str | None:
    variables = dict(environ) | {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            encoding="utf-8",
            errors="replace",  # names of branches and files may be in any encoding
            env=variables,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None
