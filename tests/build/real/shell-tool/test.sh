set -e
[ "$(sh rot13 Hello)" = Uryyb ]
[ "$(echo Uryyb | sh rot13)" = Hello ]
[ "$(sh rot13 a b)" = "n o" ]
echo "3 tests pass"
