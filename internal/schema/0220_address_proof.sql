-- The codes by which reporters prove that a mail address is theirs: one at a time for each report, as a keyed hash.
CREATE TABLE intake_address (
  report {int} PRIMARY KEY REFERENCES object (id),
  code {blob},
  asked_at {time} NOT NULL,
  asked {int} NOT NULL,
  tries {int} NOT NULL DEFAULT 0
);
ALTER TABLE intake_report ADD COLUMN address_proved_at {time};
