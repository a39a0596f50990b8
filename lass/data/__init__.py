"""Music and images: files, songs composed by code, folders in Slakh's layout, MNIST, mixtures, batches."""
