"""Configuration files are checked, and their schema is written from the types.

python workflow/schema.py         check config/*.yaml
python workflow/schema.py write   write config/schema.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from config.model import Config, read, validate

FOLDER = Path(__file__).parents[1] / "config"
SCHEMA = FOLDER / "schema.json"


def schema() -> str:
    """Sections may leave keys out, for which the laptop scale stands; what is only an entry of lists is whole."""
    types = Config.model_json_schema()
    text = json.dumps(types)
    for name, section in {"": types, **types["$defs"]}.items():
        use = f'"$ref": "#/$defs/{name}"'
        if text.count(use) != text.count(f'"items": {{{use}}}') or not name:
            del section["required"]
    return json.dumps(types, indent=2) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["write"]:
        SCHEMA.write_text(schema(), encoding="utf-8")
    else:
        for path in sorted(FOLDER.glob("*.yaml")):
            validate(read(path))
            print(f"{path}: valid")
