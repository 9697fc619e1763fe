"""Named statistics of devices that are programmed once and read later; one per file."""
