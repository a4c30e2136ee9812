CREATE TABLE platform_log (
    name     TEXT   NOT NULL PRIMARY KEY,
    next_seq BIGINT NOT NULL
);

-- How far each stage has come: every entry up to and including seq has taken effect.
CREATE TABLE platform_cursor (
    stage      TEXT   NOT NULL PRIMARY KEY,
    seq        BIGINT NOT NULL,
    moved_at   BIGINT NOT NULL
);

-- Entries that a stage could not process, kept until they are replayed or dismissed.
CREATE TABLE platform_quarantine (
    stage     TEXT   NOT NULL,
    seq       BIGINT NOT NULL,
    error     TEXT   NOT NULL,
    tries     BIGINT NOT NULL,
    put_at    BIGINT NOT NULL,
    PRIMARY KEY (stage, seq)
);
