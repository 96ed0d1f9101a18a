"""The shared vocabulary: enums that every layer may use."""
