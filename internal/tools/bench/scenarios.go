package main

// scenarios are all that is measured, in the order of the table.
func scenarios() []scenario {
	return nil
}
