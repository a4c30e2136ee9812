CREATE TABLE consent_purpose (
    key         TEXT   NOT NULL PRIMARY KEY,
    name        TEXT   NOT NULL,
    description TEXT   NOT NULL,
    seen        BIGINT NOT NULL,
    created_at  BIGINT NOT NULL
);

-- Who decided what, and how we know. Rows are only ever added.
CREATE TABLE consent_ledger (
    seq         BIGINT NOT NULL PRIMARY KEY,
    profile_id  BIGINT NOT NULL,
    purpose     TEXT   NOT NULL,
    channel     TEXT   NOT NULL,
    status      BIGINT NOT NULL,
    occurred_at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    evidence    TEXT   NOT NULL,
    restated_by TEXT
);

CREATE INDEX consent_ledger_person ON consent_ledger (profile_id, purpose);

-- The latest state that each browser, app or server said about a profile: what tells a change from a repeat.
-- state: JSON object, purpose to [occurred_at, status, event seq, 1 when the ledger holds it].
CREATE TABLE consent_seen (
    profile_id  BIGINT NOT NULL,
    restated_by TEXT   NOT NULL,
    state       TEXT   NOT NULL,
    PRIMARY KEY (profile_id, restated_by)
);
