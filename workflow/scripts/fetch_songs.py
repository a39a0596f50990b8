"""Download a public data set of songs, or find that it is there."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from lass.config import parse_config
from lass.data.public import fetch_songs
from lass.runtime import logged

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0]):
    params, output = snakemake.params, Path(snakemake.output.origin)
    # Where it is fetched from is no parameter: another mirror reruns nothing.
    addresses = parse_config(snakemake.config).addresses
    origin = fetch_songs(
        params.data,
        output.with_suffix(""),
        classes=params.classes,
        files=params.files,
        addresses=addresses.get(params.data, []),
    )
    output.write_text(json.dumps(origin, indent=2) + "\n", encoding="utf-8")
