"""Image operations that several models share: colour, filters, resizing, natural scene statistics."""
