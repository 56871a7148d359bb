"""From outcomes to tables and pictures."""
