-- Who does the work that only one process may do, where several share the database. token grows with every holder; what is
-- written under an older one is refused. beat grows while the holder lives. holder is empty when the lease was given back.
CREATE TABLE platform_lease (
    name   TEXT   NOT NULL PRIMARY KEY,
    holder TEXT   NOT NULL,
    token  BIGINT NOT NULL,
    beat   BIGINT NOT NULL
);
