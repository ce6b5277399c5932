"""Diffusion: the text-to-image model, the unconditional process, samplers, timesteps by resolution, batches.

Stages use it; it uses `cosalpure.networks`, and no stage.
"""
