"""Datasets: photos with what people, papers and file names say of them."""

from iqabench.datasets.items import DatasetSpec, Item

__all__ = ["DatasetSpec", "Item"]
