"""What a person reads: summary and terminal."""
