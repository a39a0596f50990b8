"""How many examples are tried: a few, always the same, or as many new ones as LASS_FUZZ says."""

import os
import warnings

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("LASS_FUZZ", "0"))
UNHEALTHY = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]

settings.register_profile(
    "short", max_examples=12, derandomize=True, database=None, deadline=None, suppress_health_check=UNHEALTHY
)
settings.register_profile(
    "long", max_examples=max(1, EXAMPLES), deadline=None, suppress_health_check=UNHEALTHY, print_blob=True
)
settings.load_profile("long" if EXAMPLES else "short")
warnings.filterwarnings("ignore", category=ResourceWarning)
