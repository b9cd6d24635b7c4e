-- Large files on their way in, in parts: sealed under a key of their own, which is sealed to the code of the form or report. When it is sent, the drop carries that key.
CREATE TABLE intake_upload (
  id {id},
  uid {text} NOT NULL,
  key {blob} NOT NULL,
  sealed {blob} NOT NULL,
  size {int} NOT NULL,
  got {int} NOT NULL DEFAULT 0,
  parts {int} NOT NULL DEFAULT 0,
  touched_at {time} NOT NULL,
  dropped_at {time}
);
CREATE UNIQUE INDEX intake_upload_uid ON intake_upload (uid);
CREATE INDEX intake_upload_key ON intake_upload (key, id);
CREATE INDEX intake_upload_touched ON intake_upload (touched_at, got);
CREATE TABLE intake_upload_part (
  upload {text} NOT NULL,
  seq {int} NOT NULL,
  size {int} NOT NULL,
  sealed {blob} NOT NULL,
  PRIMARY KEY (upload, seq)
);
