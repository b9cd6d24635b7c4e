-- An incident, or a part of it, that was handed to another team by a letter with a document beside it. What was asked, with its clock, is the request.
CREATE TABLE coordination_handover (
  id {id},
  uid {text} NOT NULL UNIQUE,
  party {int} NOT NULL REFERENCES object (id),
  request {int} NOT NULL REFERENCES object (id),
  made_at {time} NOT NULL,
  made_by {int} NOT NULL,
  outcome {text} NOT NULL DEFAULT '',
  settled_at {time},
  settled_by {int} NOT NULL DEFAULT 0,
  body {blob} NOT NULL
);
CREATE INDEX coordination_handover_party ON coordination_handover (party, id);
