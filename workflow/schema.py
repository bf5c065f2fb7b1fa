"""Configuration files are checked, and their schema is written from the types.

python workflow/schema.py         check config/*.yaml
python workflow/schema.py write   write config/schema.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from config.model import Config, validate

FOLDER = Path(__file__).parents[1] / "config"
SCHEMA = FOLDER / "schema.json"


def schema() -> str:
    return json.dumps(Config.model_json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["write"]:
        SCHEMA.write_text(schema(), encoding="utf-8")
    else:
        import yaml

        for path in sorted(FOLDER.glob("*.yaml")):
            validate(yaml.safe_load(path.read_text(encoding="utf-8")))
            print(f"{path}: valid")
