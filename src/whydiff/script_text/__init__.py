"""Reading and safely editing Python source text, for the fixes and for the linter; pure."""
