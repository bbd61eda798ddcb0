"""From aligned images to lesions and their compartments."""
