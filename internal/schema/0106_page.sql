CREATE INDEX incident_opened ON incident_incident (opened_at, id);
CREATE INDEX incident_closed ON incident_incident (closed_at, id) WHERE closed_at IS NOT NULL;

-- By which ways somebody is paged besides mail. Address and secret are sealed by the house.
CREATE TABLE duty_way (
  id {id},
  uid {text} NOT NULL UNIQUE,
  account {int} NOT NULL,
  kind {text} NOT NULL,
  made_at {time} NOT NULL,
  removed_at {time},
  body {blob} NOT NULL
);
CREATE INDEX duty_way_account ON duty_way (account, id);

-- A page: why, about what number, and whether somebody answered. It holds no word of a case.
CREATE TABLE duty_page (
  id {id},
  uid {text} NOT NULL UNIQUE,
  key {text} NOT NULL UNIQUE,
  reason {text} NOT NULL,
  number {text} NOT NULL DEFAULT '',
  object {int} NOT NULL DEFAULT 0,
  only_for {int} NOT NULL DEFAULT 0,
  state {text} NOT NULL,
  step {int} NOT NULL DEFAULT 0,
  next_at {time},
  made_at {time} NOT NULL,
  answered_at {time},
  answered_by {int} NOT NULL DEFAULT 0
);
CREATE INDEX duty_page_next ON duty_page (next_at, id) WHERE state = 'open';
CREATE INDEX duty_page_made ON duty_page (made_at, id);

-- One message of a page to one person by one way, and what came back.
CREATE TABLE duty_try (
  id {id},
  page {int} NOT NULL REFERENCES duty_page (id),
  step {int} NOT NULL,
  account {int} NOT NULL,
  way {int} NOT NULL DEFAULT 0,
  kind {text} NOT NULL,
  state {text} NOT NULL,
  tries {int} NOT NULL DEFAULT 0,
  answer {text} NOT NULL DEFAULT '',
  made_at {time} NOT NULL,
  done_at {time}
);
CREATE INDEX duty_try_page ON duty_try (page, id);
