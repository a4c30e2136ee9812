CREATE TABLE activation_destination (
    id          BIGINT NOT NULL PRIMARY KEY,
    kind        TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    settings    TEXT   NOT NULL,
    active      BIGINT NOT NULL,
    stop_code   TEXT,
    stop_status BIGINT,
    stopped_at  BIGINT,
    created_at  BIGINT NOT NULL
);

CREATE UNIQUE INDEX activation_destination_name ON activation_destination (LOWER(name));

-- reconcile_after: members up to this profile are compared with what the destination was told; null when all are.
CREATE TABLE activation_sync (
    id              BIGINT NOT NULL PRIMARY KEY,
    name            TEXT   NOT NULL,
    segment_id      BIGINT NOT NULL,
    destination_id  BIGINT NOT NULL REFERENCES activation_destination (id),
    purpose         TEXT   NOT NULL,
    channel         TEXT   NOT NULL,
    mapping         TEXT   NOT NULL,
    active          BIGINT NOT NULL,
    reconcile_after BIGINT,
    created_at      BIGINT NOT NULL,
    started_at      BIGINT
);

CREATE UNIQUE INDEX activation_sync_name ON activation_sync (LOWER(name));

-- The outbox and the delivery log in one: a row is one change of one person on its way to one destination.
CREATE TABLE activation_delivery (
    id           BIGINT NOT NULL PRIMARY KEY,
    sync_id      BIGINT NOT NULL REFERENCES activation_sync (id),
    profile_id   BIGINT NOT NULL,
    change       BIGINT NOT NULL,
    cause        BIGINT NOT NULL,
    change_seq   BIGINT,
    state        BIGINT NOT NULL,
    tries        BIGINT NOT NULL,
    next_try_at  BIGINT NOT NULL,
    first_try_at BIGINT,
    message_id   TEXT   NOT NULL,
    consent_seq  BIGINT,
    reason       TEXT,
    http_status  BIGINT,
    export_id    BIGINT,
    changed_at   BIGINT NOT NULL,
    ended_at     BIGINT
);

CREATE UNIQUE INDEX activation_delivery_change ON activation_delivery (sync_id, change_seq);
CREATE INDEX activation_delivery_person ON activation_delivery (sync_id, profile_id, id);
CREATE INDEX activation_delivery_due ON activation_delivery (sync_id, next_try_at, id) WHERE state = 1;
CREATE INDEX activation_delivery_state ON activation_delivery (sync_id, state, id);
CREATE INDEX activation_delivery_ended ON activation_delivery (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX activation_delivery_export ON activation_delivery (export_id, id) WHERE export_id IS NOT NULL;

CREATE TABLE activation_export (
    id         BIGINT NOT NULL PRIMARY KEY,
    sync_id    BIGINT NOT NULL REFERENCES activation_sync (id),
    file_name  TEXT   NOT NULL,
    ready      BIGINT NOT NULL,
    row_count  BIGINT NOT NULL,
    size_bytes BIGINT NOT NULL,
    begun_at   BIGINT NOT NULL,
    ready_at   BIGINT
);

CREATE INDEX activation_export_sync ON activation_export (sync_id, id);
