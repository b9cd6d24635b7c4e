-- Sets of typed questions, each version as it was used. Body (title and questions in five languages) is sealed by the house.
CREATE TABLE coordination_question_set (
  code {text} NOT NULL,
  version {int} NOT NULL,
  made_by {int} NOT NULL,
  made_at {time} NOT NULL,
  used_at {time},
  retired_at {time},
  body {blob} NOT NULL,
  PRIMARY KEY (code, version)
);

ALTER TABLE coordination_request ADD COLUMN question_set {text} NOT NULL DEFAULT '';
ALTER TABLE coordination_request ADD COLUMN question_version {int} NOT NULL DEFAULT 0;

-- What a party answered to typed questions, each time; the latest of a request counts. Body is sealed under the party's key.
CREATE TABLE coordination_reply (
  id {id},
  request {int} NOT NULL REFERENCES coordination_request (id),
  subject {int} NOT NULL,
  at {time} NOT NULL,
  road {text} NOT NULL,
  account {int} NOT NULL DEFAULT 0,
  latest {bool} NOT NULL,
  body {blob} NOT NULL
);
CREATE INDEX coordination_reply_request ON coordination_reply (request, id);
CREATE INDEX coordination_reply_latest ON coordination_reply (subject, request) WHERE latest = TRUE;

-- A link by which a letter is answered without an account: the hash of its code, the public key that the code makes, and the letter it belongs to.
-- Entire says that its code never travelled in clear mail.
CREATE TABLE coordination_link (
  hash {blob} NOT NULL PRIMARY KEY,
  public_key {blob} NOT NULL,
  message {int} NOT NULL,
  party {int} NOT NULL REFERENCES coordination_party (id),
  subject {int} NOT NULL,
  entire {bool} NOT NULL,
  made_at {time} NOT NULL,
  ended_at {time}
);
CREATE INDEX coordination_link_message ON coordination_link (message);
CREATE INDEX coordination_link_subject ON coordination_link (subject);

-- What such a link shows, sealed to its code; no row once the link has ended. The public process reads this table and nothing else of it.
CREATE TABLE coordination_shown (
  hash {blob} NOT NULL PRIMARY KEY,
  sealed {blob} NOT NULL,
  shown_at {time} NOT NULL
);
