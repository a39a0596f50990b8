"""Models that come with the package: a folder each, as `lass.bundle.folder` describes them."""
