ALTER TABLE ingestion_source ADD COLUMN blocked BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ingestion_source ADD COLUMN turned_away BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ingestion_source ADD COLUMN retried BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ingestion_write_key ADD COLUMN last_used_at BIGINT;
ALTER TABLE ingestion_source_setting ADD COLUMN time_zone TEXT;
ALTER TABLE ingestion_source_setting ADD COLUMN consent TEXT;

-- In which hours a source was heard; hour: Unix ms / 3,600,000. Tells a silence from a usual one.
CREATE TABLE ingestion_source_hour (
    source_id BIGINT NOT NULL,
    hour      BIGINT NOT NULL,
    stored    BIGINT NOT NULL,
    PRIMARY KEY (source_id, hour)
) /* clustered */;
