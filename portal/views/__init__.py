"""The pages where the rooms meet, one file for each kind of errand."""
