-- The signed receipt of each submission of a report (number 0: of a report that handed in no stage), sealed under the report's key. It waits until it is made.
CREATE TABLE intake_sheet (
  id {id},
  report {int} NOT NULL REFERENCES object (id),
  number {int} NOT NULL,
  lang {text} NOT NULL,
  asked_at {time} NOT NULL,
  tries {int} NOT NULL DEFAULT 0,
  made_at {time},
  sum {blob},
  sealed {blob}
);
CREATE UNIQUE INDEX intake_sheet_of ON intake_sheet (report, number);
CREATE INDEX intake_sheet_waits ON intake_sheet (id) WHERE made_at IS NULL AND tries < 8;

-- The same, sealed to a code that never travelled in clear mail: what the public pages can show.
CREATE TABLE intake_sheet_shown (
  hash {blob} NOT NULL,
  number {int} NOT NULL,
  sealed {blob} NOT NULL,
  PRIMARY KEY (hash, number)
);
