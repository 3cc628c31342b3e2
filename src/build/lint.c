/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lint: its rules, which of them are on, and what is seen without looking at variables. Pure.
 */
#include "linter.h"

#include "reader.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#define URL(page) "https://docs.docker.com/go/dockerfile/rule/" page "/"

static const struct lint_rule rules[LINT_RULES] = {
    [STAGE_NAME_CASING] = {"StageNameCasing", "Stage names should be lowercase",
                           URL("stage-name-casing"), false},
    [FROM_AS_CASING] = {"FromAsCasing",
                        "The 'as' keyword should match the case of the 'from' keyword",
                        URL("from-as-casing"), false},
    [NO_EMPTY_CONTINUATION] = {"NoEmptyContinuation",
                               "Empty continuation lines will become errors in a future release",
                               URL("no-empty-continuation"), false},
    [CONSISTENT_INSTRUCTION_CASING] = {"ConsistentInstructionCasing",
                                       "All commands within the Dockerfile should use the same "
                                       "casing (either upper or lower)",
                                       URL("consistent-instruction-casing"), false},
    [DUPLICATE_STAGE_NAME] = {"DuplicateStageName", "Stage names should be unique",
                              URL("duplicate-stage-name"), false},
    [RESERVED_STAGE_NAME] = {"ReservedStageName",
                             "Reserved words should not be used as stage names",
                             URL("reserved-stage-name"), false},
    [JSON_ARGS_RECOMMENDED] = {"JSONArgsRecommended",
                               "JSON arguments recommended for ENTRYPOINT/CMD to prevent "
                               "unintended behavior related to OS signals",
                               URL("json-args-recommended"), false},
    [MAINTAINER_DEPRECATED] = {"MaintainerDeprecated",
                               "The MAINTAINER instruction is deprecated, use a label instead to "
                               "define an image author",
                               URL("maintainer-deprecated"), false},
    [UNDEFINED_ARG_IN_FROM] = {"UndefinedArgInFrom", "FROM command must use declared ARGs",
                               URL("undefined-arg-in-from"), false},
    [WORKDIR_RELATIVE_PATH] = {"WorkdirRelativePath",
                               "Relative workdir without an absolute workdir declared within the "
                               "build can have unexpected results if the base image changes",
                               URL("workdir-relative-path"), false},
    [UNDEFINED_VAR] = {"UndefinedVar", "Variables should be defined before their use",
                       URL("undefined-var"), false},
    [MULTIPLE_INSTRUCTIONS_DISALLOWED] = {"MultipleInstructionsDisallowed",
                                          "Multiple instructions of the same type should not be "
                                          "used in the same stage",
                                          URL("multiple-instructions-disallowed"), false},
    [LEGACY_KEY_VALUE_FORMAT] = {"LegacyKeyValueFormat",
                                 "Legacy key/value format with whitespace separator should not be "
                                 "used",
                                 URL("legacy-key-value-format"), false},
    [REDUNDANT_TARGET_PLATFORM] = {"RedundantTargetPlatform",
                                   "Setting platform to predefined $TARGETPLATFORM in FROM is "
                                   "redundant as this is the default behavior",
                                   URL("redundant-target-platform"), false},
    [SECRETS_USED_IN_ARG_OR_ENV] = {"SecretsUsedInArgOrEnv",
                                    "Sensitive data should not be used in the ARG or ENV commands",
                                    URL("secrets-used-in-arg-or-env"), false},
    [INVALID_DEFAULT_ARG_IN_FROM] = {"InvalidDefaultArgInFrom",
                                     "Default value for global ARG results in an empty or invalid "
                                     "base image name",
                                     URL("invalid-default-arg-in-from"), false},
    [FROM_PLATFORM_FLAG_CONST_DISALLOWED] = {"FromPlatformFlagConstDisallowed",
                                             "FROM --platform flag should not use a constant value",
                                             URL("from-platform-flag-const-disallowed"), false},
    [COPY_IGNORED_FILE] = {"CopyIgnoredFile",
                           "Attempting to Copy file that is excluded by .dockerignore",
                           URL("copy-ignored-file"), true},
    [INVALID_DEFINITION_DESCRIPTION] =
        {"InvalidDefinitionDescription",
         "Comment for build stage or argument should follow the format: `# <arg/stage name> "
         "<description>`. If this is not intended to be a description comment, add an empty line "
         "or "
         "comment between the instruction and the comment.",
         URL("invalid-definition-description"), true},
    [EXPOSE_PROTO_CASING] = {"ExposeProtoCasing",
                             "Protocol in EXPOSE instruction should be lowercase",
                             URL("expose-proto-casing"), false},
    [EXPOSE_INVALID_FORMAT] = {"ExposeInvalidFormat",
                               "IP address and host-port mapping should not be used in EXPOSE "
                               "instruction. This will become an error in a future release",
                               URL("expose-invalid-format"), false},
};

