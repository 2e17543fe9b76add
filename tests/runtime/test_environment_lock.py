"""Environment documents: their meaning, their identity, and what is refused."""

import pytest

from infra.contract.errors import DefinitionError, EnvironmentBuildError
from runtime.environments.base_variables import base_variables, build_variables
from runtime.environments.declarations import find_declaration, read_declaration
from runtime.environments.locking import lock
from runtime.environments.pythons import InstalledPython, find_python, fits, substitution
from runtime.environments.requirements import Requirements, parse_requirements
from runtime.model.environments import EnvironmentSpec

BASE = "name: a\nchannels: [conda-forge]\ndependencies: [python=3.11, numpy=1.26]\n"


def conda(text, **how):
    return lock(EnvironmentSpec("conda", conda=text, **how), default_python="3.11")


def pip(text, **how):
    return lock(EnvironmentSpec("pip", requirements=text, **how), default_python="3.11")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(BASE.replace("name: a", "name: b"), id="another name"),
        pytest.param(BASE.replace("name: a\n", ""), id="no name"),
        pytest.param(BASE + "prefix: /opt/conda/envs/a\n", id="a prefix"),
        pytest.param("# a comment\n" + BASE, id="a comment"),
        pytest.param(BASE.replace("\n", "\r\n"), id="other line ends"),
        pytest.param(
            "dependencies:\n  - python=3.11\n  - 'numpy=1.26'\nchannels:\n- conda-forge\n",
            id="another layout",
        ),
    ],
)
def test_the_same_document_has_the_same_hash(text):
    assert conda(text).hash == conda(BASE).hash


@pytest.mark.parametrize(
    ("text", "how"),
    [
        pytest.param(BASE.replace("1.26", "1.25"), {}, id="another version"),
        pytest.param(BASE.replace("conda-forge", "anaconda"), {}, id="another channel"),
        pytest.param(BASE.replace("numpy", "pandas"), {}, id="another package"),
        pytest.param(BASE, {"python": "3.12"}, id="another python"),
    ],
)
def test_another_document_has_another_hash(text, how):
    assert conda(text, **how).hash != conda(BASE).hash


def test_a_requirements_file_and_the_conda_file_that_lists_it_are_one_environment():
    listed = "dependencies: [python=3.11, pip, {pip: [six==1.16, --pre]}]"
    assert conda(listed).hash == pip("six==1.16\n--pre\n").hash


def test_name_source_and_variables_are_not_part_of_the_identity():
    spec = conda(BASE, name="mine", source="here.yml", variables={"A": "1"})
    assert spec.hash == conda(BASE).hash
    assert spec.variables == {"A": "1"}


def test_comments_and_blanks_are_not_part_of_the_identity():
    assert pip("# c\n\nnumpy==1.26  # why\n").hash == pip("numpy==1.26").hash


@pytest.mark.parametrize(
    ("item", "line"),
    [
        ("numpy", "numpy"),
        ("numpy=1.26", "numpy==1.26.*"),
        ("numpy=1.26.*", "numpy==1.26.*"),
        ("numpy==1.26.4", "numpy==1.26.4"),
        ("numpy=1.26.4=py311_0", "numpy==1.26.4"),
        ("numpy>=1.20,<2", "numpy>=1.20,<2"),
        ("numpy >=1.20, <2", "numpy>=1.20,<2"),
        ("numpy 1.26", "numpy==1.26.*"),
        ("numpy!=1.26.0", "numpy!=1.26.0"),
        ("conda-forge::numpy=1.26", "numpy==1.26.*"),
        ("Scikit-Learn", "scikit-learn"),
        ("pytorch=2.1", "torch==2.1.*"),
        ("matplotlib-base", "matplotlib"),
        ("opencv", "opencv-python-headless"),
        ("unidecode", "unidecode"),
        ("holidays=0.14", "holidays==0.14.*"),
        ("invoke", "invoke"),
        ("imbalanced-learn==0.9.0", "imbalanced-learn==0.9.0"),
        ("python-json-logger", "python-json-logger"),
        ("gcsfs", "gcsfs"),
        ("adlfs", "adlfs"),
        ("azure-ai-ml", "azure-ai-ml"),
        ("ray-tune=2.1", "ray[tune]==2.1.*"),
        ("python_graphviz", "graphviz"),
        ("jupyter_client=7.1.2=pyhd8ed1ab_0", "jupyter-client==7.1.2"),
        ("ruamel_yaml", "ruamel-yaml"),
    ],
)
def test_conda_packages_become_requirements(item, line):
    assert conda(f"dependencies: ['{item}']").lines == (line,)


