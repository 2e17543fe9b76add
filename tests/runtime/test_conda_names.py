"""The table of conda names against the published one."""

import json

import pytest

from runtime.environments.conda_names import differences, main, unlisted

PUBLISHED = {
    "numpy": ["numpy"],
    "pytorch": ["torch"],
    "pytables": ["tables"],
    "ruamel_yaml": ["ruamel-yaml"],
    "zlib": None,
    "new-package": ["new_package"],
    "several": ["a", "b"],
}


@pytest.mark.parametrize(
    ("table", "lines"),
    [
        pytest.param({"numpy": "numpy", "zlib": None}, [], id="equal"),
        pytest.param({"ruamel-yaml": "ruamel.yaml"}, [], id="written otherwise"),
        pytest.param({"pytorch": "pytorch"}, ["pytorch: pytorch here, torch there"], id="other"),
        pytest.param({"pytables": None}, ["pytables: nothing here, tables there"], id="not here"),
        pytest.param({"zlib": "zlib"}, ["zlib: zlib here, nothing there"], id="not there"),
        pytest.param({"gone": "gone"}, ["gone: gone here, not published"], id="not published"),
        pytest.param({"opencv": "opencv-python-headless"}, [], id="on purpose"),
    ],
)
def test_a_difference_is_a_line(table, lines):
    assert list(differences(PUBLISHED, table)) == lines


def test_names_the_table_lacks_are_looked_up():
    names = ["numpy", "New_Package", "several", "absent"]
    assert list(unlisted(PUBLISHED, names)) == ["new-package: new-package"]


def test_differences_are_printed_and_the_exit_code(tmp_path, capsys):
    file = tmp_path / "mapping.json"
    file.write_text(json.dumps(PUBLISHED))
    assert main([str(file), "new-package"]) == 1
    output = capsys.readouterr().out
    assert "+ new-package: new-package\n" in output
    assert "last compared 20" in output
