-- Requests that were refused: the source was off, or the browser came from a website that it does not name.
ALTER TABLE ingestion_source ADD COLUMN refused BIGINT NOT NULL DEFAULT 0;

-- One row: the events up to here are in the counts of their sources. What a crash leaves behind it is counted at the next start.
CREATE TABLE ingestion_counted (
    id  BIGINT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL
);

INSERT INTO ingestion_counted (id, seq) SELECT 1, COALESCE(MAX(seq), 0) FROM ingestion_event;

-- When calls strayed so for the last time, Unix ms; null: within the slot.
ALTER TABLE ingestion_violation ADD COLUMN last_at BIGINT;
