"""White noise for mixtures, each from a generator of its own: none depends on its neighbours."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Noise:
    """Draws for B mixtures of `like` [B, T], whose type and device they have."""

    generators: Sequence[np.random.Generator]
    like: Tensor

    def __post_init__(self) -> None:
        """One generator per mixture, or a ValueError."""
        if len(self.generators) != len(self.like):
            raise ValueError(
                f"{len(self.generators)} generators for {len(self.like)} mixtures: give one for each"
            )

    def draw(self, sources: int) -> Tensor:
        """Noise of unit variance [B, N, T] for N `sources`."""
        shape = (sources, self.like.shape[1])
        drawn = [torch.from_numpy(generator.standard_normal(shape)) for generator in self.generators]
        return torch.stack(drawn).to(self.like) if drawn else self.like.new_empty(0, *shape)

    def of_kind(self, kind: str, sources: int) -> Tensor:
        """Noise [B, N, T] that is `shared` by the sources, `independent`, or `none`."""
        match kind:
            case "independent":
                return self.draw(sources)
            case "shared":
                return self.draw(1).expand(-1, sources, -1)
            case "none":
                return self.like.new_zeros(len(self.like), sources, self.like.shape[1])
        raise ValueError(f"noise {kind!r}: choose shared, independent or none")
