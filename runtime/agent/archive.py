"""Packs the agent into one file that Python 3.8 or later can run: ``aml_agent.pyz``.

The archive is reproducible, so an unchanged agent is never uploaded twice.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

from runtime.agent.site_folder import PARTS, UNPACKED

ARCHIVE_NAME = "aml_agent.pyz"
_PARTS = (
    "artifacts", "assets/__init__", "assets/blob_http", "assets/blobs", "assets/errors",
    "assets/local_files", "assets/signing", "attempts", "backends", "beside", "calls", "contents",
    "context", "detached", "documents", "downloads", "endpoint", "entering", "entry",
    "environments", "events", "exchange", "exchange_blobs", "exit_codes", "failures", "fields",
    "files", "forward", "gateway", "gpus", "in_driver", "installed", "last_words", "loading",
    "main", "memory_kills", "models", "mpi", "mpi_daemons", "node_blobs", "node_environment",
    "node_run", "options", "outputs", "owner", "peers", "process_tree", "questions", "ranked",
    "ranks", "receiver", "relay", "relay_channel", "rendezvous", "retries", "run_above",
    "run_calls", "run_data", "run_documents", "run_facts", "run_files", "run_metrics",
    "run_registrations", "searching", "service_gateway", "serving", "site_folder", "spark",
    "spark_asked", "spark_driver", "spark_parts", "spark_relay", "starting", "supervise",
    "tracking", "wire",
)  # fmt: skip
# An older Python gets a message instead of the traceback of the first import that fails.
_MAIN = """\
import sys
if sys.version_info < (3, 8):
    sys.exit("Runs need Python 3.8 or later; this is %d.%d." % sys.version_info[:2])
from runtime.agent.beside import COMMANDS, main as beside
if sys.argv[1:2] and sys.argv[1] in COMMANDS:
    sys.exit(beside(sys.argv[1:]))
from runtime.agent.entry import main
sys.exit(main())
"""
_EARLIEST = (1980, 1, 1, 0, 0, 0)


def agent_archive() -> bytes:
    """Return the zipapp's bytes."""
    here = Path(__file__).parent
    content = {
        "__main__.py": _MAIN,
        "runtime/__init__.py": "",
        "runtime/agent/__init__.py": "",
        **{f"runtime/agent/{part}.py": (here / f"{part}.py").read_text("utf-8") for part in _PARTS},
        **{name: text for part in PARTS for name, text in _of_scripts(here / part)},
    }
    sink = io.BytesIO(b"#!/usr/bin/env python3\n")
    sink.seek(0, io.SEEK_END)
    with zipfile.ZipFile(sink, "a") as archive:
        for name in sorted(content):
            entry = zipfile.ZipInfo(name, _EARLIEST)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content[name])
    return sink.getvalue()


def _of_scripts(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the files of a part that is unpacked for the script, and their text."""
    for file in folder.rglob("*.py"):
        name = file.relative_to(folder.parent).as_posix()
        yield f"{UNPACKED}/{name}", file.read_text("utf-8")
