-- Telephone numbers of contacts: which reaches them when their own systems are down, and who checked it, when and how.
CREATE TABLE constituency_number (
  id {id},
  uid {text} NOT NULL UNIQUE,
  contact {int} NOT NULL REFERENCES constituency_contact (id),
  number {text} NOT NULL,
  folded {text} NOT NULL,
  note {text} NOT NULL DEFAULT '',
  outside {bool} NOT NULL DEFAULT FALSE,
  verified_at {time},
  verified_by {int} NOT NULL DEFAULT 0,
  verified_how {text} NOT NULL DEFAULT '',
  retired_at {time}
);
CREATE INDEX constituency_number_contact ON constituency_number (contact);
CREATE INDEX constituency_number_folded ON constituency_number (folded) WHERE retired_at IS NULL;
INSERT INTO constituency_number (uid, contact, number, folded)
  SELECT 'n' || k.uid, k.id, k.phone,
    LTRIM(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(k.phone, ' ', ''), '-', ''), '.', ''), '/', ''), '(', ''), ')', ''), '+', ''), '0')
  FROM constituency_contact k WHERE k.phone <> '' AND k.retired_at IS NULL;

-- A report that was told on the telephone: when the call was, when it was noted, and whether somebody finished the note.
CREATE TABLE intake_call (
  report {int} NOT NULL PRIMARY KEY REFERENCES object (id),
  called_at {time} NOT NULL,
  noted_at {time} NOT NULL,
  noted_by {int} NOT NULL,
  offline {text} NOT NULL DEFAULT '',
  finished_at {time},
  finished_by {int} NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX intake_call_offline ON intake_call (offline) WHERE offline <> '';
CREATE INDEX intake_call_noted ON intake_call (noted_at);

-- We called back. What was said is sealed under the report's key.
CREATE TABLE intake_callback (
  id {id},
  uid {text} NOT NULL UNIQUE,
  report {int} NOT NULL REFERENCES object (id),
  number {int} NOT NULL REFERENCES constituency_number (id),
  verified {bool} NOT NULL,
  outcome {text} NOT NULL,
  called_at {time} NOT NULL,
  called_by {int} NOT NULL,
  note {blob}
);
CREATE INDEX intake_callback_report ON intake_callback (report, id);
