"""The developers' measurements, and the distillation of the demo, none of which is shipped."""
