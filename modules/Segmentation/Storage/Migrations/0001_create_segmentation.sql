CREATE TABLE segmentation_segment (
    id           BIGINT NOT NULL PRIMARY KEY,
    name         TEXT   NOT NULL,
    name_key     TEXT   NOT NULL UNIQUE,
    description  TEXT   NOT NULL,
    version      BIGINT NOT NULL,
    rule         TEXT   NOT NULL,
    size         BIGINT,
    evaluated_at BIGINT,
    created_at   BIGINT NOT NULL
);

-- Every version that a segment's rule ever had, for what the membership log names.
CREATE TABLE segmentation_rule (
    segment_id BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    rule       TEXT   NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by TEXT   NOT NULL,
    PRIMARY KEY (segment_id, version)
);

-- Who is in a segment now, by canonical profile.
CREATE TABLE segmentation_member (
    segment_id BIGINT NOT NULL,
    profile_id BIGINT NOT NULL,
    since      BIGINT NOT NULL,
    PRIMARY KEY (segment_id, profile_id)
);

CREATE INDEX segmentation_member_person ON segmentation_member (profile_id);

-- The membership-change log: who entered (1) or left (0) when, by which version of the rule.
CREATE TABLE segmentation_change (
    seq        BIGINT NOT NULL PRIMARY KEY,
    segment_id BIGINT NOT NULL,
    profile_id BIGINT NOT NULL,
    entered    BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    version    BIGINT NOT NULL
);

CREATE INDEX segmentation_change_segment ON segmentation_change (segment_id, at, seq);
