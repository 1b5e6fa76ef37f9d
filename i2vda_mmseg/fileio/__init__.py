"""Files: written whole or not at all, pictures, frames of folders and videos with their numbers, pseudo-labels."""
