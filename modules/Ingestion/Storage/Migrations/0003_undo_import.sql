-- The end of the event log when the import was queued: its events come after it.
ALTER TABLE ingestion_import ADD COLUMN after_seq BIGINT NOT NULL DEFAULT 0;

-- An undo of an import. seq: events up to this one are taken back; null until the first is. error: it stands still.
CREATE TABLE ingestion_undo (
    import_id  BIGINT NOT NULL PRIMARY KEY,
    seq        BIGINT,
    events     BIGINT NOT NULL,
    asked_at   BIGINT NOT NULL,
    ended_at   BIGINT,
    actor      TEXT   NOT NULL,
    error      TEXT
);

-- Mappings that somebody gave a name; header_key says for which columns.
CREATE TABLE ingestion_mapping (
    id         BIGINT NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    name_key   TEXT   NOT NULL UNIQUE,
    header_key TEXT   NOT NULL,
    mapping    TEXT   NOT NULL,
    saved_at   BIGINT NOT NULL,
    actor      TEXT   NOT NULL
);
