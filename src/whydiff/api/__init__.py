"""A public function per verb."""
