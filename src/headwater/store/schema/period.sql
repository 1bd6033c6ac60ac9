-- A period of a store, format 1: the stamps that arrived in it. Rows are added and never changed.

CREATE TABLE batch (
    bid   INTEGER PRIMARY KEY,          -- 256 in a row are a block
    node  INTEGER NOT NULL,
    start INTEGER NOT NULL,             -- ordinal of the first id
    count INTEGER NOT NULL,
    entry INTEGER NOT NULL,             -- catalogue number of the log whose definitions the keys name
    t_min INTEGER,                      -- event time, ms; NULL without keys
    t_max INTEGER,
    stamp BLOB NOT NULL,                -- MessagePack of model.shipment.ShippedStamp without its keys
    keys  BLOB,
    UNIQUE (node, start)
);

-- A row per parent run and child batch. The parent may lie in another period, or be unknown.
CREATE TABLE edge (
    parent_node  INTEGER NOT NULL,
    parent_start INTEGER NOT NULL,
    length       INTEGER NOT NULL,
    child        INTEGER NOT NULL,      -- bid
    sent_ms      INTEGER,               -- when the parents were sent, as the child's stamp says
    PRIMARY KEY (parent_node, parent_start, child)
) WITHOUT ROWID;

-- No edge from a parent node is longer, so one that holds an id starts at most this far before it.
CREATE TABLE reach (
    parent_node INTEGER PRIMARY KEY,
    length      INTEGER NOT NULL
);

CREATE TABLE block (
    block INTEGER PRIMARY KEY,          -- bid / 256
    t_min INTEGER,
    t_max INTEGER
);

CREATE INDEX block_by_time ON block (t_min, t_max);

CREATE TABLE posting (
    series INTEGER NOT NULL,            -- entry << 40 | series number
    block  INTEGER NOT NULL,
    t_min  INTEGER NOT NULL,
    t_max  INTEGER NOT NULL,
    PRIMARY KEY (series, block)
) WITHOUT ROWID;

-- The last sequence stored of each log; copied into the next period.
CREATE TABLE position (
    log      BLOB PRIMARY KEY,
    sequence INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE total (
    batches INTEGER NOT NULL,
    points  INTEGER NOT NULL
);
