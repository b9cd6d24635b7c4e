-- What reports are alike by: keyed hashes of their links, files and texts, and the report that had it first. The upper bits of a token are
-- the month, so that new ones are written beside each other and old ones go together.
CREATE TABLE intake_trait (
  token {int} NOT NULL PRIMARY KEY,
  report {int} NOT NULL,
  founds {bool} NOT NULL
);
-- Fold is the report under which this one is folded in the queue, and why: they have that trait in common.
ALTER TABLE intake_report ADD COLUMN fold {int} NOT NULL DEFAULT 0;
ALTER TABLE intake_report ADD COLUMN fold_why {int} NOT NULL DEFAULT 0;
CREATE INDEX intake_report_fold ON intake_report (fold, queue, queue_at, id) WHERE fold <> 0;
