"""The page about commands is what the commands say."""

from pathlib import Path

from infra.contract.errors import PlatformError
from runtime.cli import jobs_page, reference

ROOT = Path(__file__).parents[2]


def exit_codes(kind=PlatformError):
    return {kind.exit_code} | {
        code for below in kind.__subclasses__() for code in exit_codes(below)
    }


def test_the_page_is_current():
    written = (ROOT / reference.PAGE).read_text(encoding="utf-8")
    assert written == reference.page(), "run `python -m runtime.cli.reference`"


def test_the_page_about_jobs_is_current():
    written = (ROOT / jobs_page.PAGE).read_text(encoding="utf-8")
    assert written == jobs_page.page(), "run `python -m runtime.cli.reference`"


def test_every_exit_code_is_explained():
    assert exit_codes() <= reference.EXIT_CODES.keys()
