import asyncio
import gc
import os
import sys
import threading
import warnings
from contextvars import ContextVar
from pathlib import Path

import pytest

from infra.engine.monitor.program import explain, forget_modules, run_alone

VARIABLE = ContextVar("VARIABLE", default="before")


@pytest.fixture
def program(tmp_path):
    """Return a function that writes a program and gives its path."""

    def write(text, **modules):
        for name, source in modules.items():
            (tmp_path / f"{name}.py").write_text(source)
        path = tmp_path / "__main__.py"
        path.write_text(text)
        return path

    return write


async def called(body):
    body()


def run(path, drive=called, said=None):
    say = (said if said is not None else []).append
    return run_alone(path, drive, threads=2, say=say, describe=lambda e: explain(e, path))


def test_a_program_that_ends_well_is_no_error(program):
    assert run(program("value = 1")) is None


@pytest.mark.parametrize("code", ["", "0", "None"])
def test_leaving_with_success_is_no_error(program, code):
    assert run(program(f"import sys; sys.exit({code})")) is None


@pytest.mark.parametrize(
    ("code", "expected"), [("3", "The program exited with 3."), ("'no space'", "no space")]
)
def test_leaving_with_another_code_is_an_error(program, code, expected):
    path = program(f"raise SystemExit({code})")
    assert run(path) == expected


def test_an_error_is_shown_from_the_programs_file_on(program):
    path = program("import part\npart.fail()", part="def fail():\n    raise ValueError('no such')")
    text = run(path)
    lines = [line.strip() for line in text.splitlines() if line.strip().startswith("File")]
    assert lines == [
        f'File "{path}", line 2, in <module>',
        f'File "{path.parent}/part.py", line 2, in fail',
    ]
    assert text.endswith("ValueError: no such")


def test_the_cause_of_an_error_is_shown_too(program):
    source = "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError('v') from e"
    path = program(source)
    text = run(path)
    assert text.index("ZeroDivisionError") < text.index("ValueError: v")


def test_a_syntax_error_names_its_line(program):
    path = program("a = 1\nb = (")
    assert f'File "{path}", line 2' in run(path)


def test_an_error_from_elsewhere_is_only_named(program):
    assert explain(Exception("a refusal"), program("")) == "a refusal"
    assert explain(KeyError("k"), program("")) == "KeyError: 'k'"


def test_the_program_finds_its_folder_and_its_name(program):
    path = program(
        "import os, sys, part\nprint(os.getcwd())\nprint(sys.argv)\nprint(part.__file__)",
        part="",
    )
    said = []
    run(path, said=said)
    assert said == [str(path.parent), str([str(path)]), str(path.parent / "part.py")]


def test_what_a_program_changes_is_put_back(program, tmp_path):
    before = (list(sys.path), list(sys.argv), Path.cwd(), list(warnings.filters), sys.stdout)
    run(
        program(
            "import os, sys, warnings\nsys.path.append('x')\nsys.argv.append('y')\n"
            "os.chdir('/')\nwarnings.simplefilter('ignore')"
        )
    )
    now = (list(sys.path), list(sys.argv), Path.cwd(), list(warnings.filters), sys.stdout)
    assert now == before


def test_configuration_in_the_environment_is_out_of_sight(program, monkeypatch):
    monkeypatch.setenv("PULUMI_CONFIG", "{}")
    monkeypatch.setenv("PULUMI_CONFIG_AML_NAME", "leaked")
    said = []
    run(program("import os\nprint([n for n in os.environ if 'PULUMI_CONFIG' in n])"), said=said)
    assert said == ["[]"]
    assert os.environ["PULUMI_CONFIG_AML_NAME"] == "leaked"


def test_the_callers_context_is_not_changed(program):
    async def drive(body):
        VARIABLE.set("inside")
        body()

    run(program(""), drive)
    assert VARIABLE.get() == "before"


def test_modules_of_the_program_are_imported_anew(program):
    path = program("import part\nprint(part.NUMBER)", part="NUMBER = 1")
    first, second = [], []
    run(path, said=first)
    (path.parent / "part.py").write_text("NUMBER = 22")
    run(path, said=second)
    assert (first, second) == (["1"], ["22"])


def test_modules_of_a_package_are_imported_anew(program, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "part.py").write_text("print('imported')")
    path = program("from mine import part")
    said = []
    run(path, said=said)
    run(path, said=said)
    assert said == ["imported", "imported"]


def test_what_is_installed_below_the_folder_stays():
    root = Path(__file__).parents[3]
    before = {name for name in sys.modules if name.startswith(("infra", "pulumi", "pytest"))}
    forget_modules(root)
    assert {name for name in before if name not in sys.modules} == set()


def test_the_product_stays_when_the_program_lives_beside_it():
    folder = Path(__file__).parents[3] / "infra"
    mine = type(sys)("infra.mine")
    mine.__file__ = str(folder / "mine.py")
    sys.modules["infra.mine"] = sys.modules["infra"].mine = mine
    ours = {name for name in sys.modules if name.startswith("infra.")} - {"infra.mine"}
    forget_modules(folder)
    assert ours <= set(sys.modules)
    assert "infra.mine" not in sys.modules
    assert not hasattr(sys.modules["infra"], "mine")


def test_what_the_program_prints_is_said_line_by_line(program):
    said = []
    run(program("print('one', 1)\nprint('two\\nthree')\nprint('four', end='')"), said=said)
    assert said == ["one 1", "two", "three", "four"]


def test_a_listener_may_print(program, capsys):
    run_alone(program("print('hello')"), called, threads=1, say=print, describe=str)
    assert capsys.readouterr().out == "hello\n"


def test_what_other_threads_print_is_theirs(program, capsys):
    async def drive(body):
        await asyncio.get_running_loop().run_in_executor(None, print, "from a thread")
        body()

    said = []
    run(program("print('from the program')"), drive, said=said)
    assert said == ["from the program"]
    assert capsys.readouterr().out == "from a thread\n"


def test_the_executor_has_ended_when_the_program_has(program):
    release, ended = threading.Event(), []

    async def drive(body):
        asyncio.get_running_loop().run_in_executor(None, lambda: (release.wait(5), ended.append(1)))
        threading.Timer(0.05, release.set).start()
        body()

    run(program("raise ValueError"), drive)
    assert ended == [1]


def test_half_resolved_tasks_say_nothing(program, caplog, capsys):
    async def drive(body):
        loop = asyncio.get_running_loop()
        waiting = loop.create_task(asyncio.Event().wait())
        failed = loop.create_future()
        failed.set_exception(ValueError("never looked at"))
        await asyncio.sleep(0)
        del waiting, failed
        body()

    run(program(""), drive)
    gc.collect()
    assert caplog.text == ""
    assert capsys.readouterr().err == ""
