now() { echo noon; }
