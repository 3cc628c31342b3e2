/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See build_check.h. The Dockerfile is read, parsed and linted here; images are not asked for, so
 * what one sets is not known, and variables of stages that are FROM one are not judged.
 */
#include "build_check.h"

#include "base/fd.h"
#include "build/lint.h"

#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

struct pairs build_args_read(struct arena *a, const struct strs *args)
{
    struct pairs out = {0};

    for (size_t i = 0; i < args->n; i++) {
        char *key = arena_strdup(a, args->v[i]), *value = strchr(key, '=');

        if (value)
            *value++ = '\0';
        pairs_add(a, &out, key, value ? value : getenv(key));
    }
    return out;
}

/* As images name it. */
static const char *machine_platform(struct arena *a)
{
    static const char *const names[][2] = {
        {"x86_64", "amd64"}, {"aarch64", "arm64"}, {"armv7l", "arm/v7"}, {"i686", "386"}};
    const char *machine;
    struct utsname u;

    ASSERT(uname(&u) == 0);
    machine = u.machine;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (!strcmp(u.machine, names[i][0]))
            machine = names[i][1];
    return arena_printf(a, "linux/%s", machine);
}

/* The Dockerfile; src->name is what people are told. *is_outside: it has no ignore file. */
static struct err *read_dockerfile(struct arena *a, const struct image_build_options *o,
                                   const char *path, struct source *src, bool *is_outside)
{
    const char *file = o->file;
    struct err *e;
    char *text;
    size_t n;

    *is_outside = !strcmp(path, "-") || text_same(file, "-");
    if (!strcmp(path, "-") && !text_is_empty(file))
        return err_new(ERR_INVALID, "--check of what comes by stdin reads a Dockerfile alone: "
                                    "leave out --file, or name a folder");
    src->name = *is_outside || text_is_empty(file) ? "Dockerfile" : file;
    if (*is_outside) {
        e = file_read_fd(a, STDIN_FILENO, DOCKERFILE_SIZE_MAX, &text, &n);
    } else {
        const char *name = text_is_empty(file) ? arena_printf(a, "%s/Dockerfile", path) : file;

        e = file_read(a, AT_FDCWD, name, DOCKERFILE_SIZE_MAX, &text, &n);
    }
    if (e)
        return err_wrap(e, "unable to read Dockerfile %s", src->name);
    src->text = text;
    src->size = n;
    return NULL;
}

/* *out stays NULL when there is no such file. */
static struct err *read_ignore(struct arena *a, const char *name, struct ignore **out)
{
    char *text;
    size_t n;
    struct err *e = file_read(a, AT_FDCWD, name, IGNORE_SIZE_MAX, &text, &n);

    if (e && err_kind(e) == ERR_NOT_FOUND) {
        err_drop(e);
        return NULL;
    }
    return e ? e : ignore_parse(a, name, text, n, out);
}

static struct err *find_ignore(struct arena *a, const struct image_build_options *o,
                               const char *path, struct ignore **out)
{
    const char *file = text_is_empty(o->file) ? arena_printf(a, "%s/Dockerfile", path) : o->file;

    TRY(read_ignore(a, ignore_file_name(a, file), out));
    return *out ? NULL : read_ignore(a, arena_printf(a, "%s/.dockerignore", path), out);
}

static void print_warnings(struct cli *cli, const struct source *src, const struct lint_result *r)
{
    const char *shown = lint_show(cli->arena, src, r);

    if (!r->n)
        return;
    cli_printf("Check complete, %zu warning%s been found!\n", r->n, r->n == 1 ? " has" : "s have");
    cli_print(shown, strlen(shown));
    cli->exit_code = 1;
}

static struct err *violations(struct arena *a, const struct lint_result *r)
{
    struct strs names = {0};

    for (size_t i = 0; i < r->n; i++)
        if (!strs_has(&names, r->warnings[i].rule->name))
            strs_add(a, &names, r->warnings[i].rule->name);
    return err_new(ERR_INVALID, "lint violation found for rules: %s", strs_join(a, &names, ", "));
}

static struct err *check(struct cli *cli, const struct image_build_options *o,
                         const struct source *src, struct lint_input *in,
                         struct source_range *where)
{
    struct arena *a = cli->arena;
    const struct stage *target;
    struct lint_result r;
    struct dockerfile d;
    struct err *e;

    TRY(dockerfile_parse(a, src, &d, where));
    TRY(dockerfile_find_target(&d, o->target, &target));
    e = dockerfile_lint(a, &d, in, &r, where);
    print_warnings(cli, src, &r);
    if (e)
        return e;
    if (r.is_error)
        return violations(a, &r);
    if (!r.n)
        cli_printf("Check complete, no warnings found.\n");
    return NULL;
}

struct err *build_check(struct cli *cli, const struct image_build_options *o, const char *path)
{
    struct arena *a = cli->arena;
    struct pairs args = build_args_read(a, &o->build_args);
    const char *machine = machine_platform(a);
    const struct scope_options scope = {
        .build_args = &args,
        .target_platform = text_is_empty(o->platform) ? machine : o->platform,
        .build_platform = machine,
        .target_stage = o->target,
    };
    struct lint_input in = {.scope = &scope};
    struct source_range where = {0};
    struct ignore *ignore = NULL;
    struct source src;
    bool is_outside;
    struct err *e;

    TRY(read_dockerfile(a, o, path, &src, &is_outside));
    if (!is_outside)
        TRY(find_ignore(a, o, path, &ignore));
    in.ignore = ignore;
    e = check(cli, o, &src, &in, &where);
    if (e)
        cli_say("%s", source_show(a, &src, where));
    return e;
}
