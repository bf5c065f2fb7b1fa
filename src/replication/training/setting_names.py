"""A setting of the training study by the names in the configuration."""

from __future__ import annotations

from preactivations.weights import law_by_name
from replication.settings import Setting, setting_by_name


def setting_of(activation: str, law: str) -> Setting:
    """A setting by the names in the configuration; `law` is empty where there is no exact pair."""
    return setting_by_name(activation, law_by_name(law) if law else None)
