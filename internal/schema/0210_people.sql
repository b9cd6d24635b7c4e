-- Who was invited by a letter: open until the person comes (then the account gets its folded address), or until it is withdrawn. Letters count the ones
-- of a day.
CREATE TABLE account_invitation (
  account {int} NOT NULL PRIMARY KEY REFERENCES account_person (id),
  organisation {int} NOT NULL,
  folded {text} NOT NULL,
  made_by {int} NOT NULL,
  made_at {time} NOT NULL,
  sent_at {time} NOT NULL,
  letters {int} NOT NULL,
  ended_at {time}
);
CREATE UNIQUE INDEX account_invitation_open ON account_invitation (organisation, folded) WHERE ended_at IS NULL;
CREATE INDEX account_invitation_by ON account_invitation (made_by) WHERE ended_at IS NULL;

-- A link that travels by letter is made from this when the letter leaves; NULL for one that was shown.
ALTER TABLE account_link ADD COLUMN nonce {blob};

-- What an organisation asks of all its people when they sign in.
CREATE TABLE account_rule (
  organisation {int} NOT NULL PRIMARY KEY,
  factor {bool} NOT NULL,
  set_by {int} NOT NULL,
  set_at {time} NOT NULL
);
