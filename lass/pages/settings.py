"""What the page of a table has to know beside the files of a run; without torch."""

from lass.data.settings import LibrarySettings
from lass.evaluation.settings import MediumSettings, MetricSettings
from lass.settings import Section


class PageJob(Section):
    """What the sources are, how they are scored, and which methods are heard or seen."""

    library: LibrarySettings
    metric: MetricSettings
    medium: MediumSettings
    labels: dict[str, dict[str, str]]  # method -> class -> label, in the order of the table's rows
    meanings: dict[str, str]  # of the rows that are no methods of separation
