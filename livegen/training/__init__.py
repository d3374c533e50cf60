"""Training and judging models; torch lives here and nowhere else."""
