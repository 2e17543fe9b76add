"""The command line in this process, in a folder without a project."""

import json

import pytest

from runtime.cli.root import run


class Ran:
    """What `aml v1 run` left behind."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def aml_v1(tmp_path, monkeypatch, capsys):
    """Return what writes a file and runs it with `aml v1 run`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AML_HOME", str(tmp_path / ".aml"))

    def ran(name, content, *arguments):
        (tmp_path / name).write_text(content, encoding="utf-8")
        capsys.readouterr()
        code = run(["v1", "run", name, *arguments])
        return Ran(code, *capsys.readouterr())

    return ran


@pytest.fixture
def notebook(aml_v1):
    """Return what runs cells, each a text; ``# markdown`` begins one that is not code."""

    def ran(*cells):
        listed = [
            {"cell_type": "markdown", "source": [cell]}
            if cell.startswith("# markdown")
            else {"cell_type": "code", "source": cell.splitlines(keepends=True), "outputs": []}
            for cell in cells
        ]
        return aml_v1("n.ipynb", json.dumps({"nbformat": 4, "cells": listed}))

    return ran
