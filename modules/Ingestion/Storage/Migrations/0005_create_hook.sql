-- How a source takes webhooks. The secret is protected with the keys of the data folder.
CREATE TABLE ingestion_hook (
    source_id  BIGINT NOT NULL PRIMARY KEY,
    proof      TEXT   NOT NULL,
    header     TEXT   NOT NULL,
    secret     TEXT,
    purpose    TEXT   NOT NULL,
    mapping    TEXT,
    refused    BIGINT NOT NULL DEFAULT 0,
    refused_at BIGINT
);

-- Webhooks as they came. state: waiting, done, ignored, unknown or failed. subject is the order that it is about, seq its first event.
CREATE TABLE ingestion_hook_call (
    id          BIGINT NOT NULL PRIMARY KEY,
    source_id   BIGINT NOT NULL,
    topic       TEXT   NOT NULL,
    delivery    TEXT   NOT NULL,
    state       TEXT   NOT NULL,
    reason      TEXT,
    message     TEXT,
    subject     TEXT,
    seq         BIGINT,
    events      BIGINT NOT NULL DEFAULT 0,
    received_at BIGINT NOT NULL,
    raw         BYTEA  NOT NULL,
    UNIQUE (source_id, delivery)
);

CREATE INDEX ingestion_hook_call_by_state   ON ingestion_hook_call (state, id);
CREATE INDEX ingestion_hook_call_by_subject ON ingestion_hook_call (source_id, subject);
