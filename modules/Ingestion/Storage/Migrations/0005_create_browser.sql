-- How the first-party script of a source behaves; a source without a row has the defaults.
CREATE TABLE ingestion_browser (
    source_id      BIGINT NOT NULL PRIMARY KEY,
    awaits_consent BIGINT NOT NULL,
    purpose        TEXT   NOT NULL,
    page_views     BIGINT NOT NULL,
    heeds_gpc      BIGINT NOT NULL
);
