"""The suggestion for a wrong name."""

import pytest

from infra.contract.load import nearest

MANY = dict.fromkeys(f"run{number:03d}" for number in range(100))


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("cpuu", {"cpu": 1, "gpu": 2}, "Did you mean 'cpu'? (all: cpu, gpu)"),
        ("CPU", {"Cpu": 1}, "Did you mean 'Cpu'? (all: Cpu)"),
        (
            "gpu",
            {"gpu1": 1, "gpu2": 2, "cpu": 3, "gpu3": 4, "box": 5},
            "Did you mean 'gpu3', 'gpu2' or 'gpu1'? (all: box, cpu, gpu1, gpu2, gpu3)",
        ),
        ("zzz", {"b": 1, "a": 2}, "Use one of: a, b."),
        ("zzz", {}, "There is no run yet."),
    ],
)
def test_a_wrong_name_gets_a_suggestion(name, known, said):
    assert nearest(name, known, noun="run") == said


def test_of_many_names_the_first_are_listed():
    said = nearest("zzz", MANY, noun="run")
    assert said.startswith("Use one of: run000, ")
    assert said.endswith(", run031 and 68 more.")
