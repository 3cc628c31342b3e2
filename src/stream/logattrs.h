/* SPDX-License-Identifier: Apache-2.0 */
/* What a log says about its container: the tag and the chosen labels and variables. Pure. */
#pragma once

#include "stream/log.h"

/* The option `tag` with its templates filled in, or `otherwise`; ERR_INVALID for others than
 * {{.ID}} {{.FullID}} {{.Name}} {{.ImageName}} {{.ImageID}} {{.ImageFullID}} {{.DaemonName}}. */
struct err *log_tag(struct arena *a, const struct log_spec *s, const char *otherwise, char **out);
/* By the options labels, labels-regex, env, env-regex; sorted by key. */
void log_attrs(struct arena *a, const struct log_spec *s, struct pairs *out);
/* With the tag, as json-file writes them: keys sorted, no spaces. NULL: none. */
struct err *log_attrs_json(const struct log_spec *s, char **out);
/* The expressions in the options can be compiled. */
struct err *log_attrs_check(const struct pairs *options);
