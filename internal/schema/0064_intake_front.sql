-- What the public pages took, by the form it came in: the same form sent again is taken once and answered alike. Key and sum are made with
-- the code of the form, which nobody stores.
CREATE TABLE intake_taken (
  key {blob} NOT NULL PRIMARY KEY,
  sum {blob} NOT NULL,
  reference {text} NOT NULL DEFAULT '',
  files {int} NOT NULL DEFAULT 0,
  taken_at {time} NOT NULL
);
CREATE INDEX intake_taken_at ON intake_taken (taken_at);

-- Files of a form that was shown again, sealed with its code, until it is sent or a day has passed.
CREATE TABLE intake_kept (
  uid {text} NOT NULL PRIMARY KEY,
  key {blob} NOT NULL,
  place {int} NOT NULL,
  sealed {blob} NOT NULL,
  size {int} NOT NULL,
  kept_at {time} NOT NULL
);
CREATE INDEX intake_kept_key ON intake_kept (key, place);
CREATE INDEX intake_kept_at ON intake_kept (kept_at, size);