void lint_warn(struct linter *l, enum rule_id rule, struct source_range where, const char *fmt, ...)
{
    struct lint_result *out = l->out;
    va_list ap;

    if (l->is_off[rule] || out->n == LINT_WARNINGS_MAX)
        return;
    out->warnings = arena_grow(l->a, out->warnings, out->n, &l->room, sizeof(*out->warnings));
    va_start(ap, fmt);
    out->warnings[out->n++] = (struct lint_warning){
        .rule = &rules[rule],
        .text = arena_vprintf(l->a, fmt, ap),
        .where = where,
    };
    va_end(ap);
}

/* ---- # check= ---- */

/* "A, B" or "all": those rules are off (on, when they are experimental and wanted). */
static void set_rules(struct linter *l, const char *list, bool is_off)
{
    struct strs names = text_split(l->a, list, ',');
    bool is_all = names.n == 1 && !strcmp(trimmed(l->a, list, strlen(list)), "all");

    for (size_t i = 0; i < names.n; i++)
        for (int rule = 0; rule < LINT_RULES; rule++)
            if ((is_all ||
                 !strcmp(trimmed(l->a, names.v[i], strlen(names.v[i])), rules[rule].name)) &&
                (is_off || rules[rule].is_experimental))
                l->is_off[rule] = is_off;
}

static struct err *read_option(struct linter *l, const char *option, bool *is_error)
{
    const char *is = strchr(option, '=');
    const char *key = is ? trimmed(l->a, option, (size_t)(is - option)) : "";
    const char *value = is ? trimmed(l->a, is + 1, strlen(is + 1)) : "";

    if (!strcmp(key, "skip")) {
        set_rules(l, value, true);
    } else if (!strcmp(key, "experimental")) {
        set_rules(l, value, false);
    } else if (!strcmp(key, "error")) {
        if (!text_to_bool(value, is_error))
            return err_new(ERR_INVALID, "failed to parse check option %s: invalid syntax",
                           quoted(l->a, option));
    } else {
        return err_new(ERR_INVALID, "invalid check option %s", quoted(l->a, is ? key : option));
    }
    return NULL;
}

static struct err *read_options(struct linter *l, bool *is_error)
{
    struct strs options = {0};

    for (int rule = 0; rule < LINT_RULES; rule++)
        l->is_off[rule] = rules[rule].is_experimental;
    if (!l->d->check.value)
        return NULL;
    *l->where = l->d->check.where;
    options = text_split(l->a, l->d->check.value, ';');
    for (size_t i = 0; i < options.n; i++) {
        struct err *e = read_option(l, options.v[i], is_error);

        if (e)
            return err_wrap(e, "failed to parse check options");
    }
    *l->where = (struct source_range){0};
    return NULL;
}

/* ---- what needs no variables ---- */

static bool is_lower(const char *s)
{
    for (; *s; s++)
        if (isupper((unsigned char)*s))
            return false;
    return true;
}

static bool is_upper(const char *s)
{
    for (; *s; s++)
        if (islower((unsigned char)*s))
            return false;
    return true;
}

static void check_description(struct linter *l, const struct instruction *in, struct strs keys)
{
    const char *last = in->comments.n ? in->comments.v[in->comments.n - 1] : NULL;

    if (!last || !keys.n || strs_has(&keys, arena_strndup(l->a, last, strcspn(last, " "))))
        return;
    lint_warn(l, INVALID_DEFINITION_DESCRIPTION, in->where,
              "Comment for %s should follow the format: `# %s <description>`",
              in->type == INS_FROM ? "build stage" : "build argument",
              keys.n > 1 ? "<arg_key>" : keys.v[0]);
}

static void check_arg(struct linter *l, const struct instruction *in)
{
    struct strs keys = {0};

    for (size_t i = 0; i < in->n_assignments; i++)
        strs_add(l->a, &keys, in->assignments[i].key);
    check_description(l, in, keys);
}

static void check_from_words(struct linter *l, const struct stage *st)
{
    const struct instruction *in = &st->from;
    struct strs keys = {0};
    const char *as;

    if (in->args.n < 3)
        return;
    as = in->args.v[1];
    if (!is_lower(in->args.v[2]))
        lint_warn(l, STAGE_NAME_CASING, in->where, "Stage name '%s' should be lowercase",
                  in->args.v[2]);
    if ((is_lower(in->word) && !is_lower(as)) || (is_upper(in->word) && !is_upper(as)))
        lint_warn(l, FROM_AS_CASING, in->where, "'%s' and '%s' keywords' casing do not match", as,
                  in->word);
    strs_add(l->a, &keys, st->name);
    check_description(l, in, keys);
}

