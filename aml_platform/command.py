"""The console script ``aml``.

Importing it imports this package first, which reports a package that shadows one of ours.
"""

from runtime.cli.root import main

__all__ = ["main"]
