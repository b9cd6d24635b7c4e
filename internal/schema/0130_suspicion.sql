-- What the public hands on as suspicious. A message is the mail as it came (correspondence_arrival) and this line: body is sealed under the mail's key.
CREATE TABLE suspicion_message (
  id {int} NOT NULL PRIMARY KEY,
  at {time} NOT NULL,
  same {blob},
  sender {blob},
  campaign {int} NOT NULL DEFAULT 0,
  why {int} NOT NULL DEFAULT 0,
  thanked {int} NOT NULL DEFAULT 0,
  body {blob} NOT NULL
);
CREATE UNIQUE INDEX suspicion_message_same ON suspicion_message (same) WHERE same IS NOT NULL;
CREATE INDEX suspicion_message_at ON suspicion_message (at, id);
CREATE INDEX suspicion_message_campaign ON suspicion_message (campaign, at, id) WHERE campaign <> 0;
CREATE INDEX suspicion_message_sender ON suspicion_message (campaign, sender) WHERE campaign <> 0;

-- What messages are alike by, as intake_trait, with the message that had it first.
CREATE TABLE suspicion_trait (
  token {int} NOT NULL PRIMARY KEY,
  founder {int} NOT NULL,
  founds {bool} NOT NULL
);

-- Messages that are alike. Asked is when a line of the queue was asked for, report the one that was made; body is sealed under the campaign's own key.
CREATE TABLE suspicion_campaign (
  id {int} NOT NULL PRIMARY KEY REFERENCES object (id),
  founder {int} NOT NULL UNIQUE,
  state {text} NOT NULL,
  first_at {time} NOT NULL,
  last_at {time} NOT NULL,
  messages {int} NOT NULL,
  senders {int} NOT NULL,
  features {int} NOT NULL DEFAULT 0,
  names {int} NOT NULL DEFAULT 0,
  asked {time},
  asked_why {text} NOT NULL DEFAULT '',
  report {int} NOT NULL DEFAULT 0,
  body {blob} NOT NULL
);
CREATE INDEX suspicion_campaign_last ON suspicion_campaign (last_at, id);
CREATE INDEX suspicion_campaign_state ON suspicion_campaign (state, last_at, id);
CREATE INDEX suspicion_campaign_size ON suspicion_campaign (state, messages, id);
CREATE INDEX suspicion_campaign_report ON suspicion_campaign (report) WHERE report <> 0;
CREATE INDEX suspicion_campaign_asked ON suspicion_campaign (asked) WHERE asked IS NOT NULL;

CREATE TABLE suspicion_feature (
  campaign {int} NOT NULL REFERENCES suspicion_campaign (id),
  token {int} NOT NULL,
  kind {int} NOT NULL,
  seen {int} NOT NULL,
  first_at {time} NOT NULL,
  last_at {time} NOT NULL,
  body {blob} NOT NULL,
  PRIMARY KEY (campaign, token)
);
CREATE INDEX suspicion_feature_seen ON suspicion_feature (campaign, seen, kind, token);

-- How many came in each hour; campaign 0 is all of the lane.
CREATE TABLE suspicion_hour (
  campaign {int} NOT NULL,
  hour {int} NOT NULL,
  messages {int} NOT NULL,
  PRIMARY KEY (campaign, hour)
);

-- When a sender was thanked last.
CREATE TABLE suspicion_thanks (
  sender {blob} NOT NULL PRIMARY KEY,
  at {time} NOT NULL
);
CREATE INDEX suspicion_thanks_at ON suspicion_thanks (at);

-- A mail for the public lane is filed by workers of its own.
ALTER TABLE correspondence_arrival ADD COLUMN public {bool} NOT NULL DEFAULT FALSE;
DROP INDEX correspondence_arrival_new;
CREATE INDEX correspondence_arrival_new ON correspondence_arrival (public, received_at, object) WHERE state = 'new';
