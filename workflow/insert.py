"""Put what a run found into texts: `python workflow/insert.py laptop`.

In README, DEVIATIONS and docs, what stands between <!-- name --> and <!-- /name --> is replaced by the words of that
name (`replication.excerpts`).
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

TEXTS = ("README.md", "DEVIATIONS.md", "docs/results.md")
_PLACE = re.compile(r"(<!-- (\w+) -->).*?(<!-- /\2 -->)", re.DOTALL)


def names(text: str) -> list[str]:
    """Of the places in a text, in their order."""
    return [match[2] for match in _PLACE.finditer(text)]


def inserted(text: str, words: dict[str, str]) -> str:
    """The text with these words in its places. KeyError for a place without words."""
    return _PLACE.sub(lambda match: match[1] + words[match[2]] + match[3], text)


if __name__ == "__main__":
    from replication.excerpts import excerpts

    found = excerpts(Path("tables") / sys.argv[1])
    for path in map(Path, TEXTS):
        path.write_text(inserted(path.read_text(encoding="utf-8"), found), encoding="utf-8")
