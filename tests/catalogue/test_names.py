"""The sentence about a name that Azure would refuse."""

import pytest

from infra.catalogue.names import RULES

SPOKEN_WITH_AN = {"AmlCompute", "Application Insights", "environment", "experiment"}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_the_article_fits_the_noun(rule):
    article = "an" if rule.noun in SPOKEN_WITH_AN else "a"
    assert rule.problem("?").startswith(f"'?' is not {article} {rule.noun} name: use ")