@pytest.mark.parametrize(
    ("item", "python"),
    [
        ("python=3.9", "3.9"),
        ("python==3.9.18", "3.9.18"),
        ("python=3.9.18=abc_0", "3.9.18"),
        ("python>=3.9,<3.12", ">=3.9,<3.12"),
        ("python 3.10.*", "3.10"),
        ("python", "3.11"),
        ("pip", "3.11"),
    ],
)
def test_the_python_of_a_document(item, python):
    locked = conda(f"dependencies: ['{item}']")
    assert (locked.python, locked.lines) == (python, ())


def test_the_requested_python_wins_and_is_recorded():
    locked = conda(BASE, python="3.12")
    assert (locked.python, locked.overridden) == ("3.12", "3.11")


def test_the_pip_list_keeps_its_options_and_its_order():
    text = """
dependencies:
- numpy
- pip:
  - --extra-index-url https://example.org/simple
  - six==1.16  # why
  - --pre
  - git+https://example.org/x.git@main?a=b#egg=x
  - -f https://example.org/wheels
"""
    locked = conda(text)
    assert locked.lines == (
        "numpy",
        "--extra-index-url https://example.org/simple",
        "six==1.16",
        "git+https://example.org/x.git@main?a=b#egg=x",
        "-f https://example.org/wheels",
    )
    assert locked.arguments == ("--prerelease=allow",)


def test_variables_of_a_document_are_set():
    assert conda("dependencies: []\nvariables: {A: 1}").variables == {"A": "1"}


def test_variables_of_a_document_are_what_is_written():
    text = "dependencies: []\nvariables: {A: true, B: 010, C: 1.10, D: , E: 2024-01-01, 7: x}"
    expected = {"A": "true", "B": "010", "C": "1.10", "D": "", "E": "2024-01-01", "7": "x"}
    assert conda(text).variables == expected


BLANKS = """
channels:
-
- conda-forge
dependencies:
-
- numpy
- ""
- # nothing yet
- pip:
- pip:
  -
  - six
  - "  "
  - # nothing yet
  -
"""


def test_blank_items_of_a_document_install_nothing():
    locked = conda(BLANKS)
    assert locked.lines == ("numpy", "six")
    assert locked.hash == conda("channels: [conda-forge]\ndependencies: [numpy, pip: [six]]").hash


@pytest.mark.parametrize("place", ["dependencies:\n- {}", "dependencies:\n- pip:\n  - {}"])
@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ("null", "null is nothing in YAML, not"),
        ("~", "~ is nothing in YAML, not"),
        ("3.10", "3.10 is a number in YAML, not"),
        ("1", "1 is a number in YAML, not"),
        ("yes", "yes is true or false in YAML, not"),
        ("2024-01-01", "2024-01-01 is a date in YAML, not"),
        ("numpy: 1.26", "{'numpy': 1.26} is"),
        ("[numpy]", "['numpy'] is not text"),
    ],
)
def test_an_item_that_is_not_text_is_refused_with_its_line(place, item, problem):
    text = f"name: x\n{place.format(item)}\n"
    line = 1 + next(n for n, each in enumerate(text.splitlines()) if item in each)
    with pytest.raises(DefinitionError) as refused:
        conda(text, source="environment.yml")
    assert refused.value.at == "environment.yml"
    assert refused.value.detail.startswith(f"line {line}: {problem}")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("dependencies: [&a [*a]]", id="a list in itself"),
        pytest.param(
            "a: &a [x,x,x,x,x,x,x,x]\n"
            + "".join(
                f"{name}: &{name} [{','.join([f'*{before}'] * 8)}]\n"
                for before, name in zip("abcdefg", "bcdefgh", strict=True)
            )
            + "dependencies: [*h]",
            id="an alias bomb",
        ),
    ],
)
def test_a_strange_item_is_shown_briefly(text):
    with pytest.raises(DefinitionError) as refused:
        conda(text)
    assert len(refused.value.detail) < 2_000


