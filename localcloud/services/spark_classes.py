"""An archive of the classes that Spark loads as it starts: most of what a short run costs is that.

Java's class data sharing: made once for an environment and a Java, and used by each start after
that. Making it takes as long as a few starts, so a project that starts Spark a few times has none.
Whatever goes wrong with it, Spark starts as without it.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

_MADE_WITHIN_S: Final = 180
WORTH_IT: Final = 10
"""The start at which it is made: each later one takes 2 to 5 seconds of a core less, and making it
took 37."""
_QUIET: Final = "-Xlog:cds*=off"
"""Java would say on standard output, which is the script's, that it does not use an archive."""
_STARTS: Final = """
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
spark.range(2).selectExpr("sum(id)").collect()
spark.sparkContext.parallelize([1, 2], 2).map(str).collect()
spark.stop()
"""


def options(python: Path) -> str:
    """Return the options of Java that use an environment's archive; ``""`` if it has none."""
    file = _archive(python)
    return f"-XX:SharedArchiveFile={file} {_QUIET}" if file is not None and file.exists() else ""


def note_start(python: Path, variables: Mapping[str, str], log: Callable[[str], None]) -> None:
    """Count a start of an environment's Spark, and make the archive if there were enough."""
    count = 0
    with suppress(OSError), (python.parent.parent / "spark-starts").open("ab") as starts:
        starts.write(b".")
        count = starts.tell()
    if count >= WORTH_IT:
        make(python, variables, log)


def make(python: Path, variables: Mapping[str, str], log: Callable[[str], None]) -> None:
    """Make an environment's archive, unless that was tried before."""
    file = _archive(python)
    if file is None:
        return
    try:
        file.with_suffix(".tried").touch(exist_ok=False)
    except OSError:
        return
    log("Spark is started once, to start faster from now on")
    with TemporaryDirectory(dir=file.parent, prefix=".classes-") as folder, suppress(OSError):
        made = Path(folder, file.name)
        _start(python, variables, made)
        made.replace(file)


def _start(python: Path, variables: Mapping[str, str], made: Path) -> None:
    program = made.with_name("starts.py")
    program.write_text(_STARTS, encoding="utf-8")
    submit = python.with_name("spark-submit")
    given = f"{variables.get('SPARK_SUBMIT_OPTS', '')} -XX:ArchiveClassesAtExit={made} {_QUIET}"
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(
            [submit, "--master", "local[2]", "--conf", "spark.ui.enabled=false", program],
            cwd=made.parent,
            env={**os.environ, **variables, "SPARK_SUBMIT_OPTS": given},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_MADE_WITHIN_S,
            check=False,
        )


def _archive(python: Path) -> Path | None:
    """Return where the archive is for the Java that Spark uses here."""
    home = os.environ.get("JAVA_HOME")
    java = Path(home, "bin", "java") if home else Path(shutil.which("java") or "")
    try:
        there = java.resolve(strict=True)
        known = f"{there}:{there.stat().st_mtime_ns}"
    except OSError:
        return None
    digest = hashlib.sha256(known.encode()).hexdigest()[:16]
    return python.parent.parent / f"spark-classes-{digest}.jsa"
