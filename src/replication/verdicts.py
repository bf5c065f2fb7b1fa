"""Rows of the tables of claims: words, test, result, verdict."""

from __future__ import annotations

from scipy.stats import norm

__all__ = ["DERIVED", "PAPER", "claim_row", "z_limit"]

PAPER, DERIVED = "abstract", "derived here"
_FALSE_ALARM = 0.0005  # one-sided, over all numbers of a claim


def claim_row(claim: str, source: str, test: str, result: str, holds: bool | None) -> dict[str, str]:
    """A row; `holds` is None where the numbers can't tell."""
    verdict = "not resolved" if holds is None else "holds" if holds else "does not hold"
    return {"claim": claim, "source": source, "test": test, "result": result, "verdict": verdict}


def z_limit(numbers: int) -> float:
    """Largest |z| of that many normal numbers, exceeded with probability .001."""
    return float(norm.isf(_FALSE_ALARM / max(1, numbers)))
