-- Mappings that somebody gave a name: what the columns become, which columns there were, how such files are written. header: JSON array of
-- names in the order of the file. The table of 0003 was never written to.
DROP TABLE ingestion_mapping;

CREATE TABLE ingestion_mapping (
    id         BIGINT NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    name_key   TEXT   NOT NULL UNIQUE,
    header     TEXT   NOT NULL,
    mapping    TEXT   NOT NULL,
    encoding   TEXT   NOT NULL,
    delimiter  TEXT   NOT NULL,
    has_header BIGINT NOT NULL,
    source_id  BIGINT,
    saved_at   BIGINT NOT NULL,
    actor      TEXT   NOT NULL
);

-- Where files are fetched from by themselves. kind: folder or https. place: a folder below the root, or an address. secret: protected.
-- afterwards: move or leave. state: on, paused (by somebody) or stopped (by the program, see error_code). look_again_at: sooner than the schedule.
CREATE TABLE ingestion_feed (
    id            BIGINT NOT NULL PRIMARY KEY,
    name          TEXT   NOT NULL,
    name_key      TEXT   NOT NULL UNIQUE,
    kind          TEXT   NOT NULL,
    place         TEXT   NOT NULL,
    pattern       TEXT   NOT NULL,
    proof         TEXT   NOT NULL,
    proof_name    TEXT   NOT NULL,
    secret        TEXT,
    cron          TEXT   NOT NULL,
    mapping_id    BIGINT NOT NULL,
    source_id     BIGINT NOT NULL,
    afterwards    TEXT   NOT NULL,
    state         TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    next_run_at   BIGINT,
    look_again_at BIGINT,
    last_run_at   BIGINT,
    last_taken_at BIGINT,
    taken         BIGINT NOT NULL DEFAULT 0,
    failures      BIGINT NOT NULL DEFAULT 0,
    error_code    TEXT,
    error         TEXT,
    error_at      BIGINT,
    etag          TEXT,
    last_modified TEXT
);

-- What lies in a watched folder now, as it was at the last look that found it changed. state: seen, taken or refused.
CREATE TABLE ingestion_feed_look (
    feed_id    BIGINT NOT NULL,
    name       TEXT   NOT NULL,
    size_bytes BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    looked_at  BIGINT NOT NULL,
    state      TEXT   NOT NULL,
    PRIMARY KEY (feed_id, name)
);

-- What a feed took, once for each content, and what it could not use. sha256: null where it was not read to its end.
CREATE TABLE ingestion_feed_file (
    id         BIGINT NOT NULL PRIMARY KEY,
    feed_id    BIGINT NOT NULL,
    name       TEXT   NOT NULL,
    sha256     TEXT,
    state      TEXT   NOT NULL,
    import_id  BIGINT,
    message    TEXT,
    at         BIGINT NOT NULL
);

CREATE INDEX ingestion_feed_file_content ON ingestion_feed_file (feed_id, sha256);
