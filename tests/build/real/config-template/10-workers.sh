[ "$WORKERS" != auto ] || WORKERS=2
