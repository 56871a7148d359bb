"""The checks of the conformance suite, by what they are about. Each docstring says what to do if it fails."""
