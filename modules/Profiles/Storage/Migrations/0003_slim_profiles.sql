-- A person's other profiles, and people whose own profile is of a known kind: fewer entries than one for each profile in both.
DROP INDEX profiles_profile_canonical;
DROP INDEX profiles_profile_known;
CREATE INDEX profiles_profile_member ON profiles_profile (canonical_id) WHERE canonical_id <> id;
CREATE INDEX profiles_profile_known ON profiles_profile (id) WHERE canonical_id = id AND type <> 'anonymous_id';

-- Changes of profiles_token that wait to be written in a sorted run, by batch: lines of + or -, the word, a tab, the profile.
CREATE TABLE profiles_token_due (
    id    BIGINT NOT NULL PRIMARY KEY,
    words TEXT   NOT NULL
);
