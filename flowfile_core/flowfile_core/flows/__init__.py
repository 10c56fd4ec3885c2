"""Open flows: their edits, undo, autosave, prediction and files."""
