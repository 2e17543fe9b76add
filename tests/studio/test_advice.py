import pytest

from infra.arm.faults import REMEDIES
from infra.arm.provider import _REPAIR
from runtime.studio.advice import in_browser


@pytest.mark.parametrize(
    ("said", "there"),
    [
        pytest.param(
            "Fix the cause named in the message, then run the command again.",
            "Fix the cause named in the message, then try again.",
            id="again",
        ),
        pytest.param("Run the command again.", "Try again.", id="a sentence of its own"),
        pytest.param(
            "Run `aml up -s dev` again; it checks the outcome first.",
            "Plan a deployment again; it checks the outcome first.",
            id="up",
        ),
        pytest.param(
            "Correct `resource_id` in the stack file, and run `aml up`.",
            "Correct `resource_id` in the stack file, and plan a deployment.",
            id="up in a sentence",
        ),
        pytest.param(
            "It is gone. `aml refresh` removes it from the state.",
            "It is gone. Adopting the drift removes it from the state.",
            id="refresh",
        ),
        pytest.param(
            "Run `aml cloud start`; `aml cloud logs` shows why it stopped.",
            "Start the local cloud; `aml cloud logs` shows why it stopped.",
            id="what no page does stays",
        ),
        pytest.param(
            "`aml refresh --import-pending URN ID` adopts it.",
            "`aml refresh --import-pending URN ID` adopts it.",
            id="an option that no page has",
        ),
        pytest.param(
            "Run `aml compute start box -s dev`, or submit with `--start`.",
            "Start box under Computes, or submit with `--start`.",
            id="a compute",
        ),
        pytest.param(
            "Wait for it with `aml run logs -f a1`.", "Wait for it on its page.", id="run"
        ),
        pytest.param(
            "Run `aml use a` if others have deployed it, else `aml up -s a`; or name a manifest"
            " with `--manifest FILE`; `local` needs no stack.",
            "Run `aml use a` if others have deployed it, else plan a deployment; `local` needs no"
            " stack.",
            id="never deployed",
        ),
        pytest.param("Upper `aml uphill`.", "Upper `aml uphill`.", id="another word"),
    ],
)
def test_advice_names_pages(said, there):
    assert in_browser(said) == there


@pytest.mark.parametrize("remedy", [*REMEDIES.values(), _REPAIR])
def test_what_a_cloud_s_errors_advise_is_possible_in_a_browser(remedy):
    assert "`aml " not in in_browser(remedy)
    assert "the command" not in in_browser(remedy)
