"""What enhancers built on Stable Diffusion share: official checkpoints, tiles, schedules, colours, memory.

Nothing here is imported by the harness itself, and diffusers and transformers only when a network is made.
"""
