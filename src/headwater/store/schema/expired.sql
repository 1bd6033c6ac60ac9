-- What retention has deleted: added to a catalogue of format 1 by the first writer that knows of it.

CREATE TABLE IF NOT EXISTS expired (
    number   INTEGER PRIMARY KEY,       -- the period
    why      TEXT NOT NULL,             -- age, size or asked
    at_ms    INTEGER NOT NULL,
    begun_ms INTEGER NOT NULL,
    ended_ms INTEGER NOT NULL,
    batches  INTEGER NOT NULL,
    points   INTEGER NOT NULL,
    bytes    INTEGER NOT NULL,
    t_min    INTEGER,                   -- event time, ms
    t_max    INTEGER
);

-- The ids of each node that a deleted period held: none below first, none from end on.
CREATE TABLE IF NOT EXISTS expired_span (
    node   INTEGER NOT NULL,
    first  INTEGER NOT NULL,
    "end"  INTEGER NOT NULL,
    period INTEGER NOT NULL,
    PRIMARY KEY (node, first, period)
) WITHOUT ROWID;
