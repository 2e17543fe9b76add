"""The GPUs of a machine, and samples of what they do, both as ``nvidia-smi`` reports them.

Samples are metrics whose names start with ``system/``, which is how MLflow marks the machine's own.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import final

from runtime.agent.documents import JsonObject

EVERY_S = 10.0
_FIELDS = "index,name,utilization.gpu,memory.used,memory.total,power.draw"
_TIMEOUT_S, _PATIENCE_S = 20.0, 2.0


@dataclass(frozen=True)
class Gpu:
    """One GPU now. Memory is in MiB; ``None`` for what the device does not report."""

    index: int
    name: str
    utilization_percent: float | None
    memory_used_mb: float | None
    memory_total_mb: float | None
    power_w: float | None


def gpus(program: str = "nvidia-smi") -> list[Gpu]:
    """Return the GPUs of this machine; none if there is no driver."""
    found = shutil.which(program)
    if found is None:
        return []
    argv = [found, f"--query-gpu={_FIELDS}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return list(parsed(done.stdout.decode(errors="replace")))


def parsed(text: str) -> Iterator[Gpu]:
    """Yield the GPUs that ``nvidia-smi`` lists, one a line."""
    for line in text.splitlines():
        fields = [field.strip() for field in line.split(",")]
        if len(fields) == len(_FIELDS.split(",")) and fields[0].isdecimal():
            numbers = [_number(field) for field in fields[2:]]
            yield Gpu(int(fields[0]), fields[1], numbers[0], numbers[1], numbers[2], numbers[3])


def samples(gpu: Gpu) -> Iterator[tuple[str, float]]:
    """Yield the names and values of one GPU's metrics."""
    used, total = gpu.memory_used_mb, gpu.memory_total_mb
    share = 100 * used / total if used is not None and total else None
    found = {
        "utilization_percentage": gpu.utilization_percent,
        "memory_usage_megabytes": used,
        "memory_usage_percentage": share,
        "power_usage_watts": gpu.power_w,
    }
    for name, value in found.items():
        if value is not None:
            yield f"system/gpu_{gpu.index}_{name}", value


@final
class GpuSampler:
    """Reports the metrics of all GPUs every so often, from when it is entered until it is left.

    ``report`` receives the data of ``metric`` events. Nothing is started without a GPU.
    """

    def __init__(self, report: Callable[[JsonObject], None], every_s: float = EVERY_S) -> None:
        self._report = report
        self._every_s = every_s
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> GpuSampler:
        if shutil.which("nvidia-smi") is not None:
            self._thread = threading.Thread(target=self._sample, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join(_PATIENCE_S)  # a query may take longer; its samples are dropped

    def _sample(self) -> None:
        step = 0
        while True:
            found = [sample for gpu in gpus() for sample in samples(gpu)]
            now = int(time.time() * 1000)
            for key, value in found:
                if not self._over.is_set():
                    self._report({"key": key, "value": value, "step": step, "timestamp": now})
            step += 1
            if self._over.wait(self._every_s):
                return


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
