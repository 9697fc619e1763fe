"""Data sets, one per file: where they lie, how they are read, how they are split."""
