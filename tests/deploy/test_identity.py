"""Who a token belongs to, as it is shown before a deployment to Azure."""

import pytest

from infra.deploy.stack.identity import identity_of


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"upn": "ann@contoso.com", "tid": "t1", "oid": "o"}, "ann@contoso.com (tenant t1)"),
        ({"unique_name": "bob", "tid": "t1"}, "bob (tenant t1)"),
        ({"appid": "app-1", "oid": "o", "tid": "t2"}, "app-1 (tenant t2)"),
        ({"oid": "o"}, "o (tenant unknown)"),
        ({}, "unknown (tenant unknown)"),
    ],
)
def test_the_claim_a_person_knows_best_is_shown(claims, expected):
    assert identity_of(claims) == expected
