"""The provenance records of a folder as one JSON list: python workflow/gather_provenance.py FOLDER > FILE"""

import json
import sys
from pathlib import Path

if __name__ == "__main__":
    records = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(Path(sys.argv[1]).glob("*.provenance.json"))
    ]
    print(json.dumps(records, indent=1))
