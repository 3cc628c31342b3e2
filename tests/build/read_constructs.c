/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads Dockerfiles and says what was understood: stages, instructions with their places, flags and
 * arguments, then what differs with the variables expanded, then what the lint warns of.
 *
 *     read_constructs FOLDER            each case of FOLDER's files must give what is written there
 *     read_constructs --write FOLDER    writes that down
 *     read_constructs --show FILE       one Dockerfile
 *     read_constructs --check FILE      its error alone, as the engine says it; for comparisons
 *
 * A file of cases: "=== name", the Dockerfile, "---", what is understood. Words behind the name are
 * --build-arg K=V, platform=P, ignore=PATTERN,… . In the Dockerfile '^' and a letter stand for what
 * an editor loses: ^R ^T ^S ^B ^0 for CR, tab, a blank, a byte order mark, NUL; ^N at a line's end
 * takes that end away; ^^ is '^'.
 */
#include "build/lint.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

struct input {
    const char *name;
    struct source src;
    struct pairs args;
    const char *platform, *ignore;
};

static struct arena *a;

static void quote(struct buf *out, const char *s)
{
    if (!s) {
        buf_puts(out, "-");
        return;
    }
    buf_putc(out, '"');
    for (; *s; s++) {
        if (*s == '\n')
            buf_puts(out, "\\n");
        else if (*s == '\t')
            buf_puts(out, "\\t");
        else if (*s == '\r')
            buf_puts(out, "\\r");
        else if (*s == '"' || *s == '\\')
            buf_printf(out, "\\%c", *s);
        else
            buf_putc(out, *s);
    }
    buf_putc(out, '"');
}

static void show_text(struct buf *out, const char *label, const char *value)
{
    if (!value)
        return;
    buf_printf(out, " %s=", label);
    quote(out, value);
}

static void show_list(struct buf *out, const char *label, const struct strs *s)
{
    for (size_t i = 0; i < s->n; i++) {
        buf_printf(out, i ? " " : " %s", i ? "" : label);
        if (!i)
            buf_putc(out, '=');
        quote(out, s->v[i]);
    }
}

static void show_range(struct buf *out, struct source_range r)
{
    buf_printf(out, "%zu:%zu-%zu:%zu", r.first.line, r.first.column, r.last.line, r.last.column);
}

static void show_copy(struct buf *out, const struct copy_args *c)
{
    show_text(out, "from", c->from);
    show_text(out, "chown", c->chown);
    show_text(out, "chmod", c->chmod);
    show_text(out, "checksum", c->checksum);
    show_list(out, "exclude", &c->excludes);
    buf_puts(out, c->link ? " link" : "");
    buf_puts(out, c->parents ? " parents" : "");
    buf_puts(out, c->keep_git_dir ? " keep-git-dir" : "");
    buf_puts(out, c->unpack > 0 ? " unpack" : c->unpack < 0 ? " no-unpack" : "");
    show_list(out, "sources", &c->sources);
    for (size_t i = 0; i < c->n_contents; i++) {
        show_text(out, "file", c->contents[i]->name);
        show_text(out, "has", heredoc_text(a, c->contents[i]));
    }
    show_text(out, "dest", c->dest);
}

static void show_mount(struct buf *out, const char *text)
{
    static const char *const types[] = {"bind", "cache", "tmpfs", "secret", "ssh"};
    static const char *const sharings[] = {"shared", "private", "locked"};
    struct run_mount m;
    struct err *e = strchr(text, '$') ? NULL : run_mount_parse(a, text, &m);

    if (strchr(text, '$') || e) {
        show_text(out, "mount", e ? err_text(e) : text);
        err_drop(e);
        return;
    }
    buf_printf(out, " mount=(%s", types[m.type]);
    show_text(out, "from", m.from);
    show_text(out, "source", m.source);
    show_text(out, "target", m.target);
    show_text(out, "id", m.id);
    show_text(out, "env", m.env);
    if (m.type == RUN_MOUNT_CACHE)
        buf_printf(out, " %s", sharings[m.sharing]);
    if (m.size_bytes)
        buf_printf(out, " size=%lld", (long long)m.size_bytes);
    if (m.mode >= 0)
        buf_printf(out, " mode=%llo", (unsigned long long)m.mode);
    if (m.uid >= 0)
        buf_printf(out, " uid=%lld", (long long)m.uid);
    if (m.gid >= 0)
        buf_printf(out, " gid=%lld", (long long)m.gid);
    buf_printf(out, "%s%s)", m.is_required ? " required" : "", m.is_read_only ? " ro" : " rw");
}

