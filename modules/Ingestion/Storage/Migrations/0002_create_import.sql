-- A file that was brought in, kept until its imports are deleted.
CREATE TABLE ingestion_file (
    id          BIGINT NOT NULL PRIMARY KEY,
    name        TEXT   NOT NULL,
    size_bytes  BIGINT NOT NULL,
    sha256      TEXT   NOT NULL,
    encoding    TEXT   NOT NULL,
    delimiter   TEXT   NOT NULL,
    has_header  BIGINT NOT NULL,
    skipped     BIGINT NOT NULL,
    uploaded_at BIGINT NOT NULL,
    actor       TEXT   NOT NULL
);

CREATE TABLE ingestion_import (
    id         BIGINT NOT NULL PRIMARY KEY,
    file_id    BIGINT NOT NULL,
    source_id  BIGINT NOT NULL,
    header_key TEXT   NOT NULL,
    mapping    TEXT   NOT NULL,
    state      TEXT   NOT NULL,
    rows_done  BIGINT NOT NULL DEFAULT 0,
    stored     BIGINT NOT NULL DEFAULT 0,
    duplicates BIGINT NOT NULL DEFAULT 0,
    rejected   BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    ended_at   BIGINT,
    actor      TEXT   NOT NULL,
    error      TEXT
);

-- Rows that were not taken, with the reason, to be mended and loaded again. row_number: the first data row is 1.
CREATE TABLE ingestion_import_reject (
    import_id  BIGINT NOT NULL,
    row_number BIGINT NOT NULL,
    code       TEXT   NOT NULL,
    field      TEXT,
    message    TEXT   NOT NULL,
    cells      TEXT   NOT NULL,
    PRIMARY KEY (import_id, row_number)
);
