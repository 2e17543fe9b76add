"""Finds pinned versions that cannot be installed on a Python, before anything is built.

uv decides, through the ``Attempt`` that a builder passes in. A version without a wheel counts only
if the package is compiled: of other packages the source is as good.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from runtime.environments.azureml_packages import requirement_name

Attempt = Callable[[Sequence[str], Sequence[str]], str | None]
"""Resolves requirement lines without their dependencies, from wheels alone.

The second argument are options of `uv pip compile`. Returns a `pylock.toml`; ``None`` if nothing
satisfies the lines, and an empty text if there is no such version even as source.
"""
_PIN: Final = re.compile(r"([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*===?\s*([\w.!+*]+)\s*(;.*)?")
_PURE: Final = "-none-any.whl"
_MINORS: Final = range(6, 15)


@dataclass(frozen=True, slots=True)
class Pin:
    """A requirement for one version; ``1.2.*`` is a prefix."""

    line: str
    name: str
    version: str

    @property
    def least(self) -> str:
        """Return the version without a wildcard."""
        return self.version.removesuffix(".*")


@dataclass(frozen=True, slots=True)
class _Wheel:
    version: str
    compiled: bool


def pins(lines: Iterable[str]) -> list[Pin]:
    """Return the pins among requirement lines; those with an environment marker are left out."""
    matches = ((line, _PIN.fullmatch(line.partition(" --hash")[0].strip())) for line in lines)
    return [
        Pin(line, requirement_name(line)[0], match[2])
        for line, match in matches
        if match and not match[3]
    ]


def unsatisfiable(lines: Sequence[str], python: str, attempt: Attempt) -> list[str]:
    """Return a sentence for each pin that cannot be installed on ``python`` (``3.11``)."""
    options, found = [line for line in lines if line.startswith("-")], pins(lines)
    if not found or attempt([*options, *(pin.line for pin in found)], ()):
        return []
    answers = {pin: attempt([*options, pin.line], ()) for pin in found}
    failing = [pin for pin, answer in answers.items() if not answer]
    problems = []
    for pin in failing:
        nearest = _nearest(pin, options, attempt)
        if nearest is None:
            continue  # there are no wheels at all: the source decides
        if answers[pin] == "":
            problems.append(
                f"there is no {pin.name} {pin.version}; the nearest is {nearest.version}"
            )
        elif nearest.compiled:
            others = _pythons(pin, options, attempt)
            problems.append(
                f"{pin.name} {pin.version} has no wheel for Python {python} on this platform; the"
                f" nearest version that has one is {nearest.version}{others}"
            )
    return problems


def _nearest(pin: Pin, options: Sequence[str], attempt: Attempt) -> _Wheel | None:
    """Return the next later version that has a wheel, else the last earlier one."""
    later = attempt([*options, f"{pin.name}>={pin.least}"], ("--resolution=lowest",))
    earlier = None if later else attempt([*options, f"{pin.name}<={pin.least}"], ())
    text = later or earlier
    return _wheel(text, pin.name) if text else None


def _pythons(pin: Pin, options: Sequence[str], attempt: Attempt) -> str:
    """Return what to say of the Pythons that the pinned version has wheels for."""
    lines = [*options, pin.line]
    fit = [f"3.{m}" for m in _MINORS if attempt(lines, (f"--python-version=3.{m}",))]
    return f" ({pin.version} has wheels for Python {', '.join(fit)})" if fit else ""


def _wheel(text: str, name: str) -> _Wheel | None:
    for package in tomllib.loads(text).get("packages", []):
        if requirement_name(str(package["name"]))[0] == name and package.get("wheels"):
            wheels = [_file(wheel) for wheel in package["wheels"]]
            return _Wheel(str(package["version"]), not any(f.endswith(_PURE) for f in wheels))
    return None


def _file(wheel: dict[str, object]) -> str:
    place = str(wheel.get("name") or wheel.get("url") or wheel.get("path"))
    return place.partition("#")[0].rpartition("/")[2]
