"""What sound is made of here: times, grids, renditions, feeds and chunks. Pure."""
