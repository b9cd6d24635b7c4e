-- What a reporter was asked to complete: of which submission, when and by whom; the letter, or none where a code was read out.
CREATE TABLE intake_missing (
  id {id},
  report {int} NOT NULL REFERENCES object (id),
  number {int} NOT NULL,
  message {text} NOT NULL DEFAULT '',
  at {time} NOT NULL,
  asked_by {int} NOT NULL DEFAULT 0
);
CREATE INDEX intake_missing_report ON intake_missing (report, number, id);

-- Answers that came by a link which travelled in clear mail: a person files them, or sets them aside.
CREATE TABLE intake_offered (
  message {text} NOT NULL PRIMARY KEY,
  report {int} NOT NULL REFERENCES object (id),
  number {int} NOT NULL,
  at {time} NOT NULL,
  body {blob} NOT NULL,
  settled_at {time}
);
CREATE INDEX intake_offered_report ON intake_offered (report, at);
