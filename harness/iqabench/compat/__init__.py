"""Where other libraries need a hand: each module gives one of them what plugins want of it."""
