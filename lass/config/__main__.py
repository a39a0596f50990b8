"""`python -m lass.config` writes what is generated from the models: the JSON schema and the reference."""

from pathlib import Path

from lass.config import Config, write_schema
from lass.config.reference import reference

if __name__ == "__main__":
    write_schema(Path("workflow/schemas/config.schema.json"))
    Path("docs/configuration.md").write_text(reference(Config), encoding="utf-8")
