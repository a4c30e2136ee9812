-- cron is null while the job's own default holds; next_run_at is null while the job is off.
CREATE TABLE platform_job (
    name        TEXT   NOT NULL PRIMARY KEY,
    cron        TEXT,
    enabled     BIGINT NOT NULL,
    next_run_at BIGINT
);

-- cause: schedule, hand, missed, interrupted. outcome: running, succeeded, failed, missed, interrupted.
CREATE TABLE platform_job_run (
    id            BIGINT NOT NULL PRIMARY KEY,
    job           TEXT   NOT NULL,
    cause         TEXT   NOT NULL,
    scheduled_for BIGINT NOT NULL,
    started_at    BIGINT,
    ended_at      BIGINT,
    outcome       TEXT   NOT NULL,
    message       TEXT,
    percent       BIGINT NOT NULL,
    progress      TEXT
);

CREATE INDEX platform_job_run_by_job ON platform_job_run (job, id);
