-- What a law asks of one affected organisation in one report. No state is stored: it follows from facts and submissions.
CREATE TABLE intake_obligation (
  id {int} NOT NULL PRIMARY KEY REFERENCES object (id),
  report {int} NOT NULL REFERENCES object (id),
  rule_set {text} NOT NULL,
  rule_version {int} NOT NULL,
  organisation {int} NOT NULL DEFAULT 0,
  class {text} NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX intake_obligation_report ON intake_obligation (report, rule_set, organisation);

-- A stage as it was handed in. Never updated; its answers are sealed under the report's key.
CREATE TABLE intake_submission (
  id {id},
  uid {text} NOT NULL,
  report {int} NOT NULL REFERENCES object (id),
  number {int} NOT NULL,
  rule_set {text} NOT NULL,
  rule_version {int} NOT NULL,
  stage {text} NOT NULL,
  told_at {time} NOT NULL,
  filed_at {time} NOT NULL,
  filed_by {int} NOT NULL DEFAULT 0,
  channel {text} NOT NULL,
  message {text} NOT NULL DEFAULT '',
  corrects {int} NOT NULL DEFAULT 0,
  sum {blob} NOT NULL,
  body {blob} NOT NULL
);
CREATE UNIQUE INDEX intake_submission_uid ON intake_submission (uid);
CREATE UNIQUE INDEX intake_submission_report ON intake_submission (report, number);
CREATE TABLE intake_submitted (
  submission {int} NOT NULL,
  obligation {int} NOT NULL REFERENCES object (id),
  PRIMARY KEY (submission, obligation)
);
CREATE INDEX intake_submitted_obligation ON intake_submitted (obligation, submission);

-- What happened: moments, our requests, waivers, what was passed on. A later word ends an earlier one.
CREATE TABLE intake_fact (
  id {id},
  uid {text} NOT NULL,
  obligation {int} NOT NULL REFERENCES object (id),
  kind {text} NOT NULL,
  code {text} NOT NULL,
  at {time} NOT NULL,
  due_at {time},
  said_at {time} NOT NULL,
  said_by {int} NOT NULL DEFAULT 0,
  submission {int} NOT NULL DEFAULT 0,
  ended_at {time},
  note {blob}
);
CREATE UNIQUE INDEX intake_fact_uid ON intake_fact (uid);
CREATE INDEX intake_fact_obligation ON intake_fact (obligation, id);

-- Which rule set a clock follows, the object that the clock's object belongs to, and the legal limit where it lies after the due time.
ALTER TABLE deadline_clock ADD COLUMN rule_set {text} NOT NULL DEFAULT '';
ALTER TABLE deadline_clock ADD COLUMN whole {int} NOT NULL DEFAULT 0;
ALTER TABLE deadline_clock ADD COLUMN limit_at {time};
CREATE INDEX deadline_clock_whole ON deadline_clock (whole, due_at) WHERE whole <> 0;
