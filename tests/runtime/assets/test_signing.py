"""Signatures of blob requests: the same as azure-storage-blob's, and syntax for Python 3.6."""

import ast
import sys
from pathlib import Path

import pytest
from azure.core.pipeline import PipelineContext, PipelineRequest
from azure.core.pipeline.transport import HttpRequest
from azure.storage.blob._shared.authentication import SharedKeyCredentialPolicy

from runtime.agent.assets import signing

KEY = "c2VjcmV0IGtleSBmb3Igc2lnbmF0dXJlcw=="
DATED = {"x-ms-date": "Thu, 26 Nov 2026 12:00:00 GMT", "x-ms-version": "2021-08-06"}
REQUESTS = [
    ("GET", "https://acct.blob.core.windows.net/c?restype=container&comp=list&prefix=a%2Fb", {}),
    ("PUT", "https://acct.blob.core.windows.net/c/%C3%BC%20x%25.txt",
     {"Content-Length": "5", "x-ms-blob-type": "BlockBlob", "Content-Type": "text/plain"}),
    ("PUT", "https://acct.blob.core.windows.net/c/x?comp=block&blockid=MDA%3D",
     {"Content-Length": "0"}),
    ("GET", "https://127.0.0.1:99/acct.blob.core.windows.net/c/x",
     {"x-ms-range": "bytes=1-", "If-Match": '"0x1"'}),
    ("PUT", "https://acct.blob.core.windows.net/c/x",
     {"x-ms-copy-source": "https://a/b", "If-None-Match": "*", "Content-Length": "0"}),
]  # fmt: skip


@pytest.mark.parametrize(("method", "url", "headers"), REQUESTS)
def test_a_request_is_signed_as_by_microsofts_client(method, url, headers):
    request = HttpRequest(method, url, headers={**headers, **DATED})
    wrapped = PipelineRequest(request, PipelineContext(None))
    SharedKeyCredentialPolicy("acct", KEY).on_request(wrapped)
    ours = signing.authorization(method, url, {**headers, **DATED}, "acct", KEY)
    assert ours == request.headers["Authorization"]


@pytest.mark.parametrize(
    "file", sorted(Path(signing.__file__).parent.glob("*.py")), ids=lambda file: file.stem
)
def test_a_module_needs_python_36_and_its_standard_library(file):
    tree = ast.parse(file.read_text(encoding="utf-8"), feature_version=(3, 6))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom) and not node.level
            else []
        )
    }
    assert imported <= sys.stdlib_module_names - {"__future__", "dataclasses"}
