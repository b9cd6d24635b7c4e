-- One act over many reports, done in small transactions by a job. Body is sealed under the key of the lead, one of the reports.
CREATE TABLE intake_run (
  id {id},
  uid {text} NOT NULL UNIQUE,
  lead {int} NOT NULL REFERENCES object (id),
  action {text} NOT NULL,
  state {text} NOT NULL,
  account {int} NOT NULL,
  lang {text} NOT NULL,
  incident {int} NOT NULL DEFAULT 0,
  mass {int} NOT NULL DEFAULT 0,
  started_at {time} NOT NULL,
  ended_at {time},
  body {blob} NOT NULL
);
CREATE INDEX intake_run_open ON intake_run (id) WHERE ended_at IS NULL;
-- What became of each: 0 waits, 1 was done, 2 was left for the reason, 3 was taken back.
CREATE TABLE intake_run_item (
  run {int} NOT NULL REFERENCES intake_run (id),
  place {int} NOT NULL,
  report {int} NOT NULL,
  state {int} NOT NULL DEFAULT 0,
  reason {text} NOT NULL DEFAULT '',
  message {text} NOT NULL DEFAULT '',
  PRIMARY KEY (run, place)
);
CREATE INDEX intake_run_item_report ON intake_run_item (report);
CREATE INDEX intake_run_item_state ON intake_run_item (run, state, place);
