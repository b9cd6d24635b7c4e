-- The code of a letter that left as a locked file: it opens the file and is told by telephone. Sealed under the key of the thread, with the seed of the file
-- and with who told it to whom. It goes with the content of the thread.
CREATE TABLE correspondence_code (
  message {int} NOT NULL PRIMARY KEY REFERENCES correspondence_message (id),
  thread {int} NOT NULL,
  made_at {time} NOT NULL,
  told_at {time},
  times {int} NOT NULL DEFAULT 0,
  body {blob} NOT NULL
);
CREATE INDEX correspondence_code_thread ON correspondence_code (thread);
CREATE INDEX correspondence_code_untold ON correspondence_code (made_at) WHERE told_at IS NULL;
