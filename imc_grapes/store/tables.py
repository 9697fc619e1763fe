"""The tables of a results file."""

FILE_NAME = "results.sqlite"
FORMAT = 2
"""Written to PRAGMA user_version; a file of another format is refused, never guessed at."""
BEFORE_MARGINS = 1
"""The format without a margin. Still read; whoever writes brings it to the present one."""
TO_PRESENT = f"""
BEGIN;
ALTER TABLE sweep ADD COLUMN margin REAL;
PRAGMA user_version = {FORMAT};
COMMIT;
"""

CREATE_FILES = """
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY,     -- as the configs name it
    sha256 TEXT NOT NULL       -- of its content when trials were first run with it
);
"""
"""Beside the others, which are older: a store that lacks it names no files."""

CREATE = """
CREATE TABLE sweep (
    name TEXT NOT NULL,
    question TEXT,
    source TEXT NOT NULL,      -- the text of the sweep file
    base TEXT NOT NULL,        -- the resolved base config, JSON
    axes TEXT NOT NULL,        -- [{name, role, choices: [{label, value}]}], JSON
    tune TEXT,                 -- the dotted key that each method tunes
    baseline TEXT NOT NULL,    -- the method that the others are tested against
    margin REAL                -- of equivalence, as the metric is shown; null: the metric's own
);
CREATE TABLE trials (
    hash TEXT PRIMARY KEY,     -- of the resolved config
    position INTEGER,          -- place in the sweep; null: the sweep file no longer holds this trial
    status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'done', 'failed')),
    method TEXT NOT NULL,
    setting TEXT NOT NULL,
    tuned TEXT,                -- value of the tuned key, JSON
    seed INTEGER NOT NULL,
    coordinates TEXT NOT NULL, -- value along each axis, JSON
    config TEXT NOT NULL,      -- the resolved config, JSON
    summary TEXT,              -- decided by the config and the seed alone, JSON
    metrics TEXT,              -- one entry per epoch, JSON
    measurements TEXT,         -- durations and peaks, JSON
    error TEXT,                -- why it failed
    attempts INTEGER NOT NULL DEFAULT 0,
    started TEXT,
    finished TEXT,
    seconds REAL,
    host TEXT,
    versions TEXT              -- of Python and the libraries, JSON
);
CREATE INDEX trials_by_position ON trials (position);
"""
