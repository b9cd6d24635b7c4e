-- A writing of the bundle for when we are down: where, when, and what came of it.
CREATE TABLE duty_bundle (
  id {id},
  uid {text} NOT NULL UNIQUE,
  place {text} NOT NULL,
  name {text} NOT NULL DEFAULT '',
  made_at {time} NOT NULL,
  made_by {int} NOT NULL DEFAULT 0,
  size {int} NOT NULL DEFAULT 0,
  sum {blob},
  problem {text} NOT NULL DEFAULT ''
);
CREATE INDEX duty_bundle_made ON duty_bundle (made_at, id);