def test_continued_lines_are_joined():
    assert pip("numpy==1.26 \\\n    --hash=sha256:ab\n").lines == ("numpy==1.26 --hash=sha256:ab",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "it is not YAML"),
        ("- numpy", "not a mapping with `dependencies`"),
        ("dependencies: []\nnotes: x", "line 2: unknown key 'notes' (known: name, channels"),
        ("dependencys: []", "line 1: unknown key 'dependencys'; did you mean 'dependencies'?"),
        ("name: x", "`dependencies` is not a list"),
        ("dependencies: [{conda: [x]}]", "neither a package nor a `pip:` list"),
        ("dependencies: ['numpy[version=1]']", "not a package specification"),
        ("dependencies: ['numpy=1|2']", "not a package specification"),
        ("dependencies: ['python=three']", "not a version of Python"),
        ("dependencies: [{pip: [-r more.txt]}]", "line 1: '-r more.txt' refers to a file"),
        (
            "dependencies:\n- pip:\n  - six\n  - 'certifi @ file:///croot/certifi_1/work'",
            "line 4: 'certifi @ file:///croot/certifi_1/work' refers to a file",
        ),
        ("dependencies: [{pip: [-e .]}]", "'-e .' refers to a file"),
        ("dependencies: [{pip: [./wheels/x.whl]}]", "refers to a file"),
        ("dependencies: []\nchannels: conda-forge", "`channels` is not a list"),
        ("dependencies: []\nvariables: [a]", "`variables` is not a mapping"),
    ],
)
def test_invalid_documents_are_refused(text, message):
    with pytest.raises(DefinitionError) as refused:
        conda(text, source="environment.yml")
    assert message in refused.value.detail
    assert refused.value.at == "environment.yml"


def test_all_problems_are_reported_at_once():
    with pytest.raises(DefinitionError) as refused:
        conda("notes: x\ndependencies: [gcc, numpy, cudatoolkit=11, 'a|b']", python="newest")
    detail = refused.value.detail
    assert "no PyPI equivalent is known for: gcc (line 2), cudatoolkit=11 (line 2) (if" in detail
    assert len(detail.splitlines()) == 4


def test_credentials_in_a_refused_line_are_masked():
    with pytest.raises(DefinitionError) as refused:
        pip("-c https://user:secret@example.org/c.txt")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("request_", "version", "fit"),
    [
        ("3.11", (3, 11, 7), True),
        ("3.11", (3, 1, 1), False),
        ("3.11.7", (3, 11, 7), True),
        ("3.11.2", (3, 11, 7), False),
        (">=3.9", (3, 9, 0), True),
        (">=3.9,<3.12", (3, 12, 0), False),
        ("<3.12", (3, 11, 9), True),
        (">3.11", (3, 11, 0), False),
        ("<=3.11", (3, 11, 0), True),
        ("~=3.9", (3, 12, 1), True),
        ("~=3.9.1", (3, 10, 0), False),
        ("!=3.11", (3, 11, 7), False),
    ],
)
def test_versions_and_requests(request_, version, fit):
    assert fits(request_, InstalledPython(version, "python")) is fit


