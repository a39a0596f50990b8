"""Where models are: shipped with the package, in the user's cache, or in a folder that is given."""

import os
from dataclasses import dataclass
from pathlib import Path

from lass.bundle.settings import DESCRIPTION

SHIPPED = Path(__file__).parents[1] / "shipped"
DEFAULT = "slakh-mini"


@dataclass(frozen=True)
class Found:
    """A model at hand."""

    name: str
    folder: Path
    origin: str  # shipped, or cache


def cache() -> Path:
    """The user's folder of models: `LASS_MODELS`, else `lass/models` in the folder of caches."""
    if named := os.environ.get("LASS_MODELS"):
        return Path(named).expanduser()
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(caches).expanduser() / "lass" / "models"


def models_at_hand() -> list[Found]:
    """The shipped models, then those of the cache; one of a name that is taken is not among them."""
    found: dict[str, Found] = {}
    for origin, root in (("shipped", SHIPPED), ("cache", cache())):
        for path in sorted(root.glob(f"*/{DESCRIPTION}")):
            name = path.parent.name
            found.setdefault(name, Found(name, path.parent, origin))
    return list(found.values())


def find_model(model: str | Path) -> Path:
    """The folder of `model`, which is the name of a model at hand or a folder (`./name`, or a Path).

    FileNotFoundError, with the names that there are, where it is neither.
    """
    names = {each.name: each.folder for each in models_at_hand()}
    if isinstance(model, str) and model in names:
        return names[model]
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    raise FileNotFoundError(
        f"no model {str(model)!r}: name one of {', '.join(names)}, or give a model's folder"
    )
