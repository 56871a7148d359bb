from iqabench.compat.libraries import import_library, library_class  # noqa: F401