def test_a_missing_python_lists_the_installed_ones():
    installed = [InstalledPython((3, 11, 7), "a"), InstalledPython((3, 9, 18), "b")]
    with pytest.raises(EnvironmentBuildError) as missing:
        find_python("3.7", installed)
    assert missing.value.detail == (
        "Python 3.7 is not installed on this machine (installed: 3.11.7, 3.9.18)."
    )
    assert "--python-version" in missing.value.remedy


@pytest.mark.parametrize(
    ("request_", "how"),
    [
        ("3.8.5", "`uv python install 3.8`"),
        ("3.7", "`pyenv install 3.7`; uv has none before 3.8"),
        ("3.5.2", "Scripts run on Python 3.6 or later"),
        ("2.7", "Scripts run on Python 3.6 or later"),
    ],
)
def test_a_missing_python_is_found_where_there_is_one(request_, how):
    with pytest.raises(EnvironmentBuildError) as missing:
        find_python(request_, [InstalledPython((3, 11, 7), "a")])
    assert how in missing.value.remedy


def test_another_release_of_the_same_minor_version_will_do():
    installed = [InstalledPython((3, 11, 7), "a"), InstalledPython((3, 6, 15), "b")]
    found = find_python("3.6.2", installed)
    assert found.path == "b"
    assert substitution("3.6.2", found) == (
        "Python 3.6.2 is not installed; Python 3.6.15 is used instead."
    )


@pytest.mark.parametrize("request_", ["3.6.2,<3.6.9", "~=3.6.20", ">3.6.15,<3.7", "3.5.2"])
def test_only_an_exact_release_is_replaced(request_):
    with pytest.raises(EnvironmentBuildError):
        find_python(request_, [InstalledPython((3, 6, 15), "b")])


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["requirements.txt", "environment.yml", "conda_dependencies.yml"], "environment.yml"),
        (["requirements.txt", "conda_dependencies.yml"], "conda_dependencies.yml"),
        (["requirements.txt"], "requirements.txt"),
    ],
)
def test_the_environment_is_declared_in_the_source_folder(tmp_path, names, found):
    for name in names:
        (tmp_path / name).write_text("dependencies: []\n")
    spec = find_declaration(tmp_path, python="3.12")
    assert spec.source == str(tmp_path / found)
    assert spec.kind == ("pip" if found.endswith(".txt") else "conda")
    assert spec.python == "3.12"


def test_a_folder_may_have_no_declaration(tmp_path):
    assert find_declaration(tmp_path) is None


def test_included_requirements_are_inlined(tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "requirements.txt").write_text("-r more/base.txt\nsix\n")
    (tmp_path / "more" / "base.txt").write_text("--requirement=other.txt\nnumpy\n")
    (tmp_path / "more" / "other.txt").write_text("scipy\n")
    spec = read_declaration(tmp_path / "requirements.txt")
    assert spec.requirements.split() == ["scipy", "numpy", "six"]


@pytest.mark.parametrize("content", ["-r requirements.txt", "-r absent.txt"])
def test_invalid_includes_are_errors(tmp_path, content):
    (tmp_path / "requirements.txt").write_text(content)
    with pytest.raises(DefinitionError, match=r"includes itself|cannot be read"):
        read_declaration(tmp_path / "requirements.txt")


def test_builds_and_runs_see_only_what_they_need():
    around = {
        "PATH": "/bin",
        "UV_INDEX_URL": "x",
        "PYTHONPATH": "y",
        "PULUMI_CONFIG_PASSPHRASE": "z",
    }
    assert base_variables(around) == {"PATH": "/bin"}
    assert build_variables(around) == {"PATH": "/bin", "UV_INDEX_URL": "x"}


def test_a_requirement_may_be_a_file_of_this_machine(tmp_path):
    wheel = tmp_path / "a b-1.whl"
    line = f"greet @ {wheel.as_uri()}"
    (problem,) = parse_requirements([line]).problems
    assert problem.endswith("refers to a file, which is not sent along with the run")
    wheel.touch()
    assert parse_requirements([line]) == Requirements((line,), (), ())
