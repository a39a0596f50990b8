"""Pictures: their library, and the readers of files and folders of them."""
