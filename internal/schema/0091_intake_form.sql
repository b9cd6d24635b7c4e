-- Forms that were begun and not sent, sealed to the code that the reporter holds: nobody here can read them.
CREATE TABLE intake_draft (
  key {blob} NOT NULL PRIMARY KEY,
  sealed {blob} NOT NULL,
  size {int} NOT NULL,
  saved_at {time} NOT NULL
);
CREATE INDEX intake_draft_saved ON intake_draft (saved_at);

-- Who reports for somebody else: 0 nobody, 1 until the entity confirms it, 2 confirmed.
ALTER TABLE intake_report ADD COLUMN behalf {int} NOT NULL DEFAULT 0;
