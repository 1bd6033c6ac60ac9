-- How the nodes stand by the judge of the server, and what has changed, format 1: a file of its own, so that neither
-- ever waits for stamps.

CREATE TABLE standing (
    at_ms   INTEGER NOT NULL,           -- of the judge's last look, wall clock
    late    INTEGER NOT NULL,           -- looks that came late
    body    BLOB NOT NULL               -- MessagePack of a list of model.health.Verdict
);

CREATE TABLE change (
    number INTEGER PRIMARY KEY,
    at_ms  INTEGER NOT NULL,            -- since when the verdict holds, wall clock
    part   TEXT NOT NULL,
    node   INTEGER NOT NULL,
    target INTEGER,                     -- of a link
    body   BLOB NOT NULL                -- MessagePack of model.health.Change
);

CREATE INDEX change_by_node ON change (node, part, at_ms);

-- How far alarms were posted to the webhook.
CREATE TABLE delivery (
    number INTEGER NOT NULL,            -- of the last change that was dealt with
    body   BLOB NOT NULL                -- MessagePack of a list of model.health.Subject: alarms that are open
);
