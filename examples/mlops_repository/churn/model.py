"""Who leaves: customers with more complaints than a threshold, which training finds."""

from collections.abc import Sequence

Customer = tuple[int, bool]
"""The number of complaints, and whether the customer left."""


def best_threshold(customers: Sequence[Customer]) -> int:
    """Return the number of complaints above which most predictions are right."""
    candidates = sorted({complaints for complaints, _ in customers})
    return max(candidates, key=lambda threshold: accuracy(customers, threshold))


def accuracy(customers: Sequence[Customer], threshold: int) -> float:
    """Return the share of customers about whom the threshold is right."""
    right = sum((complaints > threshold) == left for complaints, left in customers)
    return right / len(customers)
