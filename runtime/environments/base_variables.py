"""Selects the environment variables that builds and local runs inherit from this process."""

import fnmatch
import os
from collections.abc import Mapping
from typing import Final

_BASE: Final = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TEMP", "TMP", "LANG", "LANGUAGE", "LC_*",
    "TZ", "TERM", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    "LD_LIBRARY_PATH", "CUDA_*", "NVIDIA_*", "*_NUM_THREADS",
    "SYSTEMROOT", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "COMSPEC", "PATHEXT",
)  # fmt: skip
_BUILD: Final = (
    *_BASE, "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy",
    "all_proxy", "no_proxy", "UV_*", "NETRC", "PYENV_ROOT", "XDG_CACHE_HOME", "GIT_SSL_CAINFO",
)  # fmt: skip


def base_variables(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables that any program needs, and none of this project's."""
    return _chosen(environ, _BASE)


def build_variables(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables that an installation needs: also proxies and uv's settings."""
    return _chosen(environ, _BUILD)


def _chosen(environ: Mapping[str, str], patterns: tuple[str, ...]) -> dict[str, str]:
    return {
        name: value
        for name, value in environ.items()
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    }
