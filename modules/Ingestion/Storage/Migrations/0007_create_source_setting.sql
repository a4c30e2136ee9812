-- What administrators set of a source; none: the defaults.
CREATE TABLE ingestion_source_setting (
    source_id BIGINT NOT NULL PRIMARY KEY,
    country   TEXT,
    rate      BIGINT,
    keeps_ip  BIGINT NOT NULL,
    origins   TEXT   NOT NULL
);
