"""What a table of counts was made of, and limits that the configuration has to know; without torch."""

from lass.settings import Section

LARGEST_FRAMES = 1 << 28
"""Numbers that the quadratic forms of all pairs of codes may take in the likelihood of frames."""


class TupleOrigin(Section):
    """What tuples are counted from, whatever the codec."""

    sources: tuple[str, ...]  # class of every source, or the classes that they are drawn from
    weights: tuple[float, ...]  # alpha, N
    tuples: int | None  # that are asked for; whole groups are counted. None: as many as a given table says

    def encoded(self, codebook: str) -> "Counted":
        """The same in the codes of the codebook of this identity."""
        return Counted(codebook=codebook, **self.model_dump())


class Counted(TupleOrigin):
    """What the tuples of a likelihood were counted from: a table of other sources separates nothing."""

    codebook: str  # identity of the codebook

    def check(self, path: object, stored: object) -> None:
        """ValueError, naming the file `path`, where the entry of its header says another thing."""
        given = stored if isinstance(stored, dict) else {}
        for name, wanted in self.model_dump(mode="json").items():
            if wanted is not None and given.get(name) != wanted:
                raise ValueError(
                    f"{path}: counted with {name} = {given.get(name)}, but {name} = {wanted} is configured: "
                    "give the table that belongs to this configuration, or set likelihood.checkpoint to "
                    "null to count one"
                )
