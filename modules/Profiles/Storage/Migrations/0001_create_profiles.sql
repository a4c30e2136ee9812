-- One row per identifier: a node of the identity graph. Born when first named, moved by nothing but canonical_id.
CREATE TABLE profiles_profile (
    id              BIGINT NOT NULL PRIMARY KEY,
    type            TEXT   NOT NULL,
    value           TEXT   NOT NULL,
    canonical_id    BIGINT NOT NULL,
    first_seen_at   BIGINT NOT NULL,
    source_id       BIGINT NOT NULL,
    -- Links to identifiers of a known kind and to anonymous ids, whatever their state: what the size alarm looks at.
    named_links     BIGINT NOT NULL,
    anonymous_links BIGINT NOT NULL
);

-- By value first, so that a search for the beginning of any identifier is one range.
CREATE UNIQUE INDEX profiles_profile_identifier ON profiles_profile (value, type);
CREATE INDEX profiles_profile_canonical ON profiles_profile (canonical_id);
CREATE INDEX profiles_profile_known ON profiles_profile (canonical_id) WHERE type <> 'anonymous_id';

-- Evidence that two profiles are one person. state: 1 active, 2 refused, 3 cut. decision: 0 none, 1 cut, 2 joined by a person.
CREATE TABLE profiles_link (
    low          BIGINT NOT NULL,
    high         BIGINT NOT NULL,
    state        BIGINT NOT NULL,
    reason       TEXT,
    rule         TEXT   NOT NULL,
    evidence_seq BIGINT NOT NULL,
    evidence_at  BIGINT NOT NULL,
    source_id    BIGINT NOT NULL,
    decision     BIGINT NOT NULL,
    actor        TEXT,
    decided_at   BIGINT,
    PRIMARY KEY (low, high)
) /* clustered */;

CREATE INDEX profiles_link_high ON profiles_link (high);
CREATE INDEX profiles_link_refused ON profiles_link (evidence_seq) WHERE state = 2;

-- What one source says of one profile: {"trait": {"v": value, "t": Unix ms}}.
CREATE TABLE profiles_source_record (
    profile_id BIGINT NOT NULL,
    source_id  BIGINT NOT NULL,
    traits     TEXT   NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (profile_id, source_id)
) /* clustered */;

-- What we believe of a person, by canonical profile; no row when nothing is known.
CREATE TABLE profiles_golden (
    profile_id BIGINT NOT NULL PRIMARY KEY,
    traits     TEXT   NOT NULL
);

-- Words of the names in the source records of a profile.
CREATE TABLE profiles_token (
    token      TEXT   NOT NULL,
    profile_id BIGINT NOT NULL,
    PRIMARY KEY (token, profile_id)
) /* clustered */;

-- The profile-change log. kind: 1 event resolved, 2 traits changed, 3 canonical changed.
CREATE TABLE profiles_change (
    seq          BIGINT NOT NULL PRIMARY KEY,
    kind         BIGINT NOT NULL,
    profile_id   BIGINT NOT NULL,
    occurred_at  BIGINT NOT NULL,
    event_seq    BIGINT,
    flags        BIGINT NOT NULL,
    canonical_id BIGINT
);

CREATE INDEX profiles_change_timeline ON profiles_change (profile_id, occurred_at, event_seq) WHERE kind = 1;
CREATE INDEX profiles_change_consent ON profiles_change (seq) WHERE kind = 1 AND (flags & 2) <> 0;

-- One row: figures kept with every change, and the version of the graph that a person's decision moves on.
CREATE TABLE profiles_state (
    version       BIGINT NOT NULL,
    known         BIGINT NOT NULL,
    anonymous     BIGINT NOT NULL,
    active_links  BIGINT NOT NULL,
    refused_links BIGINT NOT NULL
);

INSERT INTO profiles_state (version, known, anonymous, active_links, refused_links) VALUES (1, 0, 0, 0, 0);
