/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables. A document's checksum is of its key and its text (db_copy.h).
 * Trap: engines from before the checksums open such a file, too, and write texts without them.
 * The trigger then forgets the checksum: none is better than a wrong one.
 */
#include "db_format.h"

#define NUMBERS                                                                                    \
    "PRAGMA application_id=0x62727468;"                                                            \
    "PRAGMA user_version=1;"

#define TRIGGER                                                                                    \
    "CREATE TRIGGER forget_sum AFTER UPDATE OF json ON documents"                                  \
    " WHEN new.sum IS old.sum AND new.json IS NOT old.json"                                        \
    " BEGIN UPDATE documents SET sum = NULL WHERE kind = new.kind AND id = new.id; END;"

const char db_schema_sql[] = "BEGIN IMMEDIATE;"
                             "CREATE TABLE meta (format INTEGER NOT NULL);"
                             "INSERT INTO meta VALUES (1);"
                             "CREATE TABLE documents ("
                             " kind TEXT NOT NULL, id TEXT NOT NULL,"
                             " seq INTEGER NOT NULL, json TEXT NOT NULL, sum INTEGER,"
                             " PRIMARY KEY (kind, id)) WITHOUT ROWID;" TRIGGER NUMBERS "COMMIT;";

const char db_number_sql[] = "BEGIN IMMEDIATE;" NUMBERS "COMMIT;";

const char db_has_sums_sql[] =
    "SELECT count(*) FROM pragma_table_info('documents') WHERE name = 'sum'";

const char db_add_sums_sql[] = "BEGIN IMMEDIATE;"
                               "ALTER TABLE documents ADD COLUMN sum INTEGER;" TRIGGER "COMMIT;";
