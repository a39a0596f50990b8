"""Methods that LASS is compared with, one module per family."""
