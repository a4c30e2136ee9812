-- What the values of a trait stand for: a JSON list of { value, written }.
CREATE TABLE profiles_value_table (
    trait      TEXT   NOT NULL PRIMARY KEY,
    entries    TEXT   NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by TEXT   NOT NULL
);

-- Traits whose table has changed: golden records up to this profile are by the table as it is now. No row: all are.
CREATE TABLE profiles_value_change (
    trait   TEXT   NOT NULL PRIMARY KEY,
    done_to BIGINT NOT NULL
);
