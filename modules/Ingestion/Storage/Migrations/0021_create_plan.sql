-- The tracking plan: one row, a JSON object. No row: no plan.
CREATE TABLE ingestion_plan (
    id         BIGINT NOT NULL PRIMARY KEY,
    plan       TEXT   NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by TEXT   NOT NULL
);

-- How calls strayed from the plan. slot: Unix ms / 600,000, ten minutes. member empty: the event itself.
CREATE TABLE ingestion_violation (
    call_type BIGINT NOT NULL,
    event     TEXT   NOT NULL,
    member    TEXT   NOT NULL,
    kind      TEXT   NOT NULL,
    slot      BIGINT NOT NULL,
    seen      BIGINT NOT NULL,
    source_id BIGINT NOT NULL,
    action    TEXT   NOT NULL,
    sample    TEXT,
    PRIMARY KEY (call_type, event, member, kind, slot)
);

CREATE INDEX ingestion_violation_slot ON ingestion_violation (slot);
