"""Put the numbers of a run into texts: `python workflow/insert.py laptop`, by the queries of `replication.excerpts`.

The tables that are quoted are copied from tables/<scale> to docs/tables, from which texts can be written again.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

TEXTS = ("README.md", "DEVIATIONS.md", "docs/results.md", "docs/theory/edge_of_chaos.md")
SHIPPED = Path("docs/tables")
#: Shipped whether a text quotes them or not.
ALWAYS = {"verdicts_numbers", "verdicts_claims", "verdicts_counts", "verdicts_blocks"}

if __name__ == "__main__":
    from replication.excerpts import inserted, tables_of

    texts = {path: path.read_text(encoding="utf-8") for path in map(Path, TEXTS)}
    SHIPPED.mkdir(exist_ok=True)
    for name in sorted(ALWAYS.union(*map(tables_of, texts.values()))):
        shutil.copyfile(Path("tables", sys.argv[1], f"{name}.csv"), SHIPPED / f"{name}.csv")
    new = {path: inserted(text, SHIPPED) for path, text in texts.items()}
    for path, text in new.items():
        path.write_text(text, encoding="utf-8")
