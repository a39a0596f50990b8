"""What turns mixtures into estimates, one module per family."""
