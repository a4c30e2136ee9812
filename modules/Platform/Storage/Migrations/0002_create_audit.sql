-- Who did what, append-only. Each row's hash covers the row and the hash before it.
CREATE TABLE platform_audit (
    seq     BIGINT NOT NULL PRIMARY KEY,
    at      BIGINT NOT NULL,
    user_id BIGINT,
    actor   TEXT   NOT NULL,
    action  TEXT   NOT NULL,
    subject TEXT   NOT NULL,
    details TEXT,
    hash    TEXT   NOT NULL
);
