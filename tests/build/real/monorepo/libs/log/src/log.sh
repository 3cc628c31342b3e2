log() { echo "[log] $*"; }
