-- Mails that are to go out, a row for each reader. The address is the user's at the time of sending and stands nowhere here.
-- A row is gone once the mail server has taken the mail, or after days of trying.
CREATE TABLE platform_mail (
    id           BIGINT NOT NULL PRIMARY KEY,
    user_id      BIGINT NOT NULL,
    subject      TEXT   NOT NULL,
    body         TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    tries        BIGINT NOT NULL,
    next_try_at  BIGINT NOT NULL,
    error        TEXT
);
