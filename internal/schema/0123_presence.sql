-- Who of the team opened what: first, since when without a break, and last. Written at most once a minute for each pair.
CREATE TABLE presence_seen (
  object {int} NOT NULL REFERENCES object (id),
  account {int} NOT NULL,
  kind {int} NOT NULL,
  first_at {time} NOT NULL,
  came_at {time} NOT NULL,
  last_at {time} NOT NULL,
  PRIMARY KEY (object, account)
);
CREATE INDEX presence_seen_came ON presence_seen (came_at);
