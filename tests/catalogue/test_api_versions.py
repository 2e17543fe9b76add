"""Each api-version is written in one place."""

from pathlib import Path

from infra.catalogue import api_versions

ROOT = Path(__file__).parents[2]
VERSIONS = {value for name, value in vars(api_versions).items() if name.isupper()}


def test_only_the_catalogue_writes_an_api_version_that_it_has():
    modules = [
        path for part in ("infra", "runtime", "localcloud") for path in (ROOT / part).rglob("*.py")
    ]
    assert [
        (path.name, version)
        for path in modules
        if path.name != "api_versions.py"
        for version in VERSIONS
        if f'"{version}"' in path.read_text(encoding="utf-8")
    ] == []
    assert len(modules) > len(VERSIONS)
