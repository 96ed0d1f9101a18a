"""The parts of the loop's contract, one noun a file; import them from `loop_events`."""
