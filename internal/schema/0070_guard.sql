-- What was sealed together is opened together: the object whose seal it is, and whose grants count.
ALTER TABLE object ADD COLUMN sealed_under {int} NOT NULL DEFAULT 0;
CREATE INDEX object_sealed_under ON object (sealed_under) WHERE sealed_under <> 0;

-- Acts that somebody else must look at afterwards. The note is sealed by the house.
CREATE TABLE alarm_alarm (
  id {id},
  uid {text} NOT NULL UNIQUE,
  kind {text} NOT NULL,
  at {time} NOT NULL,
  account {int} NOT NULL,
  object {int} NOT NULL DEFAULT 0,
  object_kind {int} NOT NULL DEFAULT 0,
  named {text} NOT NULL DEFAULT '',
  owner {int} NOT NULL DEFAULT 0,
  many {int} NOT NULL DEFAULT 0,
  reviewed_by {int} NOT NULL DEFAULT 0,
  reviewed_at {time},
  body {blob} NOT NULL
);
CREATE INDEX alarm_alarm_open ON alarm_alarm (id) WHERE reviewed_at IS NULL;
CREATE INDEX alarm_alarm_owner ON alarm_alarm (owner, id) WHERE owner <> 0;

-- Letters to many readers that a second person must release. They are messages in state waiting until then.
CREATE TABLE correspondence_mass (
  id {id},
  uid {text} NOT NULL UNIQUE,
  subject {int} NOT NULL,
  subject_kind {int} NOT NULL,
  asked_by {int} NOT NULL,
  asked_at {time} NOT NULL,
  readers {int} NOT NULL,
  tlp {int} NOT NULL,
  hash {blob} NOT NULL,
  state {text} NOT NULL,
  decided_by {int} NOT NULL DEFAULT 0,
  decided_at {time}
);
CREATE INDEX correspondence_mass_waiting ON correspondence_mass (id) WHERE state = 'waiting';
ALTER TABLE correspondence_message ADD COLUMN mass {int} NOT NULL DEFAULT 0;
CREATE INDEX correspondence_message_mass ON correspondence_message (mass, id) WHERE mass <> 0;
CREATE INDEX correspondence_message_author ON correspondence_message (at) WHERE author <> 0;
