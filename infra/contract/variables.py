"""Which environment variables a process that we start is given: lists of names, and of patterns.

A process that outlives a command must not keep what the command was given for its own work: a
passphrase, a client secret, a token of the build server. Other processes of the user can read it.
"""

import fnmatch
from collections.abc import Iterable, Mapping
from typing import Final

BASE: Final = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TEMP", "TMP", "LANG", "LANGUAGE", "LC_*",
    "TZ", "TERM", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    "LD_LIBRARY_PATH", "CUDA_*", "NVIDIA_*", "*_NUM_THREADS",
    "SYSTEMROOT", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "COMSPEC", "PATHEXT",
)  # fmt: skip
"""What any program needs."""
INSTALLATION: Final = (
    *BASE, "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy",
    "all_proxy", "no_proxy", "UV_*", "NETRC", "PYENV_ROOT", "XDG_CACHE_HOME", "GIT_SSL_CAINFO",
)  # fmt: skip
"""What an installation of packages needs: also proxies and uv's settings."""
DAEMON: Final = (
    *INSTALLATION, "PYTHONPATH", "PYTHONHOME", "PYTHONUTF8", "PYTHONDONTWRITEBYTECODE",
    "DOCKER_*", "XDG_RUNTIME_DIR", "AML_CLOUD_*",
)  # fmt: skip
"""What the local cloud needs, which runs our Python, and builds the environments of jobs."""
DEPLOYMENT: Final = (
    "PULUMI_*", "ARM_*", "AZURE_CLIENT_*", "AZURE_USERNAME", "AZURE_PASSWORD",
    "AZURE_FEDERATED_TOKEN*", "UV_PUBLISH_*",
)  # fmt: skip
"""Credentials of a deployment: no run has any use for them."""


def selected(environ: Mapping[str, str], patterns: Iterable[str]) -> dict[str, str]:
    """Return the variables that a list names, without those of a deployment."""
    names = tuple(patterns)
    return {
        name: value for name, value in without_deployment(environ).items() if _named(name, names)
    }


def without_deployment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without the credentials of a deployment."""
    return {name: value for name, value in environ.items() if not _named(name, DEPLOYMENT)}


def _named(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
