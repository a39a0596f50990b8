"""Music: audio files, songs composed by code, folders in Slakh's layout, mixtures."""
