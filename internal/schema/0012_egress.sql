-- One row for each rendition that may leave once: what (its hash), to whom (keyed hash), by which way, and when it did.
CREATE TABLE egress_pass (
  id {id},
  object {int} NOT NULL REFERENCES object (id),
  channel {int} NOT NULL,
  road {int} NOT NULL,
  reader {blob} NOT NULL,
  rendition {blob} NOT NULL,
  made_at {time} NOT NULL,
  used_at {time}
);
CREATE INDEX egress_pass_object ON egress_pass (object);
