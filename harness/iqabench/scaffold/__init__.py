"""Writes new plugin packages from templates."""

from iqabench.scaffold.package import Package, plan_package, write_package

__all__ = ["Package", "plan_package", "write_package"]
