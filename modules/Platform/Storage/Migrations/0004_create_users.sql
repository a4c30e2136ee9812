-- Who may sign in. password_hash is null until the invitation has been used.
CREATE TABLE platform_user (
    id               BIGINT NOT NULL PRIMARY KEY,
    email            TEXT   NOT NULL,
    normalized_email TEXT   NOT NULL UNIQUE,
    role             TEXT   NOT NULL,
    password_hash    TEXT,
    security_stamp   TEXT   NOT NULL,
    disabled         BIGINT NOT NULL,
    failed_count     BIGINT NOT NULL,
    lockouts         BIGINT NOT NULL,
    locked_until     BIGINT,
    created_at       BIGINT NOT NULL,
    last_sign_in_at  BIGINT
);

-- Links that work once: setup, invitation, reset. Only the SHA-256 of the token is kept.
CREATE TABLE platform_user_link (
    hash       TEXT   NOT NULL PRIMARY KEY,
    kind       TEXT   NOT NULL,
    user_id    BIGINT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX platform_user_link_by_user ON platform_user_link (user_id);
