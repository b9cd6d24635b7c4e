-- Mails that were fetched from a mailbox, by what the mailbox calls them: a number there is taken once. sum is a keyed hash of the bytes, empty when
-- the same bytes were taken before under another number.
CREATE TABLE correspondence_fetched (
  mailbox {text} NOT NULL,
  validity {int} NOT NULL,
  uid {int} NOT NULL,
  sum {blob},
  at {time} NOT NULL,
  PRIMARY KEY (mailbox, validity, uid)
);
CREATE UNIQUE INDEX correspondence_fetched_sum ON correspondence_fetched (mailbox, sum);
CREATE INDEX correspondence_fetched_at ON correspondence_fetched (at);

-- How it stands with each mailbox that we fetch from.
CREATE TABLE correspondence_mailbox (
  mailbox {text} NOT NULL PRIMARY KEY,
  problem {text} NOT NULL DEFAULT '',
  since {time} NOT NULL,
  looked_at {time},
  taken_at {time},
  waiting {int} NOT NULL DEFAULT 0,
  too_large {int} NOT NULL DEFAULT 0,
  idle {bool} NOT NULL DEFAULT FALSE
);
