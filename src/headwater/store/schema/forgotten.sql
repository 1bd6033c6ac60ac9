-- Nodes that are gone on purpose: added to a file of format 1 by the first writer that knows of it.

CREATE TABLE IF NOT EXISTS forgotten (
    node INTEGER PRIMARY KEY
);