static void show_run(struct buf *out, const struct instruction *in)
{
    struct run_command c;

    for (size_t i = 0; i < in->run.mounts.n; i++)
        show_mount(out, in->run.mounts.v[i]);
    show_list(out, "device", &in->run.devices);
    show_text(out, "network", in->run.network);
    show_text(out, "security", in->run.security);
    instruction_run_command(a, in, &c);
    show_list(out, "exec", &c.argv);
    show_text(out, c.file ? c.file : "shell", c.script);
}

static void show_health(struct buf *out, const struct health_args *h)
{
    show_list(out, "test", &h->test);
    if (h->interval_ns)
        buf_printf(out, " interval=%lldms", (long long)h->interval_ns / 1000000);
    if (h->timeout_ns)
        buf_printf(out, " timeout=%lldms", (long long)h->timeout_ns / 1000000);
    if (h->start_period_ns)
        buf_printf(out, " start-period=%lldms", (long long)h->start_period_ns / 1000000);
    if (h->start_interval_ns)
        buf_printf(out, " start-interval=%lldms", (long long)h->start_interval_ns / 1000000);
    if (h->retries)
        buf_printf(out, " retries=%d", h->retries);
}

static void show_args(struct buf *out, const struct instruction *in)
{
    for (size_t i = 0; i < in->n_assignments; i++) {
        buf_puts(out, in->assignments[i].is_legacy ? " legacy " : " ");
        quote(out, in->assignments[i].key);
        buf_putc(out, '=');
        quote(out, in->assignments[i].value);
    }
    switch (in->type) {
    case INS_ADD:
    case INS_COPY:
        show_copy(out, &in->copy);
        break;
    case INS_RUN:
        show_run(out, in);
        break;
    case INS_HEALTHCHECK:
        show_health(out, &in->health);
        break;
    case INS_ONBUILD:
        show_text(out, "trigger", in->trigger);
        break;
    default:
        show_list(out, in->is_json ? "exec" : "args", &in->args);
        if (!in->args.n && !in->n_assignments)
            buf_puts(out, in->is_json ? " exec=[]" : " args=[]");
        break;
    }
}

static char *describe(const struct instruction *in)
{
    autobuf struct buf out = {0};

    buf_puts(&out, instruction_name(in->type));
    show_args(&out, in);
    return arena_strdup(a, out.data);
}

static void show_instruction(struct buf *out, const struct instruction *in)
{
    show_range(out, in->where);
    buf_printf(out, " %s\n", describe(in));
}

static void show_error(struct buf *out, struct err *e, struct source_range where)
{
    buf_puts(out, "error ");
    show_range(out, where);
    buf_printf(out, " %s\n", err_text(e));
    err_drop(e);
}

static void show_directive(struct buf *out, const char *name, const struct directive *d)
{
    if (!d->value)
        return;
    show_range(out, d->where);
    buf_printf(out, " # %s", name);
    show_text(out, "is", d->value);
    buf_putc(out, '\n');
}

static void show_parsed(struct buf *out, const struct dockerfile *d)
{
    show_directive(out, "syntax", &d->syntax);
    show_directive(out, "escape", &d->escape_directive);
    show_directive(out, "check", &d->check);
    for (size_t i = 0; i < d->n_global_args; i++)
        show_instruction(out, &d->global_args[i]);
    for (size_t i = 0; i < d->n_stages; i++) {
        const struct stage *st = &d->stages[i];

        show_range(out, st->from.where);
        buf_puts(out, " FROM");
        show_text(out, "base", st->base);
        show_text(out, "name", st->name);
        show_text(out, "platform", st->platform);
        show_text(out, "about", st->comment);
        buf_putc(out, '\n');
        for (size_t k = 0; k < st->n; k++)
            show_instruction(out, &st->instructions[k]);
    }
}

