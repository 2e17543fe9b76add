"""The contract tests of environment builders: inherit ``BuilderContract``, override ``builder``.

    class TestMine(BuilderContract):
        @pytest.fixture
        def builder(self):
            return MyBuilder()

They test each sentence of ``runtime.environments.builders.Builder``.
"""

import subprocess
from pathlib import Path
from threading import Event

import pytest

from infra.contract.errors import EnvironmentBuildError
from runtime.environments.builders import Builder
from runtime.environments.locking import LockedEnvironment, lock
from runtime.model.environments import EnvironmentSpec


class BuilderContract:
    """Inherit it and override ``builder``."""

    @pytest.fixture
    def builder(self) -> Builder:
        raise NotImplementedError

    @pytest.fixture
    def buildable(self) -> LockedEnvironment:
        """Return an environment that can be built."""
        return lock(EnvironmentSpec("pip", requirements=""))

    @pytest.fixture
    def unbuildable(self) -> LockedEnvironment:
        """Return an environment that cannot be built: no release of the package fits."""
        return lock(EnvironmentSpec("pip", requirements="six==999.0"))

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """Return the empty folder to build in."""
        folder = tmp_path / "environment"
        folder.mkdir()
        return folder

    def test_the_interpreter_lies_in_the_folder(
        self, builder: Builder, buildable: LockedEnvironment, folder: Path
    ) -> None:
        builder.build(buildable, folder, lambda _: None, Event())
        assert builder.python(folder).is_relative_to(folder)
        subprocess.run([builder.python(folder), "-c", "pass"], check=True)

    def test_an_environment_may_be_moved(
        self, builder: Builder, buildable: LockedEnvironment, folder: Path
    ) -> None:
        builder.build(buildable, folder, lambda _: None, Event())
        moved = folder.rename(folder.with_name("moved"))
        subprocess.run([builder.python(moved), "-c", "pass"], check=True)

    def test_every_line_is_logged_without_its_newline(
        self, builder: Builder, buildable: LockedEnvironment, folder: Path
    ) -> None:
        lines: list[str] = []
        builder.build(buildable, folder, lines.append, Event())
        assert lines
        assert not [line for line in lines if "\n" in line]

    def test_a_build_that_fails_ends_with_the_last_lines_of_its_log(
        self, builder: Builder, unbuildable: LockedEnvironment, folder: Path
    ) -> None:
        lines: list[str] = []
        with pytest.raises(EnvironmentBuildError) as failed:
            builder.build(unbuildable, folder, lines.append, Event())
        assert failed.value.detail.endswith(lines[-1])

    def test_a_build_that_is_asked_to_stop_fails(
        self, builder: Builder, buildable: LockedEnvironment, folder: Path
    ) -> None:
        stop = Event()
        stop.set()
        with pytest.raises(EnvironmentBuildError):
            builder.build(buildable, folder, lambda _: None, stop)
