-- The catalogue of a store, format 1: what outlives a period, and which period holds which ids.

CREATE TABLE store (
    site       TEXT NOT NULL,
    generation INTEGER NOT NULL         -- rises whenever a period begins, is sealed or goes
);

CREATE TABLE period (
    number   INTEGER PRIMARY KEY,       -- names the file
    begun_ms INTEGER NOT NULL,
    sealed   INTEGER NOT NULL,
    batches  INTEGER NOT NULL,          -- this and what follows: once sealed
    points   INTEGER NOT NULL,
    t_min    INTEGER,                   -- event time, ms
    t_max    INTEGER
);

-- The ids that a sealed period may hold: first <= ordinal < end.
CREATE TABLE span (
    period INTEGER NOT NULL,
    kind   INTEGER NOT NULL,            -- 0: data points, 1: parents of edges
    node   INTEGER NOT NULL,
    first  INTEGER NOT NULL,
    "end"  INTEGER NOT NULL,
    PRIMARY KEY (period, kind, node)
) WITHOUT ROWID;

CREATE TABLE log (
    number INTEGER PRIMARY KEY,
    id     BLOB NOT NULL UNIQUE,        -- 8 bytes
    node   INTEGER                      -- once its agent has said hello
);

CREATE TABLE series (
    log     INTEGER NOT NULL,
    number  INTEGER NOT NULL,
    meter   TEXT NOT NULL,
    metric  TEXT NOT NULL,
    damaged INTEGER NOT NULL,
    PRIMARY KEY (log, number)
) WITHOUT ROWID;

CREATE INDEX series_by_name ON series (meter, metric);

CREATE TABLE context (
    id   BLOB PRIMARY KEY,              -- 8 bytes
    body BLOB NOT NULL                  -- MessagePack of model.context.Context
) WITHOUT ROWID;

CREATE TABLE node (
    id              INTEGER PRIMARY KEY,
    name            TEXT NOT NULL,
    address         TEXT NOT NULL,
    log             INTEGER NOT NULL,   -- the latest
    config          BLOB,               -- MessagePack of model.records.Config
    config_log      INTEGER,
    config_sequence INTEGER,
    report          BLOB,               -- MessagePack of model.report.NodeReport
    reported_ms     INTEGER NOT NULL
);

CREATE TABLE loss (
    number   INTEGER PRIMARY KEY,
    node     INTEGER NOT NULL,
    log      INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    body     BLOB NOT NULL,             -- MessagePack of model.records.Loss
    UNIQUE (log, sequence)
);

CREATE INDEX loss_by_node ON loss (node, number);

CREATE TABLE refused (
    reason TEXT PRIMARY KEY,
    times  INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE alarm (
    number   INTEGER PRIMARY KEY,
    at_ms    INTEGER NOT NULL,
    reason   TEXT NOT NULL,
    node     INTEGER NOT NULL,
    log      BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    detail   TEXT NOT NULL
);
