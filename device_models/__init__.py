"""Models of single PCM devices: what was published, and what is built on top of it."""
