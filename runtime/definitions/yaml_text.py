"""Writes plain values as YAML that every version of YAML reads as the same values."""

import re
from typing import Final

import yaml

_TAG: Final = "tag:yaml.org,2002:"
_WIDTH: Final = 1_000_000


class _Dumper(yaml.SafeDumper):
    """Quotes what YAML 1.1 or YAML 1.2 would read as something other than text."""

    def ignore_aliases(self, data: object) -> bool:
        """Write a value that occurs twice both times."""
        del data
        return True


for _name, _pattern in (
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"),
):
    _Dumper.add_implicit_resolver(
        _TAG + _name, re.compile(f"^(?:{_pattern})$"), list("-+.0123456789")
    )


def block(value: object) -> str:
    """Return a value as lines of block style, with a newline at the end."""
    return _dumped(value, flow=False)


def inline(value: object) -> str:
    """Return a value as one line, without a newline."""
    text = _dumped([value], flow=True).strip()
    return text[1:-1]


def _dumped(value: object, *, flow: bool) -> str:
    return yaml.dump(
        value,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=flow,
        width=_WIDTH,
    )
