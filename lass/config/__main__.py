"""`python -m lass.config FILE` writes the configuration's JSON schema to FILE."""

import sys
from pathlib import Path

from lass.config import write_schema

if __name__ == "__main__":
    write_schema(Path(sys.argv[1]))
