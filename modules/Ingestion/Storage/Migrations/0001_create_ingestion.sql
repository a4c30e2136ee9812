CREATE TABLE ingestion_source (
    id            BIGINT NOT NULL PRIMARY KEY,
    name          TEXT   NOT NULL,
    name_key      TEXT   NOT NULL UNIQUE,
    kind          TEXT   NOT NULL,
    enabled       BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    last_event_at BIGINT,
    stored        BIGINT NOT NULL DEFAULT 0,
    duplicates    BIGINT NOT NULL DEFAULT 0,
    quarantined   BIGINT NOT NULL DEFAULT 0
);

-- A source has one key in force and perhaps older ones that are still taken until they expire.
CREATE TABLE ingestion_write_key (
    write_key  TEXT   NOT NULL PRIMARY KEY,
    source_id  BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);

-- The event log: append-only, and no index but its seq. The body comes last, so that what is looked up needs not pass it.
CREATE TABLE ingestion_event (
    seq          BIGINT NOT NULL PRIMARY KEY,
    source_id    BIGINT NOT NULL,
    type         BIGINT NOT NULL,
    message_id   TEXT   NOT NULL,
    user_id      TEXT,
    anonymous_id TEXT,
    name         TEXT,
    occurred_at  BIGINT NOT NULL,
    sent_at      BIGINT,
    received_at  BIGINT NOT NULL,
    flags        BIGINT NOT NULL,
    import_id    BIGINT,
    body         TEXT   NOT NULL
);

-- Where the event with a message id is: key is a hash of (source, message id), or the next free number after it.
-- Written in sorted runs; the newest events are remembered in memory instead. settled is the last event that is in here.
CREATE TABLE ingestion_message (
    key BIGINT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL
);

CREATE TABLE ingestion_settled (
    id  BIGINT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL
);

CREATE TABLE ingestion_quarantine (
    id          BIGINT NOT NULL PRIMARY KEY,
    source_id   BIGINT NOT NULL,
    reason      TEXT   NOT NULL,
    message     TEXT   NOT NULL,
    field       TEXT,
    route       TEXT   NOT NULL,
    raw         BYTEA  NOT NULL,
    raw_bytes   BIGINT NOT NULL,
    envelope    TEXT,
    received_at BIGINT NOT NULL,
    import_id   BIGINT,
    tries       BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX ingestion_quarantine_by_reason ON ingestion_quarantine (reason, id);

-- Write keys that nothing here knows, so that a wrong set-up can be seen.
CREATE TABLE ingestion_rejected_key (
    write_key TEXT   NOT NULL PRIMARY KEY,
    calls     BIGINT NOT NULL,
    first_at  BIGINT NOT NULL,
    last_at   BIGINT NOT NULL
);
