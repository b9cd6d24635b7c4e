CREATE TABLE draft_text (
  account {int} NOT NULL,
  kind {int} NOT NULL,
  object {int} NOT NULL,
  field {text} NOT NULL,
  sealed {blob} NOT NULL,
  saved_at {time} NOT NULL,
  PRIMARY KEY (account, kind, object, field)
);
