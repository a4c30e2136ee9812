-- Events by the hour in which they were received and their source. imported: of those, what files brought.
CREATE TABLE insights_hour (
    hour      BIGINT NOT NULL,
    source_id BIGINT NOT NULL,
    events    BIGINT NOT NULL,
    imported  BIGINT NOT NULL,
    PRIMARY KEY (hour, source_id)
);

-- How many people a segment had after the last change of a minute; older rows are thinned to the last of an hour.
CREATE TABLE insights_segment_size (
    segment_id BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    size       BIGINT NOT NULL,
    PRIMARY KEY (segment_id, at)
);

-- Samples; older ones are thinned to the last of an hour.
CREATE TABLE insights_people (
    at        BIGINT NOT NULL PRIMARY KEY,
    known     BIGINT NOT NULL,
    anonymous BIGINT NOT NULL,
    merges    BIGINT NOT NULL
);