/* What differs from what is written. */
static struct err *show_stage(struct buf *out, struct scope *global, const struct dockerfile *d,
                              size_t i, struct scope **scopes, struct source_range *where)
{
    const struct stage *st = &d->stages[i], *parent;
    char *base, *platform;

    *where = st->from.where;
    TRY(scope_expand_from(global, st, &base, &platform));
    if (strcmp(base, st->base) != 0 || (platform && strcmp(platform, st->platform) != 0)) {
        buf_printf(out, "= FROM");
        show_text(out, "base", base);
        show_text(out, "platform", platform);
        buf_putc(out, '\n');
    }
    parent = dockerfile_find_base(d, base, i);
    scopes[i] = scope_enter_stage(global, parent ? scopes[parent - d->stages] : NULL, NULL);
    for (size_t k = 0; k < st->n; k++) {
        struct instruction in;
        struct strs args;

        *where = st->instructions[k].where;
        TRY(scope_expand(scopes[i], &st->instructions[k], &in));
        if (strcmp(describe(&st->instructions[k]), describe(&in)) != 0)
            buf_printf(out, "= %s\n", describe(&in));
        args = scope_run_args(scopes[i], a);
        if (in.type == INS_RUN && args.n) {
            buf_putc(out, '=');
            show_list(out, "RUN sees", &args);
            buf_putc(out, '\n');
        }
    }
    return NULL;
}

static struct err *show_expanded(struct buf *out, const struct dockerfile *d,
                                 const struct scope_options *o, struct source_range *where)
{
    struct scope **scopes = arena_array(a, d->n_stages, sizeof(*scopes)), *global;
    struct strs left;

    TRY(scope_open(a, d, o, &global));
    for (size_t i = 0; i < d->n_stages; i++)
        TRY(show_stage(out, global, d, i, scopes, where));
    left = scope_unconsumed(global, a);
    if (left.n) {
        buf_putc(out, '=');
        show_list(out, "not consumed", &left);
        buf_putc(out, '\n');
    }
    return NULL;
}

static struct err *show_lint(struct buf *out, const struct input *in, const struct dockerfile *d,
                             const struct scope_options *o, struct source_range *where)
{
    struct lint_input li = {.scope = o};
    struct lint_result r;
    struct ignore *g;

    if (in->ignore) {
        char *text = arena_strdup(a, in->ignore);

        for (char *p = text; (p = strchr(p, ',')); p++)
            *p = '\n';
        TRY(ignore_parse(a, ".dockerignore", text, strlen(text), &g));
        li.ignore = g;
    }
    TRY(dockerfile_lint(a, d, &li, &r, where));
    for (size_t i = 0; i < r.n; i++)
        buf_printf(out, "! %zu %s: %s\n", r.warnings[i].where.first.line, r.warnings[i].rule->name,
                   r.warnings[i].text);
    if (r.is_error)
        buf_puts(out, "! is an error\n");
    return NULL;
}

static void understand(struct buf *out, const struct input *in)
{
    const struct scope_options o = {.build_args = &in->args,
                                    .target_platform = in->platform ? in->platform : "linux/amd64",
                                    .build_platform = "linux/amd64"};
    struct source_range where;
    struct dockerfile d;
    struct err *e = dockerfile_parse(a, &in->src, &d, &where);

    if (!e) {
        show_parsed(out, &d);
        e = show_expanded(out, &d, &o, &where);
    }
    if (!e)
        e = show_lint(out, in, &d, &o, &where);
    if (e)
        show_error(out, e, where);
}

/* ---- files of cases ---- */

static char *slurp(const char *path, size_t *size)
{
    autobuf struct buf out = {0};
    char chunk[4096];
    size_t n;
    FILE *f = fopen(path, "re");

    if (!f)
        return NULL;
    while ((n = fread(chunk, 1, sizeof(chunk), f)))
        buf_add(&out, chunk, n);
    fclose(f);
    *size = out.len;
    return arena_strndup(a, out.data ? out.data : "", out.len);
}

static void take_escapes(struct input *in, const char *s, size_t n)
{
    static const struct {
        char name;
        const char *text;
        size_t n;
    } escapes[] = {{'R', "\r", 1}, {'T', "\t", 1},           {'S', " ", 1},
                   {'0', "", 1},   {'B', "\xef\xbb\xbf", 3}, {'^', "^", 1}};
    autobuf struct buf out = {0};

    for (size_t i = 0; i < n; i++) {
        if (s[i] != '^') {
            buf_putc(&out, s[i]);
            continue;
        }
        i++;
        if (s[i] == 'N')
            i++; /* the line's end behind it */
        for (size_t k = 0; k < ARRAY_LEN(escapes); k++)
            if (s[i] == escapes[k].name)
                buf_add(&out, escapes[k].text, escapes[k].n);
    }
    in->src.size = out.len;
    in->src.text = arena_memdup(a, out.data ? out.data : "", out.len + 1);
}

