-- What was seen in calls: a kind of call with its event (empty but for track), and below it each property or trait (member; empty: the
-- event itself). different is the estimate that sketch gives; of an event, both are of the names below it that were left out.
-- call_type 0 stands for the whole catalogue: what was left out of it.
CREATE TABLE ingestion_catalogue (
    call_type  BIGINT NOT NULL,
    event      TEXT   NOT NULL,
    member     TEXT   NOT NULL,
    first_seen BIGINT NOT NULL,
    last_seen  BIGINT NOT NULL,
    seen       BIGINT NOT NULL,
    types      BIGINT NOT NULL,
    sample     TEXT,
    sources    TEXT   NOT NULL,
    different  BIGINT NOT NULL,
    sketch     TEXT,
    left_out   BIGINT NOT NULL,
    PRIMARY KEY (call_type, event, member)
);

-- day: days since 1970-01-01 UTC, of the moment of receipt.
CREATE TABLE ingestion_catalogue_day (
    call_type BIGINT NOT NULL,
    event     TEXT   NOT NULL,
    day       BIGINT NOT NULL,
    seen      BIGINT NOT NULL,
    PRIMARY KEY (call_type, event, day)
);
