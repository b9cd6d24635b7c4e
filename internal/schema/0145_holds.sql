-- Who counts automatic mail, or files mails of one name, waits by a lock of the engine, not by a row.
DROP TABLE correspondence_limit;
