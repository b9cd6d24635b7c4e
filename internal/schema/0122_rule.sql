-- Rules for routine mail, in their order. Body is sealed by the house: name, conditions, acts.
CREATE TABLE intake_rule (
  id {id},
  uid {text} NOT NULL UNIQUE,
  place {int} NOT NULL,
  active {bool} NOT NULL,
  made_by {int} NOT NULL,
  made_at {time} NOT NULL,
  changed_by {int} NOT NULL,
  changed_at {time} NOT NULL,
  hits {int} NOT NULL DEFAULT 0,
  hit_at {time},
  problem {text} NOT NULL DEFAULT '',
  problem_at {time},
  body {blob} NOT NULL
);
