"""People rate a built dataset in their browsers: who sees what in which order, their votes on record, and the pages."""
