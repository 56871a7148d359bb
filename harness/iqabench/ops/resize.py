"""Resizing with MATLAB's imresize convention (written by the degraders' room)."""
