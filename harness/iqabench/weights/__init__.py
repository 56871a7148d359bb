"""Weights files: where they come from, the cache they lie in, and reading them without running them.

``sources`` reads URIs, ``digests`` knows SHA-256 sums, ``cache`` says what is here, ``fetch`` and
``download`` get what is not, ``resolve`` gives a model its files, ``transfer`` carries them to a machine
without a network, ``safe`` and ``ncnn`` read them.
"""
