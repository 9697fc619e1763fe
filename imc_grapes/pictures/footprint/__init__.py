"""The charts of a footprint, one per file."""
