/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the lint share. */
#pragma once

#include "build/lint.h"

enum rule_id {
    STAGE_NAME_CASING,
    FROM_AS_CASING,
    NO_EMPTY_CONTINUATION,
    CONSISTENT_INSTRUCTION_CASING,
    DUPLICATE_STAGE_NAME,
    RESERVED_STAGE_NAME,
    JSON_ARGS_RECOMMENDED,
    MAINTAINER_DEPRECATED,
    UNDEFINED_ARG_IN_FROM,
    WORKDIR_RELATIVE_PATH,
    UNDEFINED_VAR,
    MULTIPLE_INSTRUCTIONS_DISALLOWED,
    LEGACY_KEY_VALUE_FORMAT,
    REDUNDANT_TARGET_PLATFORM,
    SECRETS_USED_IN_ARG_OR_ENV,
    INVALID_DEFAULT_ARG_IN_FROM,
    FROM_PLATFORM_FLAG_CONST_DISALLOWED,
    COPY_IGNORED_FILE,
    INVALID_DEFINITION_DESCRIPTION,
    EXPOSE_PROTO_CASING,
    EXPOSE_INVALID_FORMAT,
    LINT_RULES,
};

struct linter {
    struct arena *a;
    const struct dockerfile *d;
    const struct lint_input *in;
    struct lint_result *out;
    struct source_range *where; /* of an error */
    size_t room;
    bool is_off[LINT_RULES];
    struct scope *global;
};
/* Unless the rule is off. */
void lint_warn(struct linter *l, enum rule_id rule, struct source_range where, const char *fmt, ...)
    like_printf(4, 5);

/* lint_from.c: FROM, with the variables it sees. */
struct err *lint_from(struct linter *l, const struct stage *st, char **out_base) must_check;
void lint_default_args(struct linter *l);
/* lint_stages.c: the instructions of all stages, in order. */
struct err *lint_stages(struct linter *l) must_check;
