echo "$APP_NAME logs at $LOG_LEVEL"
cat /tools 2>/dev/null || echo "no tools"
