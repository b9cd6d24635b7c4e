-- In which zone a person reads times; '' is the house's.
ALTER TABLE account_person ADD COLUMN zone {text} NOT NULL DEFAULT '';

-- Of what a person of an organisation wants to be told by mail: each day (1) or at once (2). Waiting is the first thing of which it was not told yet.
CREATE TABLE account_news (
  account {int} NOT NULL REFERENCES account_person (id),
  kind {text} NOT NULL,
  often {int} NOT NULL,
  waiting_at {time},
  told_at {time},
  PRIMARY KEY (account, kind)
);
CREATE INDEX account_news_waiting ON account_news (waiting_at) WHERE waiting_at IS NOT NULL;
