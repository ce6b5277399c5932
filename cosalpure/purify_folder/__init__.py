"""Photographs without the workflow: attack, learn the concept, purify, detect, and show everything side by side.

    purify_folder("my_photos", "out", experiment)   ->  out/before-after.png

`files` reads and writes photographs of any size and format, `paste` brings what the models return back to a photo's
size, `sheet` draws the picture, and `run` calls the stages of the workflow in between.
"""

from cosalpure.purify_folder.run import SHEET, purify_folder

__all__ = ["SHEET", "purify_folder"]
