-- Sources of whose silence the owners were told by mail; gone when they were told that it has ended.
CREATE TABLE ingestion_silence (
    source_id     BIGINT NOT NULL PRIMARY KEY,
    last_event_at BIGINT NOT NULL,
    told_at       BIGINT NOT NULL
);
