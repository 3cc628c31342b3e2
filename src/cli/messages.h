/* SPDX-License-Identifier: Apache-2.0 */
/* Requests whose replies are progress messages, shown while they come. */
#pragma once

#include "http.h"

struct cli;
struct ref;

/* Shows the reply on fd (bars when it is a terminal); fd -1 shows nothing. */
struct err *messages_run(struct cli *cli, const struct http_request *r, int fd) must_check;
/* The same; *out_id is the id that it tells of, NULL when there is none. */
struct err *messages_run_for_id(struct cli *cli, const struct http_request *r, int fd,
                                const char **out_id) must_check;
/* POST /images/create for a reference; `all_tags` leaves the tag out. */
struct err *messages_pull(struct cli *cli, const char *image, const char *platform, bool all_tags,
                          int fd) must_check;
/* POST /images/NAME/push, of all tags when the reference has none. */
struct err *messages_push(struct cli *cli, const struct ref *image, const char *platform, int fd)
    must_check;
