-- The hosted form of a source, as JSON; version goes up with each change.
CREATE TABLE ingestion_form (
    source_id  BIGINT NOT NULL PRIMARY KEY,
    version    BIGINT NOT NULL,
    definition TEXT   NOT NULL,
    changed_at BIGINT NOT NULL
);

-- Every wording of consent that a form ever showed; hash is what consent records name as their text version.
CREATE TABLE ingestion_form_text (
    hash     TEXT   NOT NULL PRIMARY KEY,
    wording  TEXT   NOT NULL,
    shown_at BIGINT NOT NULL
);

-- How often each answer that can be picked was given; question '' counts the forms sent.
CREATE TABLE ingestion_form_count (
    source_id BIGINT NOT NULL,
    question  TEXT   NOT NULL,
    answer    TEXT   NOT NULL,
    given     BIGINT NOT NULL,
    PRIMARY KEY (source_id, question, answer)
);
