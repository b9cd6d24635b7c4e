-- What was asked in a time, for how long it took.
CREATE INDEX coordination_request_asked ON coordination_request (asked_at, id);
CREATE INDEX coordination_measure_given ON coordination_measure (given_at, id);
