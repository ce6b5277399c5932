"""What a reader looks at: figures of a run."""
