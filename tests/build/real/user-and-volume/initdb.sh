sed -n 's/insert into t values (\(.*\));/row \1/p' /var/lib/db/seed.sql >"$DB_DATA/tables/t"