static void take_header(struct input *in, char *header)
{
    struct strs words = text_split(a, header, ' ');

    in->name = words.n ? words.v[0] : "";
    for (size_t i = 1; i < words.n; i++) {
        if (text_starts(words.v[i], "platform="))
            in->platform = words.v[i] + 9;
        else if (text_starts(words.v[i], "ignore="))
            in->ignore = words.v[i] + 7;
        else if (strchr(words.v[i], '='))
            pairs_set_text(a, &in->args, words.v[i]);
    }
}

struct tally {
    unsigned n, n_bad;
    bool writes;
};

/* One case: `text` stands behind "=== "; what follows it is returned. */
static char *take_case(struct tally *t, const char *file, char *text, struct buf *rewritten)
{
    struct input in = {.src = {.name = "Dockerfile"}};
    char *end = strchr(text, '\n'), *bar = strstr(text, "\n---\n"), *next;
    autobuf struct buf is = {0};
    char *header = arena_strndup(a, text, (size_t)(end - text));

    if (!bar) {
        printf("%s: %s has no ---\n", file, header);
        exit(2);
    }
    next = strstr(bar, "\n=== ");
    take_header(&in, arena_strdup(a, header));
    take_escapes(&in, end + 1, (size_t)(bar + 1 - end - 1));
    understand(&is, &in);
    buf_printf(rewritten, "=== %s%.*s\n---\n%s", header, (int)(bar - end), end,
               is.data ? is.data : "");
    t->n++;
    if (!t->writes) {
        const char *wanted = bar + 5;
        size_t n = next ? (size_t)(next + 1 - wanted) : strlen(wanted);

        if (n != is.len || memcmp(wanted, is.data ? is.data : "", n) != 0) {
            t->n_bad++;
            printf("not ok - %s: %s\n# wanted:\n%.*s# is:\n%s", file, in.name, (int)n, wanted,
                   is.data ? is.data : "");
        }
    }
    return next ? next + 1 : NULL;
}

static void take_file(struct tally *t, const char *path)
{
    autobuf struct buf rewritten = {0};
    size_t size;
    char *text, *p;

    a = arena_create();
    text = slurp(path, &size);
    p = text ? strstr(text, "=== ") : NULL;
    if (!p) {
        printf("%s has no cases\n", path);
        exit(2);
    }
    buf_add(&rewritten, text, (size_t)(p - text));
    while (p)
        p = take_case(t, path, p + 4, &rewritten);
    if (t->writes) {
        FILE *f = fopen(path, "we");

        fwrite(rewritten.data, 1, rewritten.len, f);
        fclose(f);
    }
    arena_destroy(a);
}

static int take_folder(const char *folder, bool writes)
{
    struct tally t = {.writes = writes};
    struct dirent *entry;
    DIR *dir = opendir(folder);

    while (dir && (entry = readdir(dir))) {
        char path[4096];

        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        take_file(&t, path);
    }
    if (dir)
        closedir(dir);
    printf("# %u constructs, %u not as written\n", t.n, t.n_bad);
    return !t.n || t.n_bad;
}

static int take_one(const char *path, bool is_error_only)
{
    struct input in = {.src = {.name = path}};
    autobuf struct buf out = {0};
    struct source_range where;
    struct dockerfile d;
    struct err *e;

    a = arena_create();
    in.src.text = slurp(path, &in.src.size);
    if (!in.src.text) {
        perror(path);
        return 2;
    }
    if (is_error_only) {
        e = dockerfile_parse(a, &in.src, &d, &where);
        if (e)
            printf("%s\n%s", err_text(e), source_show(a, &in.src, where));
        err_drop(e);
    } else {
        understand(&out, &in);
        printf("%s", out.data ? out.data : "");
    }
    arena_destroy(a);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "--show"))
        return take_one(argv[2], false);
    if (argc == 3 && !strcmp(argv[1], "--check"))
        return take_one(argv[2], true);
    if (argc == 3 && !strcmp(argv[1], "--write"))
        return take_folder(argv[2], true);
    if (argc == 2)
        return take_folder(argv[1], false);
    fprintf(stderr, "usage: read_constructs [--write] FOLDER | --show FILE | --check FILE\n");
    return 2;
}
