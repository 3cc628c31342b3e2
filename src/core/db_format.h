/* SPDX-License-Identifier: Apache-2.0 */
/* What the state file is made of. */
#pragma once

#define DB_FORMAT 1
#define DB_APPLICATION 0x62727468 /* "brth" */
#define DB_RECOVERED                                                                               \
    "-recovered" /* behind its name: one that --recover is about to put in place                   \
                  */

extern const char db_schema_sql[];   /* of a new one */
extern const char db_number_sql[];   /* its numbers, for one from before they were there */
extern const char db_has_sums_sql[]; /* 1: it has checksums */
extern const char db_add_sums_sql[];
