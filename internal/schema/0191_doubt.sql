-- Somebody said that what we wrote about is not theirs: what our register says of an organisation is in doubt until a person has looked. The words
-- stand in the message; about is the party whose message it is.
CREATE TABLE constituency_doubt (
  id {id},
  uid {text} NOT NULL UNIQUE,
  organisation {int} NOT NULL REFERENCES object (id),
  about {int} NOT NULL,
  raised_at {time} NOT NULL,
  road {text} NOT NULL,
  settled_at {time},
  settled_by {int} NOT NULL DEFAULT 0,
  outcome {text} NOT NULL DEFAULT '',
  note {text} NOT NULL DEFAULT ''
);
CREATE INDEX constituency_doubt_organisation ON constituency_doubt (organisation, id);
CREATE INDEX constituency_doubt_open ON constituency_doubt (id) WHERE settled_at IS NULL;
