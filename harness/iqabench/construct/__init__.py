"""Making a dataset of one's own: photos selected, degraded and enhanced, listed, described and verified."""
