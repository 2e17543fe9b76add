"""The version that this package reports: the last release of the SDK whose names it follows."""

VERSION = "1.61.0"
