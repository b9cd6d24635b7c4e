-- What somebody told us. Plain columns hold codes, times, ids and keyed hashes; every word of the outside is in a sealed body.
CREATE TABLE intake_report (
  id {int} NOT NULL PRIMARY KEY REFERENCES object (id),
  reference {text} NOT NULL,
  channel {text} NOT NULL,
  lang {text} NOT NULL,
  state {text} NOT NULL,
  reason {text} NOT NULL DEFAULT '',
  received_at {time} NOT NULL,
  occurred_at {time},
  detected_at {time},
  aware_at {time},
  concluded_at {time},
  organisation {int} NOT NULL DEFAULT 0,
  contact {int} NOT NULL DEFAULT 0,
  thread {int} NOT NULL,
  proof {int} NOT NULL,
  seal {text} NOT NULL,
  receipt {text} NOT NULL,
  receipt_message {text} NOT NULL DEFAULT '',
  answer_came {bool} NOT NULL DEFAULT FALSE,
  unreadable {bool} NOT NULL DEFAULT FALSE,
  queue {int} NOT NULL,
  queue_at {time} NOT NULL,
  sender {blob},
  message {blob},
  words {blob},
  body {blob} NOT NULL,
  decision {blob}
);
CREATE UNIQUE INDEX intake_report_reference ON intake_report (reference);
CREATE UNIQUE INDEX intake_report_thread ON intake_report (thread);
CREATE INDEX intake_report_queue ON intake_report (queue, queue_at, id) WHERE queue <> 0;
CREATE INDEX intake_report_state ON intake_report (state, id);
CREATE INDEX intake_report_organisation ON intake_report (organisation, id) WHERE organisation <> 0;
CREATE INDEX intake_report_sender ON intake_report (sender, id) WHERE sender IS NOT NULL;
CREATE INDEX intake_report_message ON intake_report (message, id) WHERE message IS NOT NULL;
CREATE INDEX intake_report_words ON intake_report (words, id) WHERE words IS NOT NULL;

-- Which report tells of which incidents: never merged, only linked.
CREATE TABLE intake_link (
  report {int} NOT NULL REFERENCES intake_report (id),
  incident {int} NOT NULL REFERENCES object (id),
  linked_at {time} NOT NULL,
  linked_by {int} NOT NULL,
  PRIMARY KEY (report, incident)
);
CREATE INDEX intake_link_incident ON intake_link (incident, report);

-- Codes of status links, as hashes. Shown is the half that a page without keys may show: sealed to a key made from the code itself.
CREATE TABLE intake_code (
  hash {blob} NOT NULL PRIMARY KEY,
  report {int} NOT NULL,
  entire {bool} NOT NULL,
  public_key {blob} NOT NULL,
  made_at {time} NOT NULL,
  ends_at {time}
);
CREATE INDEX intake_code_report ON intake_code (report);
CREATE TABLE intake_shown (
  hash {blob} NOT NULL PRIMARY KEY,
  sealed {blob} NOT NULL,
  shown_at {time} NOT NULL,
  ends_at {time}
);

-- The write-only road of the public pages: what only the house can open. A reference is taken here before the report exists.
CREATE TABLE intake_reference (
  reference {text} NOT NULL PRIMARY KEY
);
CREATE TABLE intake_drop (
  id {id},
  uid {text} NOT NULL,
  sealed {blob} NOT NULL,
  dropped_at {time} NOT NULL,
  tries {int} NOT NULL DEFAULT 0,
  aside_at {time}
);
CREATE UNIQUE INDEX intake_drop_uid ON intake_drop (uid);
CREATE INDEX intake_drop_waiting ON intake_drop (id) WHERE aside_at IS NULL;
