"""Fine-tunes pretrained models, plainly or with a defense."""