static void check_stage_name(struct linter *l, const struct stage *st)
{
    if (!st->name)
        return;
    if (!strcmp(st->name, "scratch") || !strcmp(st->name, "context"))
        lint_warn(l, RESERVED_STAGE_NAME, st->from.where,
                  "Stage name should not use the same name as reserved stage \"%s\"", st->name);
    if (dockerfile_find_base(l->d, st->name, (size_t)(st - l->d->stages)))
        lint_warn(l, DUPLICATE_STAGE_NAME, st->from.where,
                  "Duplicate stage name \"%s\", stage names should be unique", st->name);
}

static int casing(const struct instruction *in)
{
    return is_lower(in->word) ? -1 : is_upper(in->word) ? 1 : 0;
}

static void check_casing(struct linter *l, const struct instruction *in, bool wants_lower)
{
    if (wants_lower ? !is_lower(in->word) : !is_upper(in->word))
        lint_warn(l, CONSISTENT_INSTRUCTION_CASING, in->where,
                  "Command '%s' should match the case of the command majority (%s)", in->word,
                  wants_lower ? "lowercase" : "uppercase");
}

static void check_all_casing(struct linter *l)
{
    long sum = 0;

    for (size_t i = 0; i < l->d->n_stages; i++) {
        const struct stage *st = &l->d->stages[i];

        sum += casing(&st->from);
        for (size_t k = 0; k < st->n; k++)
            sum += casing(&st->instructions[k]);
    }
    for (size_t i = 0; i < l->d->n_stages; i++) {
        const struct stage *st = &l->d->stages[i];

        check_casing(l, &st->from, sum < 0);
        for (size_t k = 0; k < st->n; k++)
            check_casing(l, &st->instructions[k], sum < 0);
    }
}

static void check_text(struct linter *l)
{
    for (size_t i = 0; i < l->d->n_empty_continuations; i++)
        lint_warn(l, NO_EMPTY_CONTINUATION, l->d->empty_continuations[i],
                  "Empty continuation line");
    for (size_t i = 0; i < l->d->n_global_args; i++)
        check_arg(l, &l->d->global_args[i]);
    for (size_t i = 0; i < l->d->n_stages; i++) {
        const struct stage *st = &l->d->stages[i];

        check_from_words(l, st);
        check_stage_name(l, st);
        for (size_t k = 0; k < st->n; k++) {
            if (st->instructions[k].type == INS_ARG)
                check_arg(l, &st->instructions[k]);
            if (st->instructions[k].type == INS_MAINTAINER)
                lint_warn(l, MAINTAINER_DEPRECATED, st->instructions[k].where,
                          "Maintainer instruction is deprecated in favor of using label");
        }
    }
    check_all_casing(l);
}

/* ---- all of it ---- */

struct placed {
    struct lint_warning w;
    size_t place;
};

static int compare_places(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    size_t line_x = x->w.where.first.line, line_y = y->w.where.first.line;

    if (line_x != line_y)
        return line_x < line_y ? -1 : 1;
    return x->place < y->place ? -1 : 1;
}

static void sort_warnings(struct linter *l)
{
    struct placed *v = arena_array(l->a, l->out->n + 1, sizeof(*v));

    for (size_t i = 0; i < l->out->n; i++)
        v[i] = (struct placed){l->out->warnings[i], i};
    qsort(v, l->out->n, sizeof(*v), compare_places);
    for (size_t i = 0; i < l->out->n; i++)
        l->out->warnings[i] = v[i].w;
}

static struct err *check_variables(struct linter *l)
{
    lint_default_args(l);
    *l->where = l->d->n_global_args ? l->d->global_args[0].where : (struct source_range){0};
    TRY(scope_open(l->a, l->d, l->in->scope, &l->global));
    return lint_stages(l);
}

struct err *dockerfile_lint(struct arena *a, const struct dockerfile *d,
                            const struct lint_input *in, struct lint_result *out,
                            struct source_range *where)
{
    struct linter l = {.a = a, .d = d, .in = in, .out = out, .where = where};
    bool is_error = false;
    struct err *e;

    *out = (struct lint_result){0};
    *where = (struct source_range){0};
    TRY(read_options(&l, &is_error));
    check_text(&l);
    e = check_variables(&l);
    sort_warnings(&l);
    out->is_error = is_error && out->n;
    return e;
}

char *lint_show(struct arena *a, const struct source *src, const struct lint_result *r)
{
    autobuf struct buf out = {0};

    for (size_t i = 0; i < r->n; i++) {
        const struct lint_warning *w = &r->warnings[i];

        buf_printf(&out, "\nWARNING: %s - %s\n%s\n%s:%zu\n", w->rule->name, w->rule->url, w->text,
                   src->name, w->where.first.line);
        source_excerpt(&out, src, w->where);
    }
    return arena_strdup(a, out.data ? out.data : "");
}
