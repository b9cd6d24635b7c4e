-- Who is on duty: a rotation counts from its first day until a later one begins. People are those of the team, in their order.
CREATE TABLE duty_rotation (
  id {id},
  uid {text} NOT NULL UNIQUE,
  every {text} NOT NULL,
  first_day {text} NOT NULL,
  minute {int} NOT NULL,
  people {text} NOT NULL,
  made_at {time} NOT NULL,
  made_by {int} NOT NULL,
  removed_at {time}
);
CREATE INDEX duty_rotation_first ON duty_rotation (first_day, id);

-- Times that somebody takes over (kind 1) or cannot (kind 2).
CREATE TABLE duty_change (
  id {id},
  uid {text} NOT NULL UNIQUE,
  kind {int} NOT NULL,
  account {int} NOT NULL,
  starts_at {time} NOT NULL,
  ends_at {time} NOT NULL,
  made_at {time} NOT NULL,
  made_by {int} NOT NULL,
  removed_at {time}
);
CREATE INDEX duty_change_ends ON duty_change (ends_at, id);

-- What one shift leaves to the next. Its words are sealed by the house; nothing changes any more once somebody has signed.
CREATE TABLE duty_handover (
  id {id},
  uid {text} NOT NULL UNIQUE,
  outgoing {int} NOT NULL,
  incoming {int} NOT NULL,
  starts_at {time} NOT NULL,
  ends_at {time} NOT NULL,
  made_at {time} NOT NULL,
  version {int} NOT NULL DEFAULT 1,
  out_signed_at {time},
  in_signed_at {time},
  sum {blob},
  body {blob} NOT NULL
);
CREATE UNIQUE INDEX duty_handover_shift ON duty_handover (ends_at, outgoing);
