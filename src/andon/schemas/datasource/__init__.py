"""The parts of `datasource_model`, each one noun; import them from there."""
