"""What a performer plays or says, as events."""
