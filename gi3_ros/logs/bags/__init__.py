"""Reading bags: which files belong to one, and what its messages say of the bus."""
