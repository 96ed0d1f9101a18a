"""Usage records as Parquet, by way of pyarrow, which the extra `andon[parquet]` installs."""
