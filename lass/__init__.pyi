from lass.api import Separation as Separation
from lass.api import Separator as Separator

__version__: str
