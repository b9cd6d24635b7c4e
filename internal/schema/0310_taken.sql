-- A case that another team handed to us and that we took over: the document by which it is the same, the party that the team is, and what it calls it.
CREATE TABLE coordination_taken (
  hash {blob} NOT NULL PRIMARY KEY,
  party {int} NOT NULL REFERENCES object (id),
  subject {int} NOT NULL,
  taken_at {time} NOT NULL,
  taken_by {int} NOT NULL,
  body {blob} NOT NULL
);
CREATE INDEX coordination_taken_subject ON coordination_taken (subject);
