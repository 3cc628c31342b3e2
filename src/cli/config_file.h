/* SPDX-License-Identifier: Apache-2.0 */
/* config.json, which docker's command line reads and writes, too. Blocking. */
#pragma once

#include "config_json.h"

struct cli;

char *config_file_path(struct cli *cli);
/* *out NULL: there is none, or it is empty. ERR_INVALID names the file and says what is wrong. */
struct err *config_file_read(struct cli *cli, const struct json **out) must_check;
/* The same; what cannot be read is told of once, and counts as none. */
const struct json *config_file_look(struct cli *cli);
/* Its "currentContext"; NULL: none. What config_file_look tells of is told of; a name beside what
 * cannot be read counts all the same: who has chosen an engine elsewhere never reaches this one. */
const char *config_file_context(struct cli *cli);
/* Reads, changes and writes it while no other berth does: all of it or nothing, with the mode and
 * the owner that it had, a link followed. What cannot be read is left as it is: an error. */
struct err *config_file_edit(struct cli *cli, const struct config_edit *e) must_check;
