"""Exit codes above 128 name the signal."""

import pytest

from runtime.agent.exit_codes import exit_text


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (1, "exit code 1"),
        (124, "exit code 124"),
        (128, "exit code 128"),
        (137, "exit code 137 (SIGKILL: killed, often because memory ran out)"),
        (139, "exit code 139 (SIGSEGV)"),
        (143, "exit code 143 (SIGTERM)"),
        (255, "exit code 255"),
    ],
)
def test_an_exit_code_is_named(code, text):
    assert exit_text(code) == text
